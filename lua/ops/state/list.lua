return {
  kind = "operation",
  name = "state list",
  shortcuts = { "sl" },
  summary = "List the addresses in the state",
  params = {
    kind = { type = "string", doc = "Only this kind, such as server" },
    revision = { type = "int", min = 0, doc = "The state as it was at this revision" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state" },
  result = {
    columns = { "address", "kind", "provider", "id" },
    schema = "record",
    list = true,
    empty = "nothing is recorded here; prov apply makes what the infra describes",
  },
  run = function(ctx, p)
    local workspace = assert(ctx:need_workspace())
    local state = assert(require("prov.state").load(assert(workspace:store()), p.revision))
    return require("prov.states").rows(state, function(address, record)
      if not p.kind or record.kind == p.kind then
        return { address = address, kind = record.kind, provider = record.provider, id = record.id }
      end
    end)
  end,
}
