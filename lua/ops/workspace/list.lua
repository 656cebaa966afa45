return {
  kind = "operation",
  name = "workspace list",
  shortcuts = { "wl" },
  summary = "List the workspaces you have used",
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces" },
  result = {
    columns = { "name", "current", "dir" },
    wide = { "description" },
    empty = "no workspaces; prov workspace new NAME makes one",
  },
  run = function()
    return require("prov.workspaces").list()
  end,
}
