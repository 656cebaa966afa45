return {
  kind = "operation",
  name = "config env",
  summary = "List the environment variable of every setting",
  params = {
    group = { type = "string", positional = 1, complete = "config_group", doc = "Only this group" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-env" },
  result = {
    columns = { "variable", "key", "set" },
    wide = { "doc" },
    schema = {
      variable = { type = "string", required = true, doc = "Its name" },
      key = { type = "string", required = true, doc = "The setting" },
      set = { type = "bool", required = true, doc = "It is set" },
      doc = { type = "string", doc = "What it is for" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.config.ops").env(ctx, p)
  end,
}
