return {
  kind = "operation",
  name = "run show",
  summary = "Show what became of the steps of a run",
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
  },
  permission = { action = "read", resource = "Run" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/runs/{id}" },
  result = { columns = { "id", "what", "status", "steps", "failed", "skipped", "started", "ended" } },
  view = "run",
  run = function(ctx, p)
    local runs = require("prov.engine.runs")
    local store = assert(assert(ctx:need_workspace()):store())
    local run = assert(runs.find(store, p.id))
    run.journal = runs.steps(assert(runs.journal(store, run.id)))
    return run
  end,
}
