local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault read",
  summary = "Read a path of a vault",
  terminal = true,
  params = params.with({}, "path", "fields", "wrap"),
  examples = {
    "prov vault read secret/data/db",
    "prov vault read auth/token/lookup-self",
  },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "any", doc = "What is there" } },
  run = function(ctx, p)
    return require("prov.vault.command").read(ctx, p)
  end,
}
