return {
  kind = "operation",
  name = "workflow list",
  shortcuts = { "wfl" },
  summary = "List the workflows there are",
  params = {},
  permission = { action = "read", resource = "Workflow" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/workflows" },
  result = {
    columns = { "name", "summary" },
    wide = { "path" },
    schema = "extension_row",
    list = true,
    empty = "no workflows; 'prov extension new workflow NAME' writes one",
  },
  run = function(ctx)
    return require("prov.extensions").list(ctx.registry, "workflow")
  end,
}
