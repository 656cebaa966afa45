local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault kv get",
  summary = "Show a secret",
  terminal = true,
  params = params.with({
    field = { type = "string", short = "f", doc = "Only this value" },
    version = { type = "int", min = 1, doc = "An older version" },
  }, "secret"),
  examples = {
    "prov vault kv get secret/db",
    "prov vault kv get secret/db --field password",
  },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "any", doc = "The secret" } },
  run = function(ctx, p)
    return require("prov.vault.command").kv_get(ctx, p)
  end,
}
