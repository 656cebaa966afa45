--- The difference between what is and what should be, field by field.

local changes = require("prov.contract.changes")
local field_of = require("prov.contract.field")
local value = require("prov.value")

local M = {}

local NOTHING, OUTSIDE = {}, { outside = true }

--- True when both values mean the same; tables are compared by their canonical encoding.
M.equal = changes.equal

--- Every difference between two maps.
---@param before table
---@param after table
---@return prov.Change[]
function M.values(before, after)
  return changes.values(before, after)
end

--- True when a field that was there is not any more: somebody has detached, or cleared it. A field whose change would
--- rebuild the resource is not believed to be: providers tell some of those for as long as they can.
---@param field prov.Field
---@param told any what the provider told of it last
---@param seen any what it tells now
---@return boolean
function M.is_lost(field, told, seen)
  return told ~= nil and seen == nil and not field.replace
end

--- Compares the wanted arguments with the recorded ones and with what was observed.
-- A field that its provider never told is not compared with what it tells now.
---@param schema table the resource's schema
---@param want table resolved arguments
---@param recorded table arguments of the last apply
---@param observed? table state just read
---@param told? table state that was read before
---@return prov.Change[]
function M.fields(schema, want, recorded, observed, told)
  local out = {}
  for _, name in ipairs(changes.keys(schema, {})) do
    local field = field_of.full(schema[name])
    if not field.computed then
      local after, before = want[name], recorded[name]
      local outside
      local seen = observed and observed[name]
      local known = type(before) == "table" and value.has_secret(before) and value.reveal(before) or before
      if observed and before ~= nil and M.is_lost(field, told and told[name], seen)
        or seen ~= nil and (after ~= nil or before ~= nil) and not M.equal(seen, known)
      then
        before, outside = seen, true
      end
      changes.add(out, name, before, after, field, outside and OUTSIDE or NOTHING)
    end
  end
  return out
end

--- All fields of a value as changes from nothing (create) or to nothing (delete).
---@return prov.Change[]
function M.whole(schema, v, gone)
  local out = {}
  for _, name in ipairs(changes.keys(v, {})) do
    local field = schema and schema[name] or {}
    local secret = field.secret or field.type == "secret" or value.is_secret(v[name]) or nil
    out[#out + 1] = {
      path = tostring(name),
      before = gone and v[name] or nil,
      after = not gone and v[name] or nil,
      unknown = not gone and value.has_unknown(v[name]) or nil,
      secret = secret,
      type = changes.shown_type(field),
    }
  end
  return out
end

return M
