return {
  kind = "operation",
  name = "apply",
  shortcuts = { "a" },
  summary = "Make the world as the infra says",
  description = [[
Plans, shows the plan, asks, and executes it. Interrupted at any moment, the next apply takes over
what was half done. Ctrl-C once starts no new step, twice cancels the running ones.]],
  params = {
    plan = { type = "path", doc = "Apply this saved plan instead of making one" },
    refresh = { type = "bool", default = true, doc = "Read the world first" },
    replace = { type = "list", of = { type = "string" }, doc = "Rebuild the resource at this address" },
    target = { type = "list", of = { type = "string" }, doc = "Only this and what it needs; * allowed" },
    parallelism = { type = "int", min = 1, max = 10000, doc = "Steps at once (config: parallelism)" },
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
  result = { columns = { "address", "action", "status" } },
  view = "apply",
  run = function(ctx, p)
    return require("prov.apply").run(ctx, {
      file = p.plan,
      refresh = p.refresh,
      replace = p.replace,
      target = p.target,
      parallelism = p.parallelism or assert(ctx.config:get("parallelism")),
      on_failure = p.on_failure or assert(ctx.config:get("on_failure")),
    })
  end,
  exit_code = function(value)
    return value.status == "interrupted" and 130 or value.status == "failed" and 1 or 0
  end,
}
