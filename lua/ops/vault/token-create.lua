local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault token create",
  summary = "Make a token",
  terminal = true,
  params = params.with({
    policy = { type = "list", of = { type = "string" }, doc = "Its policies; by default those of the token that asks" },
    ttl = { type = "duration", doc = "How long it lasts" },
    period = { type = "duration", doc = "Renewed within this time it never ends" },
    uses = { type = "int", min = 1, doc = "How often it works" },
    orphan = { type = "bool", default = false, doc = "It does not end with the token that asks" },
    name = { type = "string", doc = "What it is called in the audit" },
  }),
  examples = { "prov vault token create --policy app --ttl 1h" },
  permission = { action = "create", resource = "Vault" },
  result = { value = { type = "any", doc = "The token" } },
  run = function(ctx, p)
    return require("prov.vault.command").token_create(ctx, p)
  end,
}
