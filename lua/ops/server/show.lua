return {
  kind = "operation",
  name = "server show",
  summary = "Show everything recorded of a server",
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      complete = "server",
      doc = "web[1], web-1 or its address",
    },
  },
  permission = { action = "read", resource = "Server" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/servers/{name}" },
  result = {
    columns = { "name", "address", "provider", "id", "status", "ip", "ssh" },
    schema = require("prov.shapes").with("server", {
      state = { type = "any", doc = "What the provider said" },
      args = { type = "any", doc = "What was wanted" },
      needs = { type = "list", of = { type = "string" }, required = true, doc = "Addresses of what it needs" },
    }),
  },
  run = function(ctx, p)
    local servers = require("prov.servers")
    local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
    local record, e = servers.find(project, p.name)
    return record and servers.show(record), e
  end,
}
