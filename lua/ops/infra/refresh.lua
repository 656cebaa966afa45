return {
  kind = "operation",
  name = "refresh",
  summary = "Record every resource as it is now",
  description = "As 'prov drift --accept': the state follows the world; what is gone is forgotten.",
  params = {},
  permission = { action = "update", resource = "State" },
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/refresh" },
  result = {
    columns = { "address", "status" },
    rows = "changes",
    schema = "drift",
  },
  view = "drift",
  run = function(ctx)
    return require("prov.drift").run(ctx, true)
  end,
}
