--- What operations give, from their declarations: `result.schema` (the fields of a map, or the name of one
-- of prov.shapes; with `list = true` the value is a list of such maps), or `result.value` (one field in
-- contract notation) for everything else.

local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")

local M = {}

--- The value as one field in contract notation; nil when the declaration says nothing.
---@param op table declaration
---@return prov.Field?
function M.field(op)
  local result = op.result or {}
  if result.value then
    return result.value
  elseif not result.schema then
    return nil
  end
  local fields = type(result.schema) == "string" and require("prov.shapes")[result.schema] or result.schema
  local record = { type = "record", fields = fields }
  return result.list and { type = "list", of = record } or record
end

-- Contracts take {} for a list and [] for a map, as Lua makes no difference; JSON does. Gives the path of a
-- value that is the other one.
local function mixed_up(field, value, path)
  local kind = data.kind(value)
  if field.type == "list" and kind == "map" or (field.type == "record" or field.type == "map") and kind == "list" then
    return path
  elseif kind ~= "list" and kind ~= "map" then
    return nil
  end
  for key, item in pairs(value) do
    local of = field.fields and field.fields[key] or field.type ~= "union" and field.of
    local found = type(of) == "table" and mixed_up(of, item, ("%s[%q]"):format(path, key))
    if found then
      return found
    end
  end
end

--- Checks what an operation gave against what it declares.
---@param op table declaration
---@param value any as JSON gives it
---@return boolean ok
---@return prov.Err[]? errs
function M.check(op, value)
  local field = M.field(op)
  if not field then
    return value == nil
  end
  local ok, errs = contract.compile({ result = field }):complete({ result = value })
  if not ok then
    return false, errs
  end
  local path = mixed_up(field, value, "result")
  return path == nil, path and { err.new("invalid", path .. " is a list instead of a map, or a map instead of a list") }
end

return M
