local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault list",
  summary = "List what is below a path of a vault",
  terminal = true,
  params = params.with({}, "path"),
  examples = { "prov vault list secret/metadata" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "list", of = { type = "string" }, doc = "Names" }, empty = "there is nothing" },
  run = function(ctx, p)
    return require("prov.vault.command").list(ctx, p)
  end,
}
