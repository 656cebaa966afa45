return {
  kind = "operation",
  name = "run show",
  summary = "Show what became of the steps of a run",
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
  },
  permission = { action = "read", resource = "Run" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/runs/{id}" },
  result = {
    columns = { "id", "what", "status", "steps", "failed", "skipped", "started", "ended" },
    schema = require("prov.shapes").with("run", {
      journal = {
        type = "list",
        required = true,
        doc = "What became of its steps, in the order in which they began",
        of = {
          type = "record",
          fields = {
            step = { type = "string", required = true, doc = "Action and address" },
            phase = { type = "string", required = true, doc = "intent, accepted, done, failed or unknown" },
            began = { type = "int", required = true, doc = "Seconds since 1970" },
            ended = { type = "int", doc = "Seconds since 1970" },
            id = { type = "string", doc = "Identity at the provider" },
            error = { type = "any", doc = "What went wrong" },
          },
        },
      },
    }),
  },
  view = "run",
  run = function(ctx, p)
    local runs = require("prov.engine.runs")
    local store = assert(assert(ctx:need_workspace()):store())
    local run = assert(runs.find(store, p.id))
    run.journal = runs.steps(assert(runs.journal(store, run.id)))
    return run
  end,
}
