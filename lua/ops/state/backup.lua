return {
  kind = "operation",
  name = "state backup",
  summary = "Write a consistent copy of the store while others go on",
  description = "The copy is sealed with the workspace's key: keep that too. It is read back before the command ends.",
  params = {
    file = { type = "path", file = "out", new = true, required = true, positional = 1, doc = "New file" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/backup" },
  result = {
    columns = { "file", "revision", "nodes", "bytes" },
    schema = {
      file = { type = "string", required = true, doc = "The copy" },
      revision = { type = "int", required = true, doc = "Revision of the state in it" },
      nodes = { type = "int", required = true, doc = "Records in it" },
      bytes = { type = "int", required = true, doc = "Its size" },
    },
  },
  run = function(ctx, p)
    return require("prov.states").backup(ctx, p.file)
  end,
}
