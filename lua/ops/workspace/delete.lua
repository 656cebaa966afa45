return {
  kind = "operation",
  name = "workspace delete",
  summary = "Forget a workspace and delete its state",
  description = [[
Refuses while the state still names resources: destroy them first, or they run on with nobody to
know of them. The infra files stay, unless --files is given.]],
  params = {
    name = { type = "string", required = true, positional = 1, complete = "workspace", doc = "Its name or folder" },
    files = { type = "bool", default = false, doc = "Delete the whole folder too" },
    force = { type = "bool", default = false, doc = "Even though the state names resources" },
  },
  permission = { action = "delete", resource = "Workspace" },
  http = { method = "DELETE", path = "/v1/workspaces/{name}" },
  mcp = { destructive = true },
  result = {
    columns = { "name", "dir", "deleted" },
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      dir = { type = "string", required = true, doc = "Its folder" },
      deleted = { type = "enum", required = true, one_of = { "state", "folder" }, doc = "How much" },
    },
  },
  run = function(ctx, p)
    return require("prov.workspaces").delete(ctx, p)
  end,
}
