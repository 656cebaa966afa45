local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault token lookup",
  summary = "Show what a token is",
  terminal = true,
  params = params.with({
    token = { type = "string", positional = 1,
      doc = "The token; @FILE, or - for the standard input. Else the one that asks" },
  }),
  examples = { "prov vault token lookup" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "any", doc = "The token" } },
  run = function(ctx, p)
    return require("prov.vault.command").token_lookup(ctx, p)
  end,
}
