return {
  kind = "operation",
  name = "workspace show",
  summary = "Show a workspace: where it is and what its state holds",
  params = {
    name = { type = "string", positional = 1, complete = "workspace", doc = "Its name or folder" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{name}" },
  result = { columns = { "name", "description", "dir", "revision", "resources" } },
  run = function(ctx, p)
    local workspace, e
    if p.name then
      workspace, e = require("prov.workspace").open(p.name)
    else
      workspace, e = ctx:need_workspace()
    end
    if not workspace then
      return nil, e
    end
    return require("prov.workspaces").summary(workspace)
  end,
}
