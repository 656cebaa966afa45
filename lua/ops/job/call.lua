return {
  kind = "operation",
  name = "call",
  hidden = true,
  where = "orchestrator",
  stream = true,
  summary = "Run an operation and follow it to its end",
  description = [[
What `prov --remote` does. An operation that only reads is run at once; any other becomes a job, which the
first event names, and which goes on when its follower leaves. The last event is "result".]],
  params = require("prov.orchestrator.request").SCHEMA,
  permission = { action = "create", resource = "Job" },
  http = { method = "POST", path = "/v1/calls", once = true },
  result = {},
  run = function(ctx, p)
    return require("prov.orchestrator.streams").call(ctx, p)
  end,
}
