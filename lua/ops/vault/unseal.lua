local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault unseal",
  summary = "Give a share of the key to a vault that is sealed",
  description = [[
Asks for the share on the terminal, or reads it from the standard input.
Once enough of them have come the vault is open.]],
  terminal = true,
  params = params.with({
    reset = { type = "bool", default = false, doc = "Forget the shares that have come, and begin anew" },
  }),
  examples = { "prov vault unseal --address http://127.0.0.1:8200" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "any", doc = "How it is now" } },
  run = function(ctx, p)
    return require("prov.vault.command").unseal(ctx, p)
  end,
}
