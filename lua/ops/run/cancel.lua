return {
  kind = "operation",
  name = "run cancel",
  summary = "Ask the running apply or destroy to end",
  description = [[
As Ctrl-C in its terminal: no new step begins and running ones end; --now cancels those too. Either way
the next apply goes on from there.]],
  params = {
    now = { type = "bool", default = false, doc = "Cancel the running steps too" },
  },
  shared = true,
  permission = { action = "update", resource = "Run" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/runs/current/cancel" },
  result = {
    columns = { "owner", "pid" },
    schema = {
      owner = { type = "string", required = true, doc = "Who was asked to end" },
      pid = { type = "int", doc = "Its process" },
    },
  },
  run = function(ctx, p)
    return require("prov.engine.runs").cancel(assert(assert(ctx:need_workspace()):store()), p.now)
  end,
}
