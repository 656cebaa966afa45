return {
  kind = "operation",
  name = "status",
  shortcuts = { "st" },
  summary = "Show what the workspace has and what its last run did",
  description = "Reads only what is recorded; 'prov plan' compares it with the world.",
  params = {},
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/status" },
  result = {
    columns = { "address", "kind", "provider", "id", "ip", "status" },
    rows = "resources",
    schema = {
      workspace = { type = "string", required = true, doc = "Its name" },
      revision = { type = "int", required = true, doc = "Revision of its state" },
      last_run = { type = "record", fields = require("prov.shapes").run, doc = "What the last run did" },
      running = { type = "string", doc = "Who works on it now" },
      open_runs = { type = "list", of = { type = "string" }, required = true, doc = "Runs that were cut off" },
      resources = {
        type = "list",
        required = true,
        doc = "What it has",
        of = {
          type = "record",
          fields = {
            address = { type = "string", required = true, doc = "Its address" },
            kind = { type = "string", required = true, doc = "Kind of resource, or taskserv" },
            provider = { type = "string", doc = "Its provider" },
            id = { type = "string", doc = "What its provider calls it" },
            ip = { type = "string", doc = "Its IP address" },
            status = { type = "string", required = true, doc = "What is recorded of it" },
          },
        },
      },
    },
  },
  view = "status",
  run = function(ctx)
    local engine = require("prov.engine")
    local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
    local rows = require("prov.states").rows(project.state, function(address, record)
      local state = record:state()
      return {
        address = address,
        kind = record.kind,
        provider = record.provider,
        id = record.id ~= address and record.id or nil,
        ip = state.ip,
        status = record.tainted and "half made" or state.status or "ok",
      }
    end)
    return {
      workspace = project.workspace.name,
      revision = project.state.revision,
      last_run = engine.last_run(project.store),
      running = require("prov.engine.locks").holder(project.store),
      open_runs = assert(engine.open_runs(project.store)),
      resources = rows,
    }
  end,
}
