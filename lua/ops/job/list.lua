return {
  kind = "operation",
  name = "job list",
  shortcuts = { "jl" },
  where = "orchestrator",
  summary = "List the jobs of the orchestrator, newest first",
  params = {
    state = {
      type = "enum",
      one_of = { "waiting", "running", "done", "failed", "canceled", "dead" },
      doc = "Only those in this state; dead ones could not be brought to an end",
    },
    of = { type = "string", metavar = "workspace", doc = "Only those of this workspace" },
    operation = { type = "string", doc = "Only those that run this operation" },
    limit = { type = "int", min = 1, max = 1000, default = 50, doc = "How many" },
    cursor = { type = "string", doc = "Where to go on, from the page before" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/jobs" },
  result = {
    columns = { "id", "state", "operation", "workspace", "created", "reason" },
    wide = { "priority", "attempts", "run_at", "started", "ended", "schedule" },
    empty = "no jobs",
    schema = "job",
    list = true,
  },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").list(ctx, p)
  end,
}
