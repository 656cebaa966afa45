return {
  kind = "operation",
  name = "infra get",
  summary = "Print what the files of the infra say of something, as it is written",
  params = {
    name = { type = "string", default = ".", positional = 1, doc = "server.web, server.web.plan, outputs; . is all" },
  },
  examples = { "prov infra get server.web", "prov infra get server.web.labels -o yaml" },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/infra/{name}" },
  result = { value = { type = "any", doc = "The value" } },
  view = "data",
  run = function(ctx, p)
    return require("prov.infra.edit").show(ctx, p)
  end,
}
