return {
  kind = "operation",
  name = "state show",
  shortcuts = { "ss" },
  summary = "Show one record of the state",
  params = {
    address = {
      type = "string",
      required = true,
      positional = 1,
      doc = "Such as server.web[1]",
      complete = "addresses",
    },
    revision = { type = "int", min = 0, doc = "The state as it was at this revision" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/{address}" },
  result = {
    schema = {
      address = { type = "string", required = true, doc = "Its address" },
      kind = { type = "string", required = true, doc = "Kind of resource, or taskserv" },
      provider = { type = "string", doc = "Its provider" },
      id = { type = "string", doc = "What its provider calls it" },
      tainted = { type = "bool", doc = "It is half made" },
      needs = { type = "list", required = true, of = { type = "string" }, doc = "Addresses of what it needs" },
      args = { type = "any", doc = "What was wanted" },
      state = { type = "any", doc = "What the provider said" },
    },
  },
  run = function(ctx, p)
    local plain = require("prov.plan.file").plain
    local workspace = assert(ctx:need_workspace())
    local state = assert(require("prov.state").load(assert(workspace:store()), p.revision))
    local record = state.records[p.address]
    if not record then
      return nil, require("prov.suggest").unknown("address", p.address, state:addresses())
    end
    return {
      address = record.address,
      kind = record.kind,
      provider = record.provider,
      id = record.id,
      tainted = record.tainted,
      needs = record.needs,
      args = plain(record:args()),
      state = plain(record:shown()),
    }
  end,
}
