local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault policy delete",
  summary = "Delete a policy",
  terminal = true,
  params = params.with({}, "name"),
  examples = { "prov vault policy delete app" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").policy_delete(ctx, p)
  end,
}
