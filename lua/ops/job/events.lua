return {
  kind = "operation",
  name = "job events",
  where = "orchestrator",
  stream = true,
  summary = "Follow what a job tells, until it ends",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id, or last" },
    after = { type = "string", doc = "Go on behind the event of this id, as with Last-Event-ID" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/jobs/{id}/events", resume = "number" },
  result = {},
  run = function(ctx, p)
    return require("prov.orchestrator.streams").job(ctx, p.id, p.after)
  end,
}
