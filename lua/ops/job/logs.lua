return {
  kind = "operation",
  name = "job logs",
  where = "orchestrator",
  summary = "Show what a job has told so far",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id, or last" },
    after = { type = "int", min = 0, default = 0, doc = "Only what comes behind this number" },
    limit = { type = "int", min = 1, max = 10000, default = 1000, doc = "How many lines" },
  },
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/jobs/{id}/logs" },
  result = {
    columns = { "number", "type", "text" },
    empty = "nothing yet",
    schema = {
      number = { type = "int", required = true, doc = "Number of the event; rises" },
      type = { type = "string", required = true, doc = "What it is: info, warn, step, ended, ..." },
      text = { type = "string", required = true, doc = "One line for people" },
      event = { type = "any", required = true, doc = "Everything it says" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").logs(ctx, p)
  end,
}
