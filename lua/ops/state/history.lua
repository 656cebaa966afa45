return {
  kind = "operation",
  name = "state history",
  summary = "List the revisions of the state",
  params = {
    limit = { type = "int", min = 1, default = 20, doc = "How many, newest first" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/revisions" },
  result = {
    columns = { "revision", "time", "what" },
    empty = "the state was never changed",
    schema = {
      revision = { type = "int", required = true, doc = "Its number" },
      time = { type = "string", required = true, doc = "When it was made, as 2026-11-27T09:30:00Z" },
      what = { type = "string", doc = "What made it" },
    },
    list = true,
  },
  run = function(ctx, p)
    local workspace = assert(ctx:need_workspace())
    local rows = assert(require("prov.state.history").list(assert(workspace:store()), p.limit))
    for _, row in ipairs(rows) do
      row.time = os.date("!%Y-%m-%dT%H:%M:%SZ", row.time)
    end
    return rows
  end,
}
