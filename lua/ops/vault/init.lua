local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault init",
  summary = "Make the vault of a server",
  description = [[
Shows the shares and the token of root once; nobody has them afterwards but you. A vault with --seal has no shares that
open it, but a recovery key. That of a workspace is made at its first use, and needs none of this.]],
  terminal = true,
  params = params.with({
    shares = { type = "int", min = 1, max = 255, default = 5, doc = "How many shares of the key there will be" },
    threshold = { type = "int", min = 1, max = 255, default = 3, doc = "How many of them open it" },
    recovery_shares = { type = "int", min = 1, max = 255, doc = "With --seal: shares of the recovery key" },
    recovery_threshold = { type = "int", min = 1, max = 255, doc = "How many of those are needed" },
  }),
  examples = { "prov vault init --address http://127.0.0.1:8200 --shares 5 --threshold 3" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "any", doc = "Shares of its key, and the token of root" } },
  run = function(ctx, p)
    return require("prov.vault.command").init(ctx, p)
  end,
}
