return {
  kind = "operation",
  name = "validate",
  shortcuts = { "val" },
  summary = "Check the infra of the workspace",
  description = [[
Loads the infra, checks every field against its contract and every reference against what it names,
and prints all errors at once with file, line and column. Asks no provider and changes nothing.]],
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/validate" },
  result = {
    columns = { "workspace", "resources", "taskservs", "outputs" },
    schema = {
      workspace = { type = "string", required = true, doc = "Its name" },
      resources = { type = "int", required = true, doc = "Declared resources" },
      taskservs = { type = "int", required = true, doc = "Declared task services" },
      outputs = { type = "int", required = true, doc = "Declared outputs" },
    },
  },
  view = "validate",
  run = function(ctx)
    return require("prov.validate").run(ctx)
  end,
}
