return {
  kind = "operation",
  name = "server unset",
  summary = "Take fields of a server out of the files of the infra, so that their defaults count",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name in the infra: web" },
    field = { type = "list", of = { type = "string" }, required = true, positional = 2, doc = "A field, or its path" },
    dry_run = { type = "bool", default = false, doc = "Write nothing; print what would change" },
  },
  examples = { "prov server unset web memory labels.team" },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/servers/{name}/infra/unset" },
  again = true,
  result = { columns = { "path", "before", "after", "file" }, schema = "infra_edit", list = true },
  run = function(ctx, p)
    return require("prov.infra.edit").unset(ctx, p, "server")
  end,
}
