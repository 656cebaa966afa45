return {
  kind = "operation",
  name = "state export",
  summary = "Print the state as JSON or as statements for SurrealDB",
  params = {
    format = { type = "enum", one_of = { "json", "surql" }, default = "json", doc = "Form" },
    revision = { type = "int", min = 0, doc = "The state as it was at this revision" },
    secrets = { type = "bool", default = false, doc = "Write secret values too" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/export" },
  result = {
    value = { type = "string", doc = "The export as text: JSON, or statements for SurrealDB" },
  },
  view = "text",
  run = function(ctx, p)
    local state = assert(require("prov.state").load(assert(assert(ctx:need_workspace()):store()), p.revision))
    return require("prov.state.transfer").export(state, p.format, p.secrets)
  end,
}
