return {
  kind = "operation",
  name = "destroy",
  summary = "Delete everything the workspace has created",
  description = [[
Shows what goes, asks, and deletes it. Needs no valid infra: what the state knows is deleted. Task
services go with their servers.]],
  params = {
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    target = { type = "list", of = { type = "string" }, doc = "Only this and what it needs; * allowed" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time: 90s, 10m (config: run_timeout)" },
    on_failure = {
      type = "enum",
      one_of = { "stop", "continue" },
      default = "continue",
      doc = "After a failed step: stop starts no more, continue goes on with what does not need it",
    },
  },
  permission = { action = "delete", resource = "Workspace" },
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/destroy" },
  mcp = { destructive = true },
  result = { columns = { "address", "action", "status" }, schema = "outcome" },
  view = "apply",
  run = function(ctx, p)
    local apply = require("prov.apply")
    return apply.run(ctx, apply.bounded(ctx, p, {
      destroy = true,
      refresh = p.refresh,
      target = p.target,
      on_failure = p.on_failure,
    }))
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
