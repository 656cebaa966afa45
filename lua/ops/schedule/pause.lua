return {
  kind = "operation",
  name = "schedule pause",
  where = "orchestrator",
  summary = "Stop a schedule for a while",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  permission = { action = "update", resource = "Schedule" },
  http = { method = "POST", path = "/v1/schedules/{name}/pause" },
  result = { columns = { "name", "words", "operation", "workspace", "next", "paused" }, schema = "schedule" },
  run = function(ctx, p)
    return ctx.orchestrator:pause_schedule(p.name, true)
  end,
}
