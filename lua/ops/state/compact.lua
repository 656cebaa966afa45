return {
  kind = "operation",
  name = "state compact",
  summary = "Write the state anew without free space",
  description = "Says the size of the file in bytes before and after. With --keep the oldest revisions are forgotten.",
  params = {
    keep = { type = "int", min = 1, doc = "Keep this many revisions, the newest; all without it" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/compact" },
  result = {
    columns = { "file", "before", "after", "oldest" },
    schema = {
      file = { type = "string", required = true, doc = "The state" },
      before = { type = "int", required = true, doc = "Bytes before" },
      after = { type = "int", required = true, doc = "Bytes now" },
      oldest = { type = "int", required = true, doc = "The oldest revision there is" },
    },
  },
  run = function(ctx, p)
    return require("prov.state.rewrite").compact(ctx, p.keep)
  end,
}
