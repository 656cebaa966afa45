return {
  kind = "operation",
  name = "workflow approve",
  summary = "Answer a step that waits for approval",
  params = {
    id = { type = "string", required = true, positional = 1, complete = "flow", doc = "The run: id, its end, or last" },
    step = { type = "string", required = true, positional = 2, doc = "The step, such as release or deploy[eu]" },
    deny = { type = "bool", default = false, doc = "Deny it: the step fails" },
    message = { type = "string", short = "m", doc = "Why" },
  },
  shared = true,
  permission = { action = "approve", resource = "Workflow" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/workflow-runs/{id}/approve" },
  mcp = { destructive = true },
  result = {
    columns = { "id", "step", "answer", "next" },
    schema = {
      id = { type = "string", required = true, doc = "The run" },
      step = { type = "string", required = true, doc = "The step" },
      answer = { type = "string", required = true, doc = "approved or denied" },
      next = { type = "string", doc = "What to do now" },
    },
  },
  run = function(ctx, p)
    return require("prov.workflow").approve(ctx, p)
  end,
}
