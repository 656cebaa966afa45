return {
  kind = "operation",
  name = "schedule show",
  where = "orchestrator",
  summary = "Show a schedule and its next times",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
    times = { type = "int", min = 0, max = 100, default = 5, doc = "How many of its next times" },
  },
  permission = { action = "read", resource = "Schedule" },
  http = { method = "GET", path = "/v1/schedules/{name}" },
  result = { schema = "schedule" },
  run = function(ctx, p)
    return ctx.orchestrator:schedule(p.name, p.times)
  end,
}
