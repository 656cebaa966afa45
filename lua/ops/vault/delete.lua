local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault delete",
  summary = "Delete a path of a vault",
  terminal = true,
  params = params.with({}, "path"),
  examples = { "prov vault delete auth/approle/role/ci" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "any", doc = "The answer" } },
  run = function(ctx, p)
    return require("prov.vault.command").delete(ctx, p)
  end,
}
