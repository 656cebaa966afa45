return {
  kind = "operation",
  name = "state restore",
  summary = "Make the state as it was at a revision",
  description = "Only what prov knows changes, as a new revision; 'prov plan' then shows how the world differs.",
  params = {
    revision = { type = "int", min = 0, required = true, positional = 1, doc = "See 'prov state history'" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/restore" },
  result = { columns = { "address", "change" }, schema = "state_diff" },
  view = "state_diff",
  run = function(ctx, p)
    return require("prov.states").restore(ctx, p.revision)
  end,
}
