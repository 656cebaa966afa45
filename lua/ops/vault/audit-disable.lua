local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault audit disable",
  summary = "Write the audit to a file no more",
  terminal = true,
  params = params.with({
    path = { type = "string", required = true, positional = 1, doc = "What it is called" },
  }),
  examples = { "prov vault audit disable second" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").audit_disable(ctx, p)
  end,
}
