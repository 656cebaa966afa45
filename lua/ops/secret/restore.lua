return {
  kind = "operation",
  name = "secret restore",
  summary = "Bring a removed secret of the workspace back",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
    revision = { type = "int", min = 1, doc = "This version instead of the newest" },
  },
  examples = { "prov secret restore old/token" },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      version = { type = "int", required = true, doc = "The version that is the newest now" },
    },
  },
  run = function(ctx, p)
    return require("prov.secrets.command").restore(ctx, p)
  end,
}
