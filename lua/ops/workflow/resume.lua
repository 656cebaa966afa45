return {
  kind = "operation",
  name = "workflow resume",
  summary = "Go on with a run that was killed, cancelled, failed or waits",
  description = [[
Steps that were done are not run again; failed and interrupted ones are. A step that was interrupted and
may do harm when it is run again (as 'server exec') needs a word: --again STEP runs it again, --skip STEP
goes on without it.]],
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "flow", doc = "Its id, its end, or last" },
    again = { type = "list", of = { type = "string" }, doc = "Run this step again" },
    skip = { type = "list", of = { type = "string" }, doc = "Go on without this step" },
    detach = { type = "bool", default = false, doc = "Do not wait for approvals" },
  },
  shared = true,
  permission = { action = "run", resource = "Workflow" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/workflow-runs/{id}/resume" },
  mcp = { destructive = true },
  result = { columns = { "step", "status", "ms", "note" }, rows = "steps", name = "id", schema = "workflow_run" },
  view = "workflow_run",
  run = function(ctx, p)
    return require("prov.workflow").resume(ctx, p)
  end,
  exit_code = function(value)
    local code = { done = 0, waiting = 0, interrupted = 130, canceled = 130 }
    return code[value.status] or 1
  end,
}
