local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault mount list",
  summary = "List what is mounted",
  terminal = true,
  params = params.with({}, "auth"),
  examples = { "prov vault mount list" },
  permission = { action = "read", resource = "Vault" },
  result = params.mounted("Its version"),
  run = function(ctx, p)
    return require("prov.vault.command").mount_list(ctx, p)
  end,
}
