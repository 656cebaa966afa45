return {
  kind = "operation",
  name = "state recover",
  summary = "Put a backup in place of the state, also when that is damaged",
  description = "The copy is read as a whole first. The state that was there stays beside it, under another name.",
  params = {
    file = { type = "path", required = true, positional = 1, doc = "What 'prov state backup' wrote" },
    key = { type = "path", doc = "Key it was sealed with, when that is not the workspace's; becomes the workspace's" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/recover" },
  result = {
    columns = { "file", "revision", "nodes", "kept" },
    schema = {
      file = { type = "string", required = true, doc = "The state" },
      revision = { type = "int", required = true, doc = "The newest revision" },
      nodes = { type = "int", required = true, doc = "Resources" },
      kept = { type = "string", doc = "Where the state that was there is now" },
    },
  },
  run = function(ctx, p)
    return require("prov.state.rewrite").recover(ctx, p.file, p.key)
  end,
}
