local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault audit list",
  summary = "List the files a vault writes its audit to",
  terminal = true,
  params = params.with({}),
  examples = { "prov vault audit list" },
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
          more = { type = "string", doc = "The file" },
        },
      },
    },
  },
  run = function(ctx, p)
    return require("prov.vault.command").audit_list(ctx, p)
  end,
}
