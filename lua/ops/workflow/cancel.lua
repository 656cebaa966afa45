return {
  kind = "operation",
  name = "workflow cancel",
  summary = "End a run of a workflow: no new step begins",
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "flow", doc = "Its id, its end, or last" },
    now = { type = "bool", default = false, doc = "Cancel the running steps too" },
  },
  shared = true,
  permission = { action = "update", resource = "Workflow" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/workflow-runs/{id}/cancel" },
  result = {
    columns = { "id", "status", "owner" },
    schema = {
      id = { type = "string", required = true, doc = "The run" },
      status = { type = "string", required = true, doc = "Where it stands" },
      owner = { type = "string", doc = "Who works on it" },
    },
  },
  run = function(ctx, p)
    return require("prov.workflow").cancel(ctx, p)
  end,
}
