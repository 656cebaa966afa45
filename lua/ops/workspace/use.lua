return {
  kind = "operation",
  name = "workspace use",
  shortcuts = { "wu" },
  summary = "Choose the workspace that is used when no other is named",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "workspace", doc = "Its name or folder" },
  },
  permission = { action = "read", resource = "Workspace" },
  result = { columns = { "name", "dir" } },
  run = function(_, p)
    local workspace, e = require("prov.workspace").use(p.name)
    return workspace and { name = workspace.name, dir = workspace.dir }, e
  end,
}
