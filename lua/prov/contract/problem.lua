--- What a check finds wrong: `{ path = { keys }, msg, hint, expected, found }`. Paths are built from the
-- inside out, so a good value costs nothing.

local data = require("core.data")

local M = {}

---@class prov.Problem
---@field path (string|integer)[]
---@field msg string
---@field hint? string
---@field expected? string
---@field found? string
---@field missing? string name of a field that is not there
---@field rule? function the check or default of the contract that said so
---@field schema? table the contract it was found by, with `within`: the path below it

--- A value in words: short, on one line.
---@param v any
---@return string
function M.shown(v)
  local kind = data.kind(v)
  if kind == "string" then
    return ("%q"):format(#v > 40 and v:sub(1, utf8.offset(v, 0, 38) - 1) .. "..." or v):gsub("\\\n", "\\n")
  elseif kind == "number" or kind == "boolean" then
    return tostring(v)
  elseif kind == "null" then
    return "nothing"
  end
  return "a " .. kind
end

--- One problem at the value itself.
---@return prov.Problem[]
function M.new(msg, hint, more)
  local one = more or {}
  one.path, one.msg, one.hint = {}, msg, hint
  return { one }
end

--- The value is of another type.
---@return prov.Problem[]
function M.mismatch(expected, v, hint)
  local found = M.shown(v)
  return M.new(("expected %s, found %s"):format(expected, found), hint, { expected = expected, found = found })
end

--- Puts `key` in front of the paths of the problems and appends them to `all`.
---@return prov.Problem[]
function M.gather(all, key, problems)
  all = all or {}
  for _, p in ipairs(problems) do
    table.insert(p.path, 1, key)
    all[#all + 1] = p
  end
  return all
end

--- The value is of another type, and must not be shown.
---@return prov.Problem[]
function M.mismatch_of_secret(expected, v)
  local found = "a " .. data.kind(v)
  local is_bare = expected == "a string" and (type(v) == "number" or type(v) == "boolean")
  return M.new(("expected %s, found %s"):format(expected, found), is_bare and "put quotes around it" or nil,
    { expected = expected })
end

--- Takes the values out of problems, for what must not be shown.
---@return prov.Problem[]
function M.conceal(problems)
  for _, p in ipairs(problems) do
    p.msg = p.expected and ("expected %s; what was found is secret"):format(p.expected)
      or p.missing and p.msg
      or "the secret value is not of the expected form"
    p.found = nil
  end
  return problems
end

return M
