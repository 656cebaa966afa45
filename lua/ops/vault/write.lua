local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault write",
  summary = "Write to a path of a vault",
  description = [[
Other users of the machine can see the command line: secrets come from files (NAME=@FILE) or the standard input.]],
  terminal = true,
  params = params.with({}, "path", "fields", "wrap"),
  examples = {
    "prov vault write auth/approle/role/ci token_policies=app",
    "prov vault write secret/data/db - < db.json",
  },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "any", doc = "The answer" } },
  run = function(ctx, p)
    return require("prov.vault.command").write(ctx, p)
  end,
}
