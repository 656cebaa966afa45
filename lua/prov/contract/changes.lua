--- What differs between two values, field by field, with what the contract says of each.

local data = require("core.data")
local field_of = require("prov.contract.field")
local value = require("prov.value")

local M = {}

---@class prov.Change
---@field path string "ports[1].host"
---@field before any
---@field after any
---@field unknown? boolean the new value is known only after apply
---@field secret? boolean never show the values
---@field replace? boolean this change rebuilds the resource
---@field outside? boolean the old value is not what prov had set
---@field type? string the field's contract type, when a face may want to know ("size", "duration")

local SHOWN_TYPES = { size = "size", duration = "duration" }

--- The type of a field, when a face shows its values in a way of their own.
---@param field prov.Field
---@return string?
function M.shown_type(field)
  return SHOWN_TYPES[field.type]
end

--- True when both values mean the same; tables are compared by their canonical encoding.
---@return boolean
function M.equal(a, b)
  if rawequal(a, b) then
    return true
  end
  local ta, tb = type(a), type(b)
  if ta ~= tb then
    return false
  end
  if ta ~= "table" then
    return a == b
  end
  return data.encode(a) == data.encode(b)
end

local function is_plain(v)
  return type(v) == "table" and not value.is_marked(v)
end

--- The keys of both, in order.
---@param a table
---@param b table
---@return (string|integer)[]
function M.keys(a, b)
  if next(b) == nil then
    return data.keys(a)
  end
  local seen, list = {}, {}
  for _, t in ipairs({ a, b }) do
    for k in pairs(t) do
      if not seen[k] then
        seen[k] = true
        list[#list + 1] = k
      end
    end
  end
  table.sort(list, function(x, y)
    if type(x) == type(y) then
      return x < y
    end
    return type(x) == "number"
  end)
  return list
end

local NO_FIELD = {}

--- The field of something inside of a value; of a union nobody knows which.
local function inner(field, key)
  if field.fields then
    return field_of.full(field.fields[key] or NO_FIELD)
  end
  local kind = field_of.kind(field)
  return (kind == "list" or kind == "map") and field.of and field_of.full(field.of) or NO_FIELD
end

--- Adds the differences of two values of a field.
---@param out prov.Change[]
---@param path string
---@param field prov.Field
---@param mark { replace: boolean?, secret: boolean?, outside: boolean? } what holds for all of it
function M.add(out, path, before, after, field, mark)
  if M.equal(before, after) then
    return
  end
  if field.replace and not mark.replace or field_of.is_secret(field) and not mark.secret then
    mark = {
      replace = field.replace or mark.replace,
      secret = field_of.is_secret(field) or mark.secret,
      outside = mark.outside,
    }
  end
  if is_plain(before) and is_plain(after) then
    for _, k in ipairs(M.keys(before, after)) do
      local sub = type(k) == "number" and ("%s[%d]"):format(path, k) or path .. "." .. k
      M.add(out, sub, before[k], after[k], inner(field, k), mark)
    end
    return
  end
  local secret = mark.secret or value.is_secret(before) or value.is_secret(after)
  out[#out + 1] = {
    path = path,
    before = before,
    after = after,
    unknown = value.has_unknown(after) or nil,
    secret = secret or nil,
    replace = mark.replace or nil,
    outside = mark.outside,
    type = M.shown_type(field),
  }
end

--- Every difference between two maps.
---@param before table
---@param after table
---@param schema? table<string, prov.Field> what they are
---@return prov.Change[]
function M.values(before, after, schema)
  local out = {}
  for _, key in ipairs(M.keys(before, after)) do
    M.add(out, tostring(key), before[key], after[key], field_of.full(schema and schema[key] or NO_FIELD), {})
  end
  return out
end

return M
