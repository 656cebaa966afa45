local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault mount list",
  summary = "List what is mounted",
  terminal = true,
  params = params.with({}, "auth"),
  examples = { "prov vault mount list" },
  permission = { action = "read", resource = "Vault" },
  result = {
    columns = { "path", "type", "description", "more" },
    empty = "there is none",
    value = {
      type = "list",
      of = {
        type = "record",
        fields = {
          path = { type = "string", required = true, doc = "Where" },
          type = { type = "string", required = true, doc = "What" },
          description = { type = "string", doc = "What for" },
          more = { type = "string", doc = "Its version" },
        },
      },
    },
  },
  run = function(ctx, p)
    return require("prov.vault.command").mount_list(ctx, p)
  end,
}
