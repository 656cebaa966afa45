local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault kv list",
  summary = "List secrets",
  terminal = true,
  params = params.with({}, "secret"),
  examples = { "prov vault kv list secret" },
  permission = { action = "read", resource = "Vault" },
  result = {
    value = { type = "list", of = { type = "string" }, doc = "Names; folders end in a slash" },
    empty = "there is nothing",
  },
  run = function(ctx, p)
    return require("prov.vault.command").kv_list(ctx, p)
  end,
}
