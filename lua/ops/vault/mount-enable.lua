local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault mount enable",
  summary = "Mount a secrets engine or auth method",
  terminal = true,
  params = params.with({
    type = { type = "string", required = true, positional = 1, doc = "kv-v2, kv, userpass, approle, ..." },
    path = { type = "string", required = true, positional = 2, doc = "Where" },
    description = { type = "string", doc = "What it is for" },
    fields = { type = "list", of = { type = "string" }, positional = 3, metavar = "NAME=VALUE", doc = "Options" },
  }, "auth"),
  examples = {
    "prov vault mount enable kv-v2 team",
    "prov vault mount enable --auth userpass userpass",
  },
  permission = { action = "create", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").mount_enable(ctx, p)
  end,
}
