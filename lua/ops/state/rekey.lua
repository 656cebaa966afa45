return {
  kind = "operation",
  name = "state rekey",
  summary = "Seal the state under a new key",
  description = [[
Everything is sealed anew: graph, past, journals, locks. Killed at any moment, the workspace opens with
the old key or the new one. Other commands that have the state open cannot write any more and say so.
Backups and saved plans made before open with the old key only.]],
  params = {
    old_key = { type = "path", doc = "Keep the old key in this new file, for the backups it opens" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/rekey" },
  result = {
    columns = { "key", "revision", "nodes", "keys" },
    schema = {
      key = { type = "string", required = true, doc = "File of the new key" },
      revision = { type = "int", required = true, doc = "The newest revision" },
      nodes = { type = "int", required = true, doc = "Resources" },
      keys = { type = "int", required = true, doc = "Other records" },
    },
  },
  run = function(ctx, p)
    return require("prov.state.rewrite").rekey(ctx, p.old_key)
  end,
}
