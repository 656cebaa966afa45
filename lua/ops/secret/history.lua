return {
  kind = "operation",
  name = "secret history",
  summary = "The versions of a secret of the workspace",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  examples = { "prov secret history db/password" },
  permission = { action = "read", resource = "Secret" },
  result = {
    columns = { "version", "created", "deleted" },
    schema = {
      version = { type = "int", required = true, doc = "Its number" },
      created = { type = "string", required = true, doc = "When it was made" },
      deleted = { type = "bool", required = true, doc = "Whether it was removed" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.secrets.command").history(ctx, p)
  end,
}
