return {
  kind = "operation",
  name = "job retry",
  where = "orchestrator",
  summary = "Let a job that failed, died or was cancelled run again",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id, or last" },
  },
  permission = { action = "update", resource = "Job" },
  http = { method = "POST", path = "/v1/jobs/{id}/retry" },
  result = { columns = { "id", "operation", "workspace", "state" }, schema = "job" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").retry(ctx, p.id)
  end,
}
