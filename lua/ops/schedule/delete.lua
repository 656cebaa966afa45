return {
  kind = "operation",
  name = "schedule delete",
  where = "orchestrator",
  summary = "Remove a schedule; jobs it has made stay",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
  },
  permission = { action = "delete", resource = "Schedule" },
  http = { method = "DELETE", path = "/v1/schedules/{name}", match = true },
  result = { columns = { "name", "words", "operation", "workspace", "next", "paused" }, schema = "schedule" },
  run = function(ctx, p)
    return ctx.orchestrator:delete_schedule(p.name, ctx.if_match)
  end,
}
