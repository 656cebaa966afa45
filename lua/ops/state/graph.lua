return {
  kind = "operation",
  name = "state graph",
  summary = "Print what prov knows as a dependency graph",
  params = {
    format = { type = "enum", one_of = { "dot", "mermaid", "json", "svg" }, default = "dot", doc = "Its form" },
    revision = { type = "int", min = 0, doc = "The state as it was at this revision" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/graph" },
  result = { value = { type = "any", doc = "The graph: as text in its form, or its nodes and edges" } },
  view = "text",
  run = function(ctx, p)
    local state = assert(require("prov.state").load(assert(assert(ctx:need_workspace()):store()), p.revision))
    local nodes = {}
    for i, address in ipairs(state:addresses()) do
      nodes[i] = state.records[address]
    end
    if ctx.output == "json" or ctx.output == "yaml" then
      return require("prov.graph_text").data(nodes)
    end
    return require("prov.graph_text").render(nodes, p.format)
  end,
}
