return {
  kind = "operation",
  name = "secret remove",
  summary = "Take a secret of the workspace away; it can be restored",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  examples = { "prov secret remove old/token" },
  permission = { action = "delete", resource = "Secret" },
  result = { schema = { name = { type = "string", required = true, doc = "Its name" } } },
  run = function(ctx, p)
    return require("prov.secrets.command").remove(ctx, p)
  end,
}
