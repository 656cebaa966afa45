return {
  kind = "operation",
  name = "infra set",
  summary = "Change what the files of the infra say of anything",
  description = [[
NAME is a resource, such as server.web or network.lan, or any other part of the infra: defaults, outputs,
providers.demo. What is not there yet is made. The file that declares it keeps its comments, its order and its
style; with --env the change goes to the environment's own file. A change that makes the infra wrong is refused.
Lua files are edited by people.]],
  params = {
    name = { type = "string", required = true, positional = 1, doc = "server.web, defaults, outputs, ..." },
    field = { type = "list", of = { type = "string" }, required = true, positional = 2, doc = "FIELD=VALUE" },
    dry_run = { type = "bool", default = false, doc = "Write nothing; print what would change" },
  },
  examples = {
    "prov infra set network.lan cidr=10.0.0.0/16",
    "prov infra set server.db image=debian-12 'network=${network.lan}'",
  },
  permission = { action = "update", resource = "Workspace" },
  http = { method = "PATCH", path = "/v1/workspaces/{workspace}/infra/{name}" },
  again = true,
  result = { columns = { "path", "before", "after", "file" }, schema = "infra_edit", list = true },
  run = function(ctx, p)
    return require("prov.infra.edit").set(ctx, p)
  end,
}
