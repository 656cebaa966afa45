return {
  kind = "operation",
  name = "schedule resume",
  where = "orchestrator",
  summary = "Let a paused schedule go on; what it missed meanwhile is left out",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  permission = { action = "update", resource = "Schedule" },
  http = { method = "POST", path = "/v1/schedules/{name}/resume" },
  result = { columns = { "name", "words", "operation", "workspace", "next", "paused" }, schema = "schedule" },
  run = function(ctx, p)
    return ctx.orchestrator:pause_schedule(p.name, false)
  end,
}
