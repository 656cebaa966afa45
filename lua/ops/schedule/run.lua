return {
  kind = "operation",
  name = "schedule run",
  where = "orchestrator",
  summary = "Make the job of a schedule now, beside its times",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  permission = { action = "create", resource = "Job" },
  http = { method = "POST", path = "/v1/schedules/{name}/run", status = 202, location = "/v1/jobs/{id}" },
  result = { columns = { "id", "operation", "workspace", "state" }, schema = "job" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").run_schedule(ctx, p.name)
  end,
}
