return {
  kind = "operation",
  name = "run rollback",
  summary = "Go back to how everything was before a run",
  description = [[
Plans what makes the world again as the state was before the run, shows it, asks, and does it. Data of
what was deleted is not in the state and does not come back.]],
  params = {
    id = { type = "string", positional = 1, default = "last", complete = "run", doc = "Its id, its end, or last" },
    revision = { type = "int", min = 0, doc = "Go back to this revision of the state, not to before a run" },
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time: 90s, 10m (config: run_timeout)" },
  },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/runs/{id}/rollback" },
  again = function(params) -- the last run is another one the next time
    return params.revision ~= nil
  end,
  mcp = { destructive = true },
  result = { columns = { "address", "action", "status" }, schema = "outcome" },
  view = "apply",
  run = function(ctx, p)
    local apply = require("prov.apply")
    return apply.run(ctx, apply.bounded(ctx, p, {
      back_to = function(store)
        if p.revision then
          return p.revision
        end
        return require("prov.engine.runs").before(store, p.id)
      end,
      refresh = p.refresh,
      on_failure = "continue",
    }))
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
