--- What operations give, from their declarations: `result.schema` (the fields of a map, or the name of one
-- of prov.shapes; with `list = true` the value is a list of such maps), or `result.value` (one field in
-- contract notation) for everything else.

local contract = require("prov.contract")

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
  return ok ~= nil, errs
end

return M
