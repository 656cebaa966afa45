--- `${...}` in settings: another setting (`${state.dir}`), an environment variable (`${env:HOME}`), the folder of
-- the workspace (`${workspace}`). `$${` is a plain `${`.

local data = require("core.data")
local err = require("prov.err")

local M = {}

--- True for a text with something to fill in, and for a list or map with one.
---@param v any
---@return boolean
function M.is_text(v)
  if type(v) == "string" then
    return v:find("${", 1, true) ~= nil
  elseif type(v) == "table" then
    for _, item in pairs(v) do
      if M.is_text(item) then
        return true
      end
    end
  end
  return false
end

local function circle(open, key)
  local chain, at = {}, 1
  for i, name in ipairs(open) do
    if name == key then
      at = i
    end
  end
  table.move(open, at, #open, 1, chain)
  local names = table.move(chain, 1, #chain, 1, {})
  table.sort(names)
  chain[#chain + 1] = key
  return err.new("cycle", "these settings refer to each other: " .. table.concat(chain, " -> "), {
    hint = "give one of them a value of its own",
    data = { circle = table.concat(names, " ") },
  })
end

--- What stands between the braces.
local function lookup(name, scope)
  local variable = name:match("^env:([%w_]+)$")
  if variable then
    local text = scope.env(variable)
    if not text then
      return nil, err.new("notfound", ("the environment has no %s"):format(variable))
    end
    return text
  elseif name == "workspace" then
    if not scope.workspace then
      return nil, err.new("notfound", "${workspace}: there is no workspace here")
    end
    return scope.workspace
  end
  local open = table.move(scope.open, 1, #scope.open, 1, {})
  open[#open + 1] = scope.key
  for _, key in ipairs(open) do
    if key == name then
      return nil, circle(open, name)
    end
  end
  return scope.of_key(name, open)
end

local function text(v, scope)
  local whole = v:match("^%${([^{}]*)}$")
  if whole then
    return lookup(whole, scope)
  end
  local out, at = {}, 1
  while true do
    local from = v:find("${", at, true)
    if not from then
      out[#out + 1] = v:sub(at)
      return table.concat(out)
    elseif v:sub(from - 1, from - 1) == "$" then
      out[#out + 1] = v:sub(at, from - 2) .. "${"
      at = from + 2
    else
      local to = v:find("}", from, true)
      if not to then
        return nil, err.new("invalid", "'${' is not closed", { hint = "write $${ for a plain ${" })
      end
      out[#out + 1] = v:sub(at, from - 1)
      local part, e = lookup(v:sub(from + 2, to - 1), scope)
      if e then
        return nil, e
      elseif type(part) == "table" then
        return nil, err.new("invalid", ("${%s} is a %s and cannot be part of a text"):format(v:sub(from + 2, to - 1),
          data.kind(part)))
      end
      out[#out + 1] = tostring(part)
      at = to + 1
    end
  end
end

--- The value with everything filled in.
---@param v any
---@param scope { key: string, open: string[], env: function, workspace: string?, of_key: function }
---@return any value, prov.Err?
function M.value(v, scope)
  if type(v) == "string" then
    if v:find("${", 1, true) then
      return text(v, scope)
    end
    return v
  elseif data.kind(v) ~= "list" and data.kind(v) ~= "map" or not M.is_text(v) then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    local done, e = M.value(item, scope)
    if e then
      return nil, e
    end
    out[key] = done
  end
  return setmetatable(out, getmetatable(v))
end

return M
