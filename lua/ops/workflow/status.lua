return {
  kind = "operation",
  name = "workflow status",
  shortcuts = { "wfs" },
  summary = "Show how a run of a workflow stands",
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "flow", doc = "Its id, its end, or last" },
  },
  permission = { action = "read", resource = "Workflow" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/workflow-runs/{id}" },
  result = { columns = { "step", "status", "ms", "note" }, rows = "steps", schema = "workflow_run" },
  view = "workflow_run",
  run = function(ctx, p)
    return require("prov.workflow").status(ctx, p.id)
  end,
}
