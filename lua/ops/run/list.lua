return {
  kind = "operation",
  name = "run list",
  summary = "List the runs of the workspace, newest first",
  params = {
    limit = { type = "int", min = 1, default = 20, doc = "How many" },
  },
  permission = { action = "read", resource = "Run" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/runs" },
  result = {
    columns = { "id", "what", "status", "started", "steps", "failed", "skipped" },
    empty = "nothing was run yet",
    schema = require("prov.shapes").with("run", {
      started = { type = "string", required = true, doc = "When it began, as 2026-11-27T09:30:00Z" },
      ended = { type = "string", doc = "When it ended" },
    }),
    list = true,
  },
  run = function(ctx, p)
    local store = assert(assert(ctx:need_workspace()):store())
    local rows = assert(require("prov.engine.runs").list(store, p.limit))
    for _, row in ipairs(rows) do
      row.started = os.date("!%Y-%m-%dT%H:%M:%SZ", row.started)
      row.ended = row.ended and os.date("!%Y-%m-%dT%H:%M:%SZ", row.ended)
    end
    return rows
  end,
}
