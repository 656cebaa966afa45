local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault policy read",
  summary = "Show a policy",
  terminal = true,
  params = params.with({}, "name"),
  examples = { "prov vault policy read default" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "string", doc = "Its text" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").policy_read(ctx, p)
  end,
}
