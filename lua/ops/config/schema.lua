return {
  kind = "operation",
  name = "config schema",
  summary = "Print the JSON Schema of the settings, for editors",
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-schema" },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(ctx)
    return require("prov.config.ops").schema(ctx)
  end,
}
