return {
  kind = "operation",
  name = "server set",
  summary = "Change fields of a server in the files of the infra",
  description = [[
The file that declares the server keeps its comments, its order and its style; `prov plan` shows what the change
would do. FIELD may be a path: labels.team, disks[1].size. VALUE is YAML: 4 is a number, [a, b] a list. With --env
the change goes to the environment's own file. A change that makes the infra wrong is refused. Lua files are edited
by people.]],
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name in the infra: web" },
    field = { type = "list", of = { type = "string" }, required = true, positional = 2, doc = "FIELD=VALUE" },
    dry_run = { type = "bool", default = false, doc = "Write nothing; print what would change" },
  },
  examples = { "prov server set web plan=2xCPU-4GB labels.team=shop", "prov -e prod server set web count=6" },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "PATCH", path = "/v1/workspaces/{workspace}/servers/{name}/infra" },
  again = true,
  result = { columns = { "path", "before", "after", "file" }, schema = "infra_edit", list = true },
  run = function(ctx, p)
    return require("prov.infra.edit").set(ctx, p, "server")
  end,
}
