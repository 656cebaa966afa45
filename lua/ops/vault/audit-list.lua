local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault audit list",
  summary = "List the files a vault writes its audit to",
  terminal = true,
  params = params.with({}),
  examples = { "prov vault audit list" },
  permission = { action = "read", resource = "Vault" },
  result = params.mounted("The file"),
  run = function(ctx, p)
    return require("prov.vault.command").audit_list(ctx, p)
  end,
}
