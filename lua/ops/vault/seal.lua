local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault seal",
  summary = "Let a server forget the keys of its vault",
  terminal = true,
  params = params.with({}),
  examples = { "prov vault seal --address http://127.0.0.1:8200" },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").seal(ctx, p)
  end,
}
