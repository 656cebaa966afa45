local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault token revoke",
  summary = "End a token, its children and its leases",
  terminal = true,
  params = params.with({
    token = { type = "string", positional = 1, doc = "The token; @FILE, or - for the standard input" },
    accessor = { type = "string", doc = "What stands for it, instead" },
  }),
  examples = { "prov vault token revoke --accessor 3kQ1xWZb7rN0" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").token_revoke(ctx, p)
  end,
}
