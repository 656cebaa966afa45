local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault policy write",
  summary = "Write a policy",
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 2, doc = "The text (HCL or JSON); - is the standard input" },
  }, "name"),
  examples = { "prov vault policy write app app.hcl" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").policy_write(ctx, p)
  end,
}
