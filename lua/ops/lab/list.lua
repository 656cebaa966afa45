return {
  kind = "operation",
  name = "lab list",
  summary = "List the labs of the local provider on this machine",
  description = [[
A lab holds the networks, servers and volumes of one workspace. 'prov destroy' removes them; one whose
workspace or state is lost is removed by 'prov lab delete'.]],
  params = {
    dir = { type = "path", doc = "Folder of the labs, when the workspaces set another one" },
  },
  permission = { action = "read", resource = "Lab" },
  http = { method = "GET", path = "/v1/labs" },
  result = {
    columns = { "name", "servers", "networks", "volumes", "workspace" },
    wide = { "dir" },
    empty = "no labs: the local provider has nothing on this machine",
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      dir = { type = "string", required = true, doc = "Its folder" },
      workspace = { type = "string", doc = "The workspace that made it" },
      servers = { type = "int", required = true, doc = "How many" },
      networks = { type = "int", required = true, doc = "How many" },
      volumes = { type = "int", required = true, doc = "How many" },
    },
    list = true,
  },
  run = function(_, p)
    return require("prov.machine.labs").list(p.dir)
  end,
}
