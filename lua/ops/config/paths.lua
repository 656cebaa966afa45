return {
  kind = "operation",
  name = "config paths",
  summary = "List the files that settings may come from, strongest first",
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-paths" },
  result = {
    columns = { "layer", "path", "exists" },
    schema = {
      layer = { type = "string", required = true, doc = "workspace, env-defaults or user" },
      path = { type = "string", required = true, doc = "The file" },
      exists = { type = "bool", required = true, doc = "It is there" },
    },
    list = true,
  },
  run = function(ctx)
    return require("prov.config.ops").paths(ctx)
  end,
}
