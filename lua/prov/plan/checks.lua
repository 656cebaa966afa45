--- Conditions of an infra: `preconditions` and `postconditions` of a resource, and `checks` of the whole.
--
-- Each is { name, that, message, severity, origin }. One whose value is not known yet is asked later: a precondition
-- right before its step, a postcondition right after it, a check when the run is over.

local err = require("prov.err")
local functions = require("prov.expr.functions")
local value = require("prov.value")

local M = {}

local function said(one, lookup)
  local message = one.message and value.resolve(one.message, lookup)
  if message == nil or value.has_unknown(message) or value.has_secret(message) then
    return one.message and not value.is_marked(one.message) and tostring(one.message) or "it does not hold"
  end
  return tostring(message)
end

--- Asks one condition: "passed", "failed" or "unknown", and what to say.
---@param one table
---@param lookup fun(address: string, path: any[]): any
---@return string status
---@return string? message
function M.ask(one, lookup)
  local missing
  local v, e = value.resolve(one.that, function(address, path)
    local found = lookup(address, path)
    if found == nil then
      missing = true
      return value.unknown("any", { address })
    end
    return found
  end)
  if e then
    return "failed", tostring(e)
  elseif missing or v == nil or type(v) == "table" and value.has_unknown(v) then
    return "unknown"
  elseif value.is_secret(v) then
    v = v[1]
  end
  if functions.truth(v) then
    return "passed"
  end
  return "failed", said(one, lookup)
end

--- The error of a condition that does not hold.
---@return prov.Err
function M.error(one, what, message)
  local at = one.origin or {}
  return err.new("failed", ("%s: %s"):format(what, message), {
    file = at.file,
    line = at.line,
    column = at.column,
  })
end

--- Asks all conditions of a resource: true, or the error of the first that fails. Those not known yet pass.
---@param node table
---@param which "pre"|"post"
---@return true?, prov.Err?
function M.of_node(node, which, lookup)
  for _, one in ipairs(node.conditions and node.conditions[which] or {}) do
    local status, message = M.ask(one, lookup)
    if status == "failed" then
      return nil, M.error(one, ("%s of %s"):format(which == "pre" and "precondition" or "postcondition", node.address),
        message)
    end
  end
  return true
end

--- Asks the checks of an infra: rows { name, status, message?, severity }.
---@param checks table[]
---@return table[] rows
function M.all(checks, lookup)
  local rows = {}
  for i, one in ipairs(checks or {}) do
    local status, message = M.ask(one, lookup)
    rows[i] = { name = one.name, status = status, message = message, severity = one.severity }
  end
  return rows
end

return M
