return {
  kind = "operation",
  name = "output",
  shortcuts = { "out" },
  summary = "Show the outputs of the last apply",
  params = {
    name = { type = "string", positional = 1, doc = "Only this output, as its bare value" },
    secrets = { type = "bool", default = false, doc = "Show secret values too" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/outputs" },
  result = {},
  run = function(ctx, p)
    local err = require("prov.err")
    local value = require("prov.value")
    local workspace = assert(ctx:need_workspace())
    local outputs = require("prov.engine").saved_outputs(assert(workspace:store()))
    if not p.secrets then
      outputs = require("prov.plan.file").plain(outputs)
    else
      outputs = value.reveal(outputs)
    end
    if not p.name then
      return outputs
    end
    local found = outputs[p.name]
    if found == nil then
      return err.fail("notfound", "no output '%s'", p.name)
    end
    return found
  end,
}
