return {
  kind = "operation",
  name = "cost",
  summary = "Show what the infra costs, and what it would cost more or less than now",
  description = [[
Every resource with what it costs in a month and an hour by its provider's catalog (`prov catalog prices`), and the
difference to what the workspace has now; of a saved plan with its file. Traffic and taxes are not in it. What nobody
knows is named and not counted, and each currency has a sum of its own.]],
  params = {
    plan = { type = "path", file = "in", positional = 1, doc = "File written by 'prov plan --out'; else the infra" },
  },
  examples = { "prov cost", "prov plan --out p.json && prov cost p.json" },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/cost" },
  result = {
    columns = { "address", "plan", "month", "hour", "change", "currency" },
    rows = "rows",
    schema = "cost",
  },
  view = "cost",
  run = function(ctx, p)
    return require("prov.cost").show(ctx, p)
  end,
}
