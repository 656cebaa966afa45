return {
  kind = "operation",
  name = "job show",
  shortcuts = { "js" },
  where = "orchestrator",
  summary = "Show a job, its parameters and its result",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id, or last" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/jobs/{id}" },
  result = {
    columns = { "id", "state", "operation", "workspace", "params", "created", "started", "ended", "exit_code", "reason",
      "errors" },
    schema = "job",
  },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").show(ctx, p.id)
  end,
}
