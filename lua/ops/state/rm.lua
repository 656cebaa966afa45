return {
  kind = "operation",
  name = "state rm",
  summary = "Forget something; what exists stays",
  params = {
    addresses = {
      type = "list",
      of = { type = "string" },
      required = true,
      positional = 1,
      complete = "address",
      doc = "Addresses in the state",
    },
    force = { type = "bool", default = false, doc = "Also when something that stays needs it" },
  },
  permission = { action = "delete", resource = "State" },
  http = { method = "DELETE", path = "/v1/workspaces/{workspace}/state" },
  result = {
    columns = { "address", "id" },
    schema = {
      address = { type = "string", required = true, doc = "What was forgotten" },
      id = { type = "string", doc = "What its provider calls it" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.states").forget(ctx, p.addresses, p.force)
  end,
}
