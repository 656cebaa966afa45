return {
  kind = "operation",
  name = "run diff",
  summary = "Show what a run changed in the state",
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
  },
  permission = { action = "read", resource = "Run" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/runs/{id}/diff" },
  result = {
    columns = { "address", "change" },
    rows = "changes",
    schema = "state_diff",
  },
  view = "state_diff",
  run = function(ctx, p)
    return require("prov.engine.runs").diff(assert(assert(ctx:need_workspace()):store()), p.id)
  end,
}
