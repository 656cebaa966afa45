return {
  kind = "operation",
  name = "schedule list",
  where = "orchestrator",
  summary = "List the schedules",
  permission = { action = "read", resource = "Schedule" },
  http = { method = "GET", path = "/v1/schedules" },
  result = {
    columns = { "name", "words", "operation", "workspace", "next", "paused" },
    wide = { "cron", "zone", "last", "last_job", "last_error" },
    empty = "no schedules; 'prov schedule set' makes one",
    schema = "schedule",
    list = true,
  },
  run = function(ctx)
    return ctx.orchestrator:list_schedules()
  end,
}
