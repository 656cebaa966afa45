local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault policy list",
  summary = "List policies",
  terminal = true,
  params = params.with({}),
  examples = { "prov vault policy list" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "list", of = { type = "string" }, doc = "Names" }, empty = "there is nothing" },
  run = function(ctx, p)
    return require("prov.vault.command").policy_list(ctx, p)
  end,
}
