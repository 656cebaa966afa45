return {
  kind = "operation",
  name = "workflow show",
  summary = "Show the inputs and steps of a workflow",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "workflow", doc = "The workflow" },
  },
  permission = { action = "read", resource = "Workflow" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/workflows/{name}" },
  result = {
    columns = { "name", "run", "workspace", "needs" }, rows = "steps",
    value = { type = "record", open = true, fields = {
      name = { type = "string", required = true, doc = "Its name" },
      steps = { type = "list", required = true, of = { type = "any" }, doc = "Its steps" },
    } },
  },
  view = "workflow",
  run = function(ctx, p)
    return require("prov.workflow").show(ctx, p.name)
  end,
}
