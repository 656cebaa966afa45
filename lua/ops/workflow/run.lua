return {
  kind = "operation",
  name = "workflow run",
  shortcuts = { "wfr" },
  summary = "Run a workflow",
  description = [[
Checks all of it, asks, and runs the steps as their needs allow. What it did is in the journal: killed at
any moment, 'prov workflow resume' goes on. Ctrl-C once starts no new step, twice cancels the running
ones. A run that waits for approval is waited for; --detach leaves it waiting. Inputs come from --input,
from PROV_INPUT_<NAME> in the environment (for secrets), and from a file.]],
  params = {
    name = { type = "string", required = true, positional = 1, complete = "workflow", doc = "The workflow" },
    input = { type = "map", of = { type = "string" }, short = "i", concealed = true,
      doc = "An input, its value in YAML" },
    inputs = { type = "path", file = "in", doc = "A YAML file with inputs" },
    detach = { type = "bool", default = false, doc = "Do not wait for approvals" },
  },
  examples = { "prov workflow run release --input version=1.4 --yes" },
  shared = true,
  -- a job knows its run by its own id, and goes on with it
  again = function(_, in_job)
    return in_job or false
  end,
  permission = { action = "run", resource = "Workflow" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/workflows/{name}/runs" },
  mcp = { destructive = true },
  result = { columns = { "step", "status", "ms", "note" }, rows = "steps", name = "id", schema = "workflow_run" },
  view = "workflow_run",
  run = function(ctx, p)
    return require("prov.workflow").run(ctx, p)
  end,
  exit_code = function(value)
    local code = { done = 0, waiting = 0, interrupted = 130, canceled = 130 }
    return code[value.status] or 1
  end,
}
