local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault custody",
  summary = "Let a KMS open the vault from now on",
  description = [[
One write changes it: there is no moment in which neither the old way nor the new one opens the vault.]],
  terminal = true,
  params = params.with({
    kms = { type = "string", required = true, positional = 1, metavar = "kms-uri", doc = "The KMS and its key" },
  }),
  examples = { "prov vault custody aws:alias/vault --address https://vault.example:8200" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").custody(ctx, p)
  end,
}
