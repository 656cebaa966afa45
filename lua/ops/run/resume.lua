return {
  kind = "operation",
  name = "run resume",
  summary = "Go on with the last run, whether it was killed, cancelled or failed",
  description = [[
Settles what the run left unknown, plans what is left to do, shows it, asks, and does it: as another
'prov apply', or 'prov destroy' when that is what the run was.]],
  params = {
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time: 90s, 10m (config: run_timeout)" },
  },
  permission = { action = "update", resource = "Workspace" },
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/runs/last/resume" },
  mcp = { destructive = true },
  result = { columns = { "address", "action", "status" }, schema = "outcome" },
  view = "apply",
  run = function(ctx, p)
    local runs = require("prov.engine.runs")
    local last = assert(runs.find(assert(assert(ctx:need_workspace()):store()), "last"))
    local apply = require("prov.apply")
    return apply.run(ctx, apply.bounded(ctx, p, {
      destroy = last.what == "destroy",
      back_to = last.what == "rollback" and function()
        return last.target
      end or nil,
      refresh = p.refresh,
      on_failure = last.what == "apply" and assert(ctx.config:get("on_failure")) or "continue",
    }))
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
