return {
  kind = "operation",
  name = "job submit",
  where = "orchestrator",
  summary = "Let the orchestrator run an operation",
  description = [[
The job is on disk when this returns. It waits for its turn: of those that change one workspace, the one
with the highest priority goes first, and one at a time.]],
  params = require("prov.orchestrator.request").submission(),
  examples = {
    "prov job submit apply -w shop",
    "prov job submit 'server restart' -w shop --params name=web-1 --delay 1h",
  },
  permission = { action = "create", resource = "Job" },
  http = { method = "POST", path = "/v1/jobs", status = 202, once = true, location = "/v1/jobs/{id}" },
  result = { columns = { "id", "operation", "workspace", "state" }, schema = "job" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").submit(ctx, p)
  end,
}
