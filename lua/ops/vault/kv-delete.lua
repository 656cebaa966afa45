local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault kv delete",
  summary = "Delete a secret",
  description = [[
The newest version is marked as deleted and can come back (prov vault write secret/undelete/db versions=3).]],
  terminal = true,
  params = params.with({
    all = { type = "bool", default = false, doc = "All versions, for good" },
  }, "secret"),
  examples = { "prov vault kv delete secret/db" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").kv_delete(ctx, p)
  end,
}
