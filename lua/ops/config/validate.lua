return {
  kind = "operation",
  name = "config validate",
  summary = "Check the settings of every layer",
  description = [[
Names every setting that does not exist, every value of the wrong type, every file that does not read and every
circle of `${...}`, with file, line and column.]],
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-validate" },
  result = {
    columns = { "settings", "files" },
    schema = {
      settings = { type = "int", required = true, doc = "How many settings there are" },
      files = { type = "list", of = { type = "string" }, required = true, doc = "The files that were read" },
    },
  },
  run = function(ctx)
    return require("prov.config.ops").validate(ctx)
  end,
}
