return {
  kind = "operation",
  name = "queue show",
  where = "orchestrator",
  summary = "Show how much waits and runs, by workspace",
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/queue" },
  result = { columns = { "lane", "waiting", "running" }, rows = "lanes" },
  run = function(ctx)
    return require("prov.orchestrator.requests").queue(ctx)
  end,
}
