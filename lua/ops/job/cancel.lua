return {
  kind = "operation",
  name = "job cancel",
  where = "orchestrator",
  summary = "Cancel a job",
  description = [[
One that waits never begins. One that runs is interrupted as by Ctrl-C: no new step begins and running ones
end; --now cancels those too.]],
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id" },
    now = { type = "bool", default = false, doc = "Cancel what it does now, too" },
  },
  permission = { action = "update", resource = "Job" },
  http = { method = "POST", path = "/v1/jobs/{id}/cancel" },
  result = { columns = { "id", "operation", "workspace", "state" }, schema = "job" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").cancel(ctx, p.id, p.now)
  end,
}
