return {
  kind = "operation",
  name = "workflow graph",
  summary = "Print the graph of a workflow's steps",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "workflow", doc = "The workflow" },
    format = { type = "enum", one_of = { "dot", "mermaid", "json" }, default = "dot", doc = "Notation" },
    input = { type = "map", of = { type = "string" }, short = "i", doc = "An input, its value in YAML" },
    inputs = { type = "path", doc = "A YAML file with inputs" },
  },
  examples = { "prov workflow graph release | dot -Tsvg > release.svg" },
  permission = { action = "read", resource = "Workflow" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/workflows/{name}/graph" },
  result = { value = { type = "any", doc = "The graph: as text in its form, or its nodes and edges" } },
  view = "text",
  run = function(ctx, p)
    local nodes, e = require("prov.workflow").nodes(ctx, p)
    if not nodes then
      return nil, e
    elseif ctx.output == "json" or ctx.output == "yaml" then
      return require("prov.graph_text").data(nodes)
    end
    return require("prov.graph_text").render(nodes, p.format)
  end,
}
