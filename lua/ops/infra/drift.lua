return {
  kind = "operation",
  name = "drift",
  summary = "Show what changed outside of prov",
  description = [[
Reads every resource and checks every service, and compares them with what prov recorded. Changes
nothing; exit code 3 when something differs. 'prov apply' takes back what the infra says otherwise; fields that it
does not say stay as they are. --accept makes all of it the record.]],
  params = {
    accept = { type = "bool", default = false, http = false, doc = "Record what is there now" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/drift" },
  result = {
    columns = { "address", "status" },
    rows = "changes",
    schema = "drift",
  },
  view = "drift",
  run = function(ctx, p)
    return require("prov.drift").run(ctx, p.accept)
  end,
  exit_code = function(value)
    return #value.changes > 0 and not value.accepted and 3 or 0
  end,
}
