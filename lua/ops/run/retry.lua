return {
  kind = "operation",
  name = "run retry",
  summary = "Run again what failed, was cancelled or was not started in a run",
  description = [[
Plans what is left of the run and what that needs, and nothing else; shows it, asks, and does it. What
others made of it meanwhile counts as done. 'prov run resume' goes on with all of the infra instead.]],
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time: 90s, 10m (config: run_timeout)" },
  },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/runs/{id}/retry" },
  mcp = { destructive = true },
  result = { columns = { "address", "action", "status" }, schema = "outcome" },
  view = "apply",
  run = function(ctx, p)
    local apply, runs = require("prov.apply"), require("prov.engine.runs")
    local run = assert(runs.to_retry(assert(assert(ctx:need_workspace()):store()), p.id))
    return apply.run(ctx, apply.bounded(ctx, p, {
      destroy = run.what == "destroy",
      target_of = function(project)
        return runs.left(run, project.infra, project.state)
      end,
      refresh = p.refresh,
      on_failure = run.what == "apply" and assert(ctx.config:get("on_failure")) or "continue",
    }))
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
