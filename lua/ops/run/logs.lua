return {
  kind = "operation",
  name = "run logs",
  summary = "Print the journal of a run",
  description = [[
Every effect is written down before it is tried (intent), when its identity is known (accepted), and
when it has ended (done, failed, or unknown when nobody can say).]],
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
  },
  permission = { action = "read", resource = "Run" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/runs/{id}/logs" },
  result = {
    columns = { "time", "phase", "step", "id", "error" },
    empty = "no step has begun",
    schema = {
      time = { type = "string", required = true, doc = "When, as 2026-11-27T09:30:00Z" },
      step = { type = "string", required = true, doc = "Action and address" },
      phase = {
        type = "enum",
        required = true,
        one_of = { "intent", "accepted", "done", "failed", "unknown" },
        doc = "What is known of it",
      },
      id = { type = "string", doc = "Identity at the provider" },
      error = { type = "any", doc = "What went wrong" },
    },
    list = true,
  },
  run = function(ctx, p)
    local runs = require("prov.engine.runs")
    local store = assert(assert(ctx:need_workspace()):store())
    local rows = assert(runs.journal(store, assert(runs.find(store, p.id)).id))
    for _, row in ipairs(rows) do
      row.time = os.date("!%Y-%m-%dT%H:%M:%SZ", row.time)
    end
    return rows
  end,
}
