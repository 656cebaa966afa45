local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault custody",
  summary = "Change who opens a vault: a KMS, people with shares, the workspace's key",
  description = [[
One write changes it: there is no moment in which neither the old way nor the new one opens the vault. A KMS must have
given the key back before. Without a URI the KMS that opens the vault wraps its key anew, under the newest version.

With --shares people open a vault that a KMS opened; the shares are shown once. The KMS goes on opening it until they
have been used: seal and unseal with them.]],
  terminal = true,
  params = params.with({
    kms = { type = "string", positional = 1, metavar = "kms-uri",
      doc = "The KMS and its key; local: the key of the workspace whose vault it is" },
    rotate = { type = "bool", default = false, doc = "The KMS makes a new version of its key first" },
    shares = { type = "int", min = 1, max = 255, doc = "How many shares of a key there will be instead of a KMS" },
    threshold = { type = "int", min = 1, max = 255, doc = "How many of them open the vault (all)" },
  }),
  examples = {
    "prov vault custody aws:alias/vault --address https://vault.example:8200",
    "prov vault custody --rotate",
    "prov vault custody --shares 5 --threshold 3",
  },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "any", doc = "What was done, or the shares" } },
  run = function(ctx, p)
    return require("prov.vault.command").custody(ctx, p)
  end,
}
