return {
  kind = "operation",
  name = "status",
  shortcuts = { "st" },
  summary = "Show what the workspace has and what its last run did",
  description = "Reads only what is recorded; 'prov plan' compares it with the world.",
  params = {},
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/status" },
  result = { columns = { "address", "kind", "provider", "id", "ip", "status" }, rows = "resources" },
  view = "status",
  run = function(ctx)
    local engine = require("prov.engine")
    local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
    local rows = {}
    for i, address in ipairs(project.state:addresses()) do
      local record = project.state.records[address]
      local state = record:state()
      rows[i] = {
        address = address,
        kind = record.kind,
        provider = record.provider,
        id = record.id ~= address and record.id or nil,
        ip = state.ip,
        status = record.tainted and "half made" or state.status or "ok",
      }
    end
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
