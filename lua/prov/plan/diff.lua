--- The difference between what is and what should be, field by field.

local data = require("core.data")
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
local function keys_of(a, b)
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

local function add(out, path, before, after, mark)
  if M.equal(before, after) then
    return
  end
  if is_plain(before) and is_plain(after) then
    for _, k in ipairs(keys_of(before, after)) do
      local sub = type(k) == "number" and ("%s[%d]"):format(path, k) or path .. "." .. k
      add(out, sub, before[k], after[k], mark)
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
    replace = mark.replace,
    outside = mark.outside,
    type = SHOWN_TYPES[mark.type],
  }
end

--- Every difference between two maps.
---@return prov.Change[]
function M.values(before, after)
  local out = {}
  for _, key in ipairs(keys_of(before, after)) do
    add(out, tostring(key), before[key], after[key], {})
  end
  return out
end

--- Compares the wanted arguments with the recorded ones and with what was observed.
-- A field that the observed state does not have is not compared with it.
---@param schema table the resource's schema
---@param want table resolved arguments
---@param recorded table arguments of the last apply
---@param observed? table state just read
---@return prov.Change[]
function M.fields(schema, want, recorded, observed)
  local out = {}
  for _, name in ipairs(keys_of(schema, {})) do
    local field = schema[name]
    if not field.computed then
      local after, before = want[name], recorded[name]
      local outside
      local seen = observed and observed[name]
      local known = type(before) == "table" and value.has_secret(before) and value.reveal(before) or before
      if seen ~= nil and (after ~= nil or before ~= nil) and not M.equal(seen, known) then
        before, outside = seen, true
      end
      add(out, name, before, after, {
        replace = field.replace or nil,
        secret = field.secret or field.type == "secret" or nil,
        outside = outside,
        type = field.type,
      })
    end
  end
  return out
end

--- All fields of a value as changes from nothing (create) or to nothing (delete).
---@return prov.Change[]
function M.whole(schema, v, gone)
  local out = {}
  for _, name in ipairs(keys_of(v, {})) do
    local field = schema and schema[name] or {}
    local secret = field.secret or field.type == "secret" or value.is_secret(v[name]) or nil
    out[#out + 1] = {
      path = tostring(name),
      before = gone and v[name] or nil,
      after = not gone and v[name] or nil,
      unknown = not gone and value.has_unknown(v[name]) or nil,
      secret = secret,
      type = SHOWN_TYPES[field.type],
    }
  end
  return out
end

return M
