return {
  kind = "operation",
  name = "graph",
  summary = "Print the dependency graph",
  params = {
    format = { type = "enum", one_of = { "dot", "mermaid", "json", "svg" }, default = "dot", doc = "Its form" },
    recorded = { type = "bool", default = false, doc = "The graph in the state instead of the one in the infra" },
  },
  permission = { action = "read", resource = "Workspace" },
  result = {},
  view = "text",
  run = function(ctx, p)
    local project <close> = assert(require("prov.project").open(ctx, { infra = p.recorded and "no" or "need" }))
    local nodes = {}
    if p.recorded then
      for i, address in ipairs(project.state:addresses()) do
        nodes[i] = project.state.records[address]
      end
    else
      for _, list in ipairs({ project.infra.resources, project.infra.taskservs }) do
        table.move(list, 1, #list, #nodes + 1, nodes)
      end
    end
    if ctx.output == "json" or ctx.output == "yaml" then
      return require("prov.graph_text").data(nodes)
    end
    return require("prov.graph_text").render(nodes, p.format)
  end,
}
