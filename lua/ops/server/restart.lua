return {
  kind = "operation",
  name = "server restart",
  summary = "Restart a server",
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      complete = "server",
      doc = "web[1], web-1 or its address",
    },
  },
  permission = { action = "update", resource = "Server" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/servers/{name}/restart" },
  result = { columns = { "name", "status", "ip" }, schema = "server" },
  run = function(ctx, p)
    return require("prov.servers").act(ctx, p.name, "restart")
  end,
}
