return {
  kind = "operation",
  name = "apply",
  shortcuts = { "a" },
  summary = "Make the world as the infra says",
  description = [[
Plans, shows the plan, asks, and executes it. Interrupted at any moment, the next apply takes over
what was half done. Ctrl-C once starts no new step, twice cancels the running ones, and so does --timeout.]],
  params = {
    plan = {
      type = "path",
      file = "in",
      positional = 1,
      flag = true,
      doc = "Apply this saved plan",
    },
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    replace = { type = "list", of = { type = "string" }, doc = "Rebuild the resource at this address" },
    target = { type = "list", of = { type = "string" }, doc = "Only this and what it needs; * allowed" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
    timeout = { type = "duration", doc = "Cancel what still runs after this time: 90s, 10m (config: run_timeout)" },
    on_failure = {
      type = "enum",
      one_of = { "stop", "continue", "rollback" },
      doc = "After a failed step: start no more, go on elsewhere, or undo this run (config: on_failure)",
    },
  },
  permission = { action = "update", resource = "Workspace" },
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/runs" },
  mcp = { destructive = true },
  result = { columns = { "address", "action", "status" }, schema = "outcome" },
  view = "apply",
  run = function(ctx, p)
    local apply = require("prov.apply")
    return apply.run(ctx, apply.bounded(ctx, p, {
      file = p.plan,
      refresh = p.refresh,
      replace = p.replace,
      target = p.target,
      on_failure = p.on_failure or assert(ctx.config:get("on_failure")),
    }))
  end,
  exit_code = function(value)
    for _, check in ipairs(value.checks or {}) do
      if check.status == "failed" and check.severity == "error" then
        return 1
      end
    end
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
