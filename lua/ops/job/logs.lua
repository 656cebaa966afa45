return {
  kind = "operation",
  name = "job logs",
  where = "orchestrator",
  summary = "Show what a job has told so far",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id" },
    after = { type = "int", min = 0, default = 0, doc = "Only what comes behind this number" },
    limit = { type = "int", min = 1, max = 10000, default = 1000, doc = "How many lines" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/jobs/{id}/logs" },
  result = { columns = { "number", "type", "text" }, empty = "nothing yet" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").logs(ctx, p)
  end,
}
