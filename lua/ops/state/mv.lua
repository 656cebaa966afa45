return {
  kind = "operation",
  name = "state mv",
  summary = "Give something in the state another address",
  description = "For what was renamed in the infra: nothing is deleted and made again. Services go with their server.",
  params = {
    from = { type = "string", required = true, positional = 1, complete = "address", doc = "Address in the state" },
    to = { type = "string", required = true, positional = 2, doc = "Its new address" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/mv" },
  result = {
    columns = { "from", "to" },
    schema = {
      from = { type = "string", required = true, doc = "Old address" },
      to = { type = "string", required = true, doc = "New address" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.states").move(ctx, p.from, p.to)
  end,
}
