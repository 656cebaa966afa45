return {
  kind = "operation",
  name = "workspace show",
  summary = "Show a workspace: where it is and what its state holds",
  params = {
    name = { type = "string", positional = 1, complete = "workspace", doc = "Its name or folder" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{name}" },
  result = {
    columns = { "name", "description", "dir", "revision", "resources" },
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      description = { type = "string", doc = "What it is for" },
      dir = { type = "string", required = true, doc = "Its folder" },
      environments = {
        type = "list",
        of = { type = "string" },
        required = true,
        doc = "Its environments, for -e",
      },
      revision = { type = "int", required = true, doc = "Revision of its state" },
      resources = { type = "int", required = true, doc = "Resources in its state" },
    },
  },
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
