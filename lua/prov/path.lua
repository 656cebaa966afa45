--- Paths into a value, as people write them: `servers.web.disks[2].size`.
--
--   a.b            fields; letters, digits, _ and - need no quotes
--   a[2]  a[-1]    items of a list, from 1; negative ones from the end
--   a[+]           behind the last item, for set
--   a["x.y"]       a field of any name, in the quotes of JSON; also a."x.y"
--   (nothing), .   the whole value; a path may begin with a dot

local data = require("core.data")
local err = require("prov.err")

local M = {}

M.APPEND = "[+]"

local function fail(text, at, fmt, ...)
  return nil, err.new("usage", ("path '%s', character %d: "):format(text, at) .. fmt:format(...), {
    hint = 'a path is such as a.b[2]["odd name"]',
  })
end

local function quoted(text, at)
  local stop = at
  repeat
    stop = text:find('"', stop + 1, true)
    local _, slashes = text:sub(at, stop and stop - 1 or #text):match("^(.-)(\\*)$")
  until not stop or #slashes % 2 == 0
  local name = stop and data.json_decode(text:sub(at, stop))
  return type(name) == "string" and name or nil, stop and stop + 1
end

--- Reads a path. An item `[+]` is M.APPEND.
---@param text string
---@return (string|integer|table)[]? path
---@return prov.Err?
function M.parse(text)
  local out, at = {}, 1
  if text == "." then
    return out
  end
  while at <= #text do
    local key, behind
    local sign = text:sub(at, at)
    if sign == "." and text:find("^%[", at + 1) then -- as jq writes it
      at, sign = at + 1, "["
    end
    if sign == "[" then
      local number, stop = text:match("^(%-?%d+)%]()", at + 1)
      if number then
        key, behind = math.tointeger(tonumber(number)), stop
      elseif text:find("^%+%]", at + 1) then
        key, behind = M.APPEND, at + 3
      elseif text:find('^"', at + 1) then
        key, behind = quoted(text, at + 1)
        behind = key and text:match("^%]()", behind)
      end
      if not behind or key == 0 then
        return fail(text, at, "%s",
          key == 0 and "items of a list count from 1" or "brackets hold a number, + or a quoted name")
      end
    else
      if sign == "." then
        at = at + 1
      elseif at > 1 then
        return fail(text, at, "'.' or '[' is missing")
      end
      key, behind = text:match("^([%w_\128-\255-]+)()", at)
      if text:find('^"', at) then
        key, behind = quoted(text, at)
      end
      if not key then
        return fail(text, at, "a name is missing; one with other signs than letters, digits, _ and - needs quotes")
      end
    end
    out[#out + 1] = key
    at = behind
  end
  return out
end

--- Writes a path.
---@param path (string|integer)[]
---@return string
function M.format(path)
  local out = {}
  for i, key in ipairs(path) do
    if math.type(key) == "integer" then
      out[i] = "[" .. key .. "]"
    elseif type(key) == "string" and key:find("^[%w_\128-\255-]+$") then
      out[i] = (i > 1 and "." or "") .. key
    else
      key = tostring(key)
      out[i] = "[" .. (data.json_encode(key) or ("%q"):format(key)) .. "]"
    end
  end
  return table.concat(out)
end

-- A number for an item counted from the end, or behind it.
local function index_in(list, key)
  if key == M.APPEND then
    return #list + 1
  end
  return math.type(key) == "integer" and key < 0 and #list + 1 + key or key
end

--- The path as a value has it: items are counted from 1, fields of maps are strings.
---@param v any
---@param path any[]
---@return (string|integer)[]
function M.resolve(v, path)
  local out = {}
  for i, key in ipairs(path) do
    local kind = v ~= nil and data.kind(v)
    if kind == "list" then
      key = index_in(v, key)
    elseif kind == "map" then
      key = tostring(key)
    elseif key == M.APPEND then
      key = 1
    end
    out[i] = key
    v = type(v) == "table" and v[key] or nil
  end
  return out
end

--- The value at a path that M.resolve gave; nil when there is none.
---@param v any
---@param path (string|integer)[]
---@return any
function M.get(v, path)
  for _, key in ipairs(path) do
    if type(v) ~= "table" then
      return nil
    end
    v = v[key]
  end
  return v
end

local function misfit(path, fmt, ...)
  local where = M.format(path)
  return nil, err.new("invalid", (where ~= "" and where .. ": " or "") .. fmt:format(...))
end

--- Checks that a value can be set at a path, and gives the path as the value has it: keys of maps are strings.
---@param v any
---@param path (string|integer)[]
---@return (string|integer)[]? path, prov.Err?
function M.fit(v, path)
  local out = {}
  for i, key in ipairs(path) do
    local kind = v == nil and "nothing" or data.kind(v)
    if kind == "list" then
      if math.type(key) ~= "integer" then
        return misfit(out, "is a list: it has items [1] to [%d], not '%s'", #v, tostring(key))
      elseif key < 1 or key > #v + 1 then
        return misfit(out, "has %d items, there is no [%d]", #v, key)
      end
    elseif kind == "map" then
      key = tostring(key)
    elseif kind ~= "null" and kind ~= "nothing" then
      return misfit(out, "is a %s, nothing can be in it", kind)
    end
    out[i] = key
    v = type(v) == "table" and v[key] or nil
  end
  return out
end

--- A copy of the value with another one at a path that fits; nil takes away what is there.
---@param v any
---@param path (string|integer)[]
---@param new any
---@param from? integer how much of the path is done, plus one
---@return any
function M.with(v, path, new, from)
  from = from or 1
  if from > #path then
    return new
  end
  local key = path[from]
  local out
  if type(v) == "table" and v ~= data.null then
    out = setmetatable(table.move(v, 1, #v, 1, {}), getmetatable(v))
    for k, item in pairs(v) do
      out[k] = item
    end
  else
    out = math.type(key) == "integer" and data.list({}) or {}
  end
  if new == nil and from == #path and data.kind(out) == "list" then
    table.remove(out, key)
  else
    out[key] = M.with(out[key], path, new, from + 1)
  end
  return out
end

return M
