return {
  kind = "operation",
  name = "config export",
  summary = "Print the settings as one file, or as environment variables",
  params = {
    format = {
      type = "enum",
      one_of = { "yaml", "toml", "json", "env" },
      default = "yaml",
      positional = 1,
      doc = "Form",
    },
    all = { type = "bool", doc = "Defaults too" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-export" },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.config.ops").export(ctx, p)
  end,
}
