return {
  kind = "operation",
  name = "job feed",
  where = "orchestrator",
  stream = true,
  summary = "Follow the states of all jobs",
  description = [[
Goes on from Last-Event-ID when the orchestrator still remembers it; else the first event is "reset", and
the list of jobs has to be read again.]],
  params = {
    after = { type = "string", doc = "Go on behind the event of this id, as with Last-Event-ID" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/events" },
  result = {},
  run = function(ctx, p)
    return require("prov.orchestrator.streams").feed(ctx, p.after)
  end,
}
