--- The defaults that the configuration gives to fields: server.default_image, taskserv.nginx.port, ... In them
-- `${...}` is an expression of the infra.

local err = require("prov.err")
local interpolate = require("prov.infra.interpolate")
local settings = require("prov.settings")

local M = {}

--- A schema with the defaults of the settings in place of its own.
---@param loader prov.InfraLoader takes the errors
---@param group string "server", "taskserv.nginx"
---@param prefix string of the keys: "server.default_", "taskserv.nginx."
---@param schema table<string, prov.Field>
---@return table<string, prov.Field>
function M.schema(loader, group, prefix, schema)
  local config = settings.current()
  if not config:mentions(group) then
    return schema
  end
  local out = {}
  for name, field in next, schema do
    local v, e
    if type(name) == "string" then
      v, e = config:given(prefix .. name)
    end
    if e then
      loader:fail(e)
    elseif v ~= nil then
      local problems, copy = {}, {}
      v = interpolate.value(v, loader.root.scope, problems)
      for _, problem in ipairs(problems) do
        loader:fail(err.new("invalid", ("%s%s: %s"):format(prefix, name, problem.msg), { hint = problem.hint }))
      end
      for key, item in next, type(field) == "table" and field or { type = field } do
        copy[key] = item
      end
      copy.default, copy.required = v, nil
      field = copy
    end
    out[name] = field
  end
  return out
end

return M
