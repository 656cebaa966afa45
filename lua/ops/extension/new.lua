return {
  kind = "operation",
  name = "extension new",
  summary = "Write a new provider, taskserv, cluster or workflow that works as it is",
  description = [[
Makes the extension in the extensions/ folder of the workspace, or in --dir; a workflow goes into the
workspace's workflows/. The files are complete
and small: change them step by step, and run `prov extension check` after each.]],
  params = {
    kind = {
      type = "enum",
      one_of = { "provider", "taskserv", "cluster", "workflow" },
      required = true,
      positional = 1,
      doc = "What to make",
    },
    name = { type = "string", required = true, positional = 2, doc = "Its name" },
    category = { type = "string", default = "own", pattern = "^[a-z][a-z0-9-]*$", doc = "Category of a taskserv" },
    dir = { type = "path", doc = "The folder that holds providers/ taskservs/ clusters/ workflows/" },
  },
  examples = { "prov extension new taskserv motd", "prov extension new provider acme --dir ~/extensions" },
  permission = { action = "create", resource = "Extension" },
  result = { columns = { "kind", "name", "files" } },
  run = function(ctx, p)
    local dir = p.dir
    if not dir then
      local workspace, e = ctx:need_workspace()
      if not workspace then
        return nil, e
      end
      dir = p.kind == "workflow" and workspace.dir or workspace.dir .. "/extensions"
    end
    return require("prov.extensions").new(dir, p.kind, p.name, { category = p.category })
  end,
}
