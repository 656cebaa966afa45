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
  result = {
    value = { type = "any", doc = "The outputs by name; with a name, the value of that one" },
  },
  run = function(ctx, p)
    local value = require("prov.value")
    local workspace = assert(ctx:need_workspace())
    local outputs = require("prov.engine").saved_outputs(assert(workspace:store()))
    if not p.secrets then
      outputs = require("prov.plan.file").plain(outputs)
    else
      outputs = value.reveal(outputs)
    end
    if not p.name then
      return ctx.output == "name" and require("prov.render").keys(outputs) or outputs
    end
    local found = outputs[p.name]
    if found == nil then
      return nil, require("prov.suggest").unknown("output", p.name, require("prov.render").keys(outputs))
    end
    return found
  end,
}
