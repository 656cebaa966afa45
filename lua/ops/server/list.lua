return {
  kind = "operation",
  name = "server list",
  shortcuts = { "sls" },
  summary = "List the servers of the workspace",
  params = {
    refresh = { type = "bool", default = false, doc = "Ask the providers for the state now" },
  },
  permission = { action = "read", resource = "Server" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/servers" },
  result = {
    columns = { "name", "status", "ip", "provider", "address" },
    wide = { "ssh", "id" },
    empty = "no servers; prov apply makes what the infra describes",
    schema = "server",
    list = true,
  },
  run = function(ctx, p)
    local project <close> = assert(require("prov.project").open(ctx, { infra = p.refresh and "try" or "no" }))
    return require("prov.servers").list(project, p.refresh)
  end,
}
