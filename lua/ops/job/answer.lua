return {
  kind = "operation",
  name = "job answer",
  where = "orchestrator",
  summary = "Answer the question a job waits with",
  description = "Jobs ask only when they were submitted as interactive.",
  params = {
    id = { type = "string", required = true, positional = 1, doc = "Its id" },
    answer = { type = "enum", one_of = { "yes", "no" }, required = true, positional = 2, doc = "The answer" },
  },
  permission = { action = "update", resource = "Job" },
  http = { method = "POST", path = "/v1/jobs/{id}/answer" },
  result = { columns = { "id", "operation", "workspace", "state" }, schema = "job" },
  run = function(ctx, p)
    return require("prov.orchestrator.requests").answer(ctx, p.id, p.answer == "yes")
  end,
}
