return {
  kind = "operation",
  name = "workflow runs",
  summary = "List the runs of workflows, newest first",
  params = {
    limit = { type = "int", min = 1, default = 20, doc = "How many" },
  },
  permission = { action = "read", resource = "Workflow" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/workflow-runs" },
  result = {
    columns = { "id", "workflow", "status", "started", "error" }, empty = "no workflow was run yet",
    value = { type = "list", of = { type = "record", open = true, fields = {
      id = { type = "string", required = true, doc = "The run" },
      workflow = { type = "string", required = true, doc = "What it is a run of" },
      status = { type = "string", required = true, doc = "Where it stands" },
      started = { type = "string", required = true, doc = "When it began" },
    } } },
  },
  run = function(ctx, p)
    return require("prov.workflow").runs(ctx, p.limit)
  end,
}
