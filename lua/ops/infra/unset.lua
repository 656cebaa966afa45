return {
  kind = "operation",
  name = "infra unset",
  summary = "Take something out of the files of the infra",
  description = [[
Takes the fields of NAME away, or without fields all of it: `prov infra unset server.old` takes the server out of
the infra, and the next apply deletes it. Comments, order and style of the rest stay.]],
  params = {
    name = { type = "string", required = true, positional = 1, doc = "server.web, outputs, ..." },
    field = { type = "list", of = { type = "string" }, positional = 2, doc = "A field, or its path" },
    dry_run = { type = "bool", default = false, doc = "Write nothing; print what would change" },
  },
  examples = { "prov infra unset server.web labels.team", "prov infra unset server.old" },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/infra/{name}/unset" },
  again = true,
  result = { columns = { "path", "before", "after", "file" }, schema = "infra_edit", list = true },
  run = function(ctx, p)
    return require("prov.infra.edit").unset(ctx, p)
  end,
}
