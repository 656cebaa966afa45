return {
  kind = "operation",
  name = "state diff",
  summary = "Show what changed between two revisions of the state",
  params = {
    from = { type = "int", min = 0, positional = 1, doc = "Revision; the one before the last when absent" },
    to = { type = "int", min = 0, positional = 2, doc = "Revision; the last one when absent" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/diff" },
  result = { columns = { "address", "change" }, schema = "state_diff" },
  view = "state_diff",
  run = function(ctx, p)
    local state = require("prov.state")
    local store = assert(assert(ctx:need_workspace()):store())
    local to = assert(state.load(store, p.to))
    local from = assert(state.load(store, p.from or math.max(to.revision - 1, 0)))
    return { from = from.revision, to = to.revision, changes = require("prov.state.history").diff(from, to) }
  end,
}
