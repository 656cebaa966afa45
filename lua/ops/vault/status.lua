local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault status",
  summary = "Show whether a vault is sealed",
  terminal = true,
  params = params.with({}),
  examples = {
    "prov vault status",
    "prov vault status --address http://127.0.0.1:8200",
  },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "any", doc = "How it is" } },
  run = function(ctx, p)
    return require("prov.vault.command").status(ctx, p)
  end,
}
