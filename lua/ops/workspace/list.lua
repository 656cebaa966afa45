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
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      dir = { type = "string", required = true, doc = "Its folder" },
      description = { type = "string", doc = "What it is for" },
      current = { type = "bool", required = true, doc = "It is used when no other is named" },
      missing = { type = "bool", doc = "Its folder is not there" },
    },
    list = true,
  },
  run = function()
    return require("prov.workspaces").list()
  end,
}
