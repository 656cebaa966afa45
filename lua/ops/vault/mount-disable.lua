local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault mount disable",
  summary = "Take a mount away, with all that is in it",
  terminal = true,
  params = params.with({
    path = { type = "string", required = true, positional = 1, doc = "Where it is" },
  }, "auth"),
  examples = { "prov vault mount disable team" },
  permission = { action = "delete", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").mount_disable(ctx, p)
  end,
}
