--- Three values merged by keys: what one side changed is taken, what both changed in other ways is a conflict. Maps are
--- merged by their keys; lists are one value.

local data = require("core.data")
local path_of = require("prov.path")

local M = {}

local function is_map(v)
  return type(v) == "table" and v ~= data.null and data.kind(v) == "map"
end

--- Whether two values are the same; the order of keys does not count.
---@param a any
---@param b any
---@return boolean
function M.same(a, b)
  if a == b then
    return math.type(a) == math.type(b)
  elseif type(a) ~= "table" or type(b) ~= "table" or a == data.null or b == data.null or is_map(a) ~= is_map(b) then
    return false
  end
  for key, v in pairs(a) do
    if not M.same(v, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- What a user calls a path.
---@param path (string|integer)[]
---@return string
function M.name(path)
  return path[1] and path_of.format(path) or "the whole file"
end

local function put(path, key)
  local out = table.move(path, 1, #path, 1, {})
  out[#out + 1] = key
  return out
end

local function walk(base, into, from, path, changes, conflicts)
  if M.same(from, base) or M.same(from, into) then
    return
  elseif is_map(into) and is_map(from) then
    local inner, seen = is_map(base) and base or {}, {}
    for _, map in ipairs({ into, from }) do
      for _, key in ipairs(data.keys(map)) do
        if not seen[key] then
          seen[key] = true
          walk(inner[key], into[key], from[key], put(path, key), changes, conflicts)
        end
      end
    end
  elseif M.same(into, base) then
    changes[#changes + 1] = { path = path, value = from }
  else
    conflicts[#conflicts + 1] = path
  end
end

--- What has to change in `into` to have what `from` changed since `base`.
---@param base any nil when there was none
---@param into any
---@param from any
---@return { path: (string|integer)[], value: any }[] changes a value of nil deletes
---@return (string|integer)[][] conflicts paths that both changed
function M.changes(base, into, from)
  local changes, conflicts = {}, {}
  walk(base, into, from, {}, changes, conflicts)
  return changes, conflicts
end

return M
