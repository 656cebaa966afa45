return {
  kind = "operation",
  name = "state import",
  summary = "Make the state what an export says",
  description = "Replaces the whole state, as a new revision. Values that were exported without --secrets are missing.",
  params = {
    file = { type = "path", file = "in", required = true, positional = 1, doc = "What 'prov state export' wrote" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/import" },
  result = { columns = { "address", "change" }, schema = "state_diff" },
  view = "state_diff",
  run = function(ctx, p)
    return require("prov.states").import(ctx, p.file)
  end,
}
