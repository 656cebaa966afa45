return {
  kind = "operation",
  name = "taskserv remove",
  summary = "Remove a task service from a server",
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
  },
  permission = { action = "update", resource = "Server" },
  again = true,
  http = { method = "DELETE", path = "/v1/workspaces/{workspace}/servers/{server}/taskservs/{name}" },
  mcp = { destructive = true },
  result = { columns = { "address", "status", "changed", "ok" }, schema = "installed" },
  run = function(ctx, p)
    return require("prov.taskservs").remove(ctx, p)
  end,
}
