return {
  kind = "operation",
  name = "lab delete",
  summary = "Delete everything in a lab of this machine, whatever any state says",
  description = [[
For labs whose workspace or state is lost. Where there is a state, use 'prov destroy': it keeps the
state true.]],
  params = {
    name = { type = "string", required = true, positional = 1, complete = "lab", doc = "Name of the lab" },
    dir = { type = "path", doc = "Folder of the labs, when the workspaces set another one" },
  },
  permission = { action = "delete", resource = "Lab" },
  http = { method = "DELETE", path = "/v1/labs/{name}" },
  result = {
    columns = { "name", "servers", "networks", "volumes" },
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      dir = { type = "string", doc = "Its folder" },
      workspace = { type = "string", doc = "The workspace that made it" },
      servers = { type = "int", required = true, doc = "How many" },
      networks = { type = "int", required = true, doc = "How many" },
      volumes = { type = "int", required = true, doc = "How many" },
    },
  },
  run = function(ctx, p)
    return require("prov.machine.labs").delete(ctx, p.name, p.dir)
  end,
}
