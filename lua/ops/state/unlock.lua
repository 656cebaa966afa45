return {
  kind = "operation",
  name = "state unlock",
  summary = "Release the lock of a process that is gone",
  description = "Locks of processes that ended on this machine are taken over by themselves, others after a minute.",
  params = {
    force = { type = "bool", default = false, doc = "Also when the process may still run" },
  },
  shared = true,
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/unlock" },
  result = {
    columns = { "name", "owner" },
    empty = "no locks",
    schema = {
      name = { type = "string", required = true, doc = "Name of the lock" },
      owner = { type = "string", required = true, doc = "Who held it" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.states").unlock(ctx, p.force)
  end,
}
