return {
  kind = "operation",
  name = "workflow validate",
  summary = "Check workflows: names, parameters, conditions, circles",
  description = [[
Everything that can be known before a run: operations and their parameters, names in ${...} and
conditions, edges, matrices, sub-workflows and workspaces. Inputs that are not given are taken as right.]],
  params = {
    name = { type = "string", positional = 1, complete = "workflow", doc = "Only this one" },
    input = { type = "map", of = { type = "string" }, short = "i", doc = "An input, its value in YAML" },
    inputs = { type = "path", doc = "A YAML file with inputs" },
  },
  permission = { action = "read", resource = "Workflow" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/workflows/validate" },
  result = {
    columns = { "name", "status", "steps" }, empty = "there are no workflows",
    schema = {
      name = { type = "string", required = true, doc = "The workflow" },
      status = { type = "string", required = true, doc = "ok" },
      steps = { type = "int", doc = "How many steps it has" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.workflow").validate(ctx, p)
  end,
}
