return {
  kind = "operation",
  name = "taskserv install",
  shortcuts = { "ti" },
  summary = "Install a task service on a server, outside a plan",
  description = [[
Uses the arguments of the infra when it declares this service on this server; --set changes single
ones. A service that the infra does not declare is removed again by the next prov apply.]],
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      complete = "taskserv",
      doc = "The task service",
    },
    server = {
      type = "string",
      required = true,
      positional = 2,
      complete = "server",
      doc = "web[1], web-1 or its address",
    },
    set = { type = "map", of = { type = "string" }, doc = "An argument, its value in YAML" },
  },
  examples = { "prov taskserv install nginx web-1 --set port=8080" },
  permission = { action = "update", resource = "Server" },
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/servers/{server}/taskservs/{name}" },
  result = { columns = { "address", "status", "changed", "ok" }, schema = "installed" },
  run = function(ctx, p)
    return require("prov.taskservs").install(ctx, p)
  end,
}
