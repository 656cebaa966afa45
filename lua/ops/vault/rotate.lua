local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault rotate",
  summary = "Begin a new key for what is written to a vault",
  description = [[
What is there is sealed anew with it, little by little; everything can be read and written meanwhile.]],
  terminal = true,
  params = params.with({}),
  examples = { "prov vault rotate" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").rotate(ctx, p)
  end,
}
