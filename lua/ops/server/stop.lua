return {
  kind = "operation",
  name = "server stop",
  summary = "Stop a server",
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
  again = true,
  http = { method = "POST", path = "/v1/workspaces/{workspace}/servers/{name}/stop" },
  result = { columns = { "name", "status", "ip" }, schema = "server" },
  run = function(ctx, p)
    return require("prov.servers").act(ctx, p.name, "stop")
  end,
}
