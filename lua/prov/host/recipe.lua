--- Calls the functions of a taskserv that give lists of ops.

local err = require("prov.err")
local op = require("prov.host.op")
local view = require("prov.view")

local M = {}

--- The name of this file in tracebacks: what is below it is a recipe.
M.SOURCE = debug.getinfo(1, "S").source

-- What is wrong with what a recipe returned, or nil.
local function problem_of(ops)
  if type(ops) ~= "table" then
    return ("must return a list of ops, not %s"):format(ops == nil and "nothing" or "a " .. type(ops))
  elseif ops.op ~= nil and ops.args ~= nil then
    return "must return a list of ops, not one op: put braces around it"
  end
  for key in pairs(ops) do
    if math.type(key) ~= "integer" or key < 1 then
      return ("must return a list of ops, but it has the key '%s'"):format(tostring(key))
    end
  end
  local last = 0
  for key in pairs(ops) do
    last = math.max(last, key)
  end
  for i = 1, last do
    if ops[i] == nil then
      return ("must return a list of ops, but number %d is nil and %d is not: the rest would be lost"):format(
        i, last)
    end
  end
end

--- The list of ops one of a taskserv's functions gives; an empty one when it has no such function.
---@param declaration table
---@param which "recipe"|"health"|"remove"
---@param want table
---@param facts table
---@return table[]? ops
---@return prov.Err?
function M.ops(declaration, which, want, facts)
  local fn = declaration[which]
  if not fn then
    return {}
  end
  local ok, ops = pcall(fn, op.new(), want, view.of(facts, "facts"))
  local name = ("taskserv '%s': %s"):format(declaration.name, which)
  if not ok and err.is(ops) then
    ops.file = ops.file or debug.getinfo(fn, "S").source:match("^@(.*)")
    return nil, ops
  elseif not ok and type(ops) ~= "string" then
    error(ops, 0) -- a limit that was passed
  elseif not ok then
    local file, line, message = ops:match("^([/.][^\n]-):(%d+): (.*)$")
    local whole = debug.getinfo(fn, "S").source:match("^@(.*)") or ""
    if file and file:sub(1, 3) == "..." and whole:sub(-#file + 3) == file:sub(4) then
      file = whole -- Lua shortens long names
    end
    return nil, err.new("bug", ("%s: %s"):format(name, message or ops), {
      file = file, line = math.tointeger(tonumber(line)), data = { raised = message or ops },
    })
  end
  local problem = problem_of(ops)
  if problem then
    local info = debug.getinfo(fn, "S")
    return nil, err.new("invalid", ("%s %s"):format(name, problem), {
      file = info.source:match("^@(.*)"), line = info.linedefined > 0 and info.linedefined or nil,
      data = { op = true },
    })
  end
  return ops
end

return M
