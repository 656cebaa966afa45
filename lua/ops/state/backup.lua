return {
  kind = "operation",
  name = "state backup",
  summary = "Write a consistent copy of the store while others go on",
  description = "The copy is sealed with the workspace's key: keep that too. It is read back before the command ends.",
  params = {
    file = { type = "path", file = "out", required = true, positional = 1, doc = "New file" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/backup" },
  result = { columns = { "file", "revision", "nodes", "bytes" } },
  run = function(ctx, p)
    return require("prov.states").backup(ctx, p.file)
  end,
}
