--- `${...}` in strings: references to other resources, and index, key and value of a count.

local address = require("prov.address")
local err = require("prov.err")
local value = require("prov.value")

local M = {}

local find, sub = string.find, string.sub

local function bad(text, why)
  return nil,
    { path = {}, msg = ("'%s' is not a reference: %s"):format(text, why), hint = "write $${ for a plain ${" }
end

--- Reads the `.name`, `[1]` and `["name"]` steps at a position.
---@param text string
---@param at integer
---@return (string|integer)[] path
---@return integer stop behind the last one
function M.steps(text, at)
  local path = {}
  while true do
    local name, stop = text:match("^%.([%w_-]+)()", at)
    if not name then
      name, stop = text:match("^%[(%d+)%]()", at)
      name = math.tointeger(tonumber(name))
    end
    if not name then
      name, stop = text:match('^%["([^"]*)"%]()', at)
    end
    if not name then
      return path, at
    end
    path[#path + 1] = name
    at = stop
  end
end

--- The steps from a position to the end of the text; nil when there is something else.
local function read_path(text, at)
  local path, stop = M.steps(text, at)
  return stop > #text and path or nil
end

--- The value of index, key or value in a scope; nil and why not.
local function local_value(scope, part)
  local v = scope[part.name]
  if v == nil then
    return bad("${" .. part.text .. "}", ("'%s' is only known inside of count or for_each"):format(part.name))
  end
  for _, key in ipairs(part.path) do
    if type(v) ~= "table" or value.is_marked(v) or v[key] == nil then
      return bad("${" .. part.text .. "}", ("there is no '%s'"):format(tostring(key)))
    end
    v = v[key]
  end
  return v
end

local LOCAL = { index = true, key = true, value = true }
local local_mt = {} -- of parts that a scope fills

--- What stands between the braces: a reference or a local part; nil and a problem when it is
-- malformed.
local function expression(text)
  text = text:match("^%s*(.-)%s*$")
  local head = text:match("^[%a_][%w_-]*")
  if head and LOCAL[head] and text:sub(#head + 1, #head + 1):match("^[%.%[]?$") then
    local path = read_path(text, #head + 1)
    if path then
      return setmetatable({ name = head, path = path, text = text }, local_mt)
    end
  end
  local found, stop = address.read(text)
  if not found then
    return bad("${" .. text .. "}", "one looks like ${server.web.ip}")
  end
  local path = read_path(text, stop)
  if not path then
    return bad("${" .. text .. "}", "the part behind the name is not .field or [1]")
  end
  return value.ref(address.format(found), path)
end

--- The parts of a string with `${` in it: strings, and what `read` makes of the text between braces.
---@param text string
---@param read fun(inner: string, at: integer): any, table? value, problem; `at` is where inner begins
---@return any[]? parts, table? problem
function M.split(text, read)
  local parts, n, at = {}, 0, 1
  while true do
    local start = find(text, "${", at, true)
    if not start then
      break
    end
    if start > at and sub(text, start - 1, start - 1) == "$" then
      parts[n + 1] = sub(text, at, start - 2) .. "${"
      n, at = n + 1, start + 2
    else
      local stop = find(text, "}", start, true)
      if not stop then
        return bad(text, "the closing } is missing")
      end
      local v, problem = read(sub(text, start + 2, stop - 1), start + 2)
      if problem then
        return nil, problem
      end
      if start > at then
        n = n + 1
        parts[n] = sub(text, at, start - 1)
      end
      n = n + 1
      parts[n] = v
      at = stop + 1
    end
  end
  if at <= #text then
    n = n + 1
    parts[n] = sub(text, at)
  end
  return parts
end

local function join(parts)
  if #parts == 1 then
    return parts[1]
  end
  local plain = true
  for i, part in ipairs(parts) do
    if value.is_marked(part) then
      plain = false
    elseif type(part) == "table" then
      return nil, { path = {}, msg = "a list or map cannot stand inside of a text" }
    else
      parts[i] = tostring(part)
    end
  end
  return plain and table.concat(parts) or value.text(parts)
end

--- A string ready to be filled: `{ done = value }`, `{ parts = ... }` or `{ problem = ... }`.
local function prepare(text)
  local parts, problem = M.split(text, expression)
  if not parts then
    return { problem = problem }
  end
  for _, part in ipairs(parts) do
    if getmetatable(part) == local_mt then
      return { parts = parts }
    end
  end
  return { done = join(parts) }
end

local prepared, n_prepared = {}, 0

--- Replaces `${...}` in a string.
---@param text string
---@param scope table index, key, value
---@return any value, table? problem
function M.string(text, scope)
  local known = prepared[text]
  if not known then
    if n_prepared > 2000 then
      prepared, n_prepared = {}, 0
    end
    known = prepare(text)
    prepared[text], n_prepared = known, n_prepared + 1
  end
  if known.parts then
    local parts = {}
    for i, part in ipairs(known.parts) do
      if getmetatable(part) == local_mt then
        local v, problem = local_value(scope, part)
        if problem then
          return nil, problem
        end
        part = v
      end
      parts[i] = part
    end
    return join(parts)
  elseif known.problem then
    return nil, { path = {}, msg = known.problem.msg, hint = known.problem.hint }
  end
  return known.done
end

local is_marked = value.is_marked

local MAX_DEPTH = 100

local function copy(t)
  local out = setmetatable({}, getmetatable(t))
  for k, x in next, t do
    out[k] = x
  end
  return out
end

local function string_value(v, scope, problems)
  if not find(v, "${", 1, true) then
    return v
  end
  local out, problem = M.string(v, scope)
  if problem then
    problems[#problems + 1] = problem
  end
  return out
end

--- Replaces `${...}` in all strings of a value; what has none is shared, not copied. Problems
-- are added to `problems` with the path to them.
---@param v any
---@param scope table
---@param problems table[]
---@param depth? integer
---@return any
function M.value(v, scope, problems, depth)
  local kind = type(v)
  depth = depth or 0
  if kind == "string" then
    return string_value(v, scope, problems)
  elseif kind == "function" then
    problems[#problems + 1] = { path = {}, msg = "a function can only stand in place of a whole field" }
    return nil
  elseif kind ~= "table" or is_marked(v) then
    return v
  elseif depth > MAX_DEPTH then
    problems[#problems + 1] = { path = {}, msg = "tables are nested too deep, or one is inside of itself" }
    return nil
  end
  local out
  for key, item in next, v do
    local before = #problems
    local new = M.value(item, scope, problems, depth + 1)
    for i = before + 1, #problems do
      table.insert(problems[i].path, 1, key)
    end
    if #problems > 50 then
      break
    end
    if not rawequal(new, item) then
      out = out or copy(v)
      out[key] = new
    end
  end
  return out or v
end

--- Parses one reference without braces, as in `needs`.
---@return table? ref, prov.Err?
function M.reference(text)
  local v, problem = expression(text:match("^%${(.*)}$") or text)
  if problem or not value.is_ref(v) then
    return err.fail("invalid", "'%s' is not an address such as network.lan", text)
  end
  return v
end

return M
