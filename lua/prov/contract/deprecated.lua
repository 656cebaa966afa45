--- Warnings for fields that are on their way out.

local data = require("core.data")
local field_of = require("prov.contract.field")
local value = require("prov.value")

local M = {}

local NOTHING = {}
local any = setmetatable({}, { __mode = "k" }) -- fields -> whether something in them is deprecated

local has

local function field_has(field)
  field = field_of.full(field)
  if field.deprecated or field.fields and has(field.fields) then
    return true
  elseif field_of.kind(field) == "union" then
    for _, one in ipairs(field.of or {}) do
      if field_has(one) then
        return true
      end
    end
    return false
  end
  return field.of ~= nil and field_has(field.of)
end

function has(fields)
  local known = any[fields]
  if known == nil then
    any[fields] = false -- of a type that holds itself
    known = false
    for _, field in next, fields do
      known = known or field_has(field)
    end
    any[fields] = known
  end
  return known
end

local walk_fields

local function walk(field, v, path, out)
  field = field_of.full(field)
  local kind = field_of.kind(field)
  if type(v) ~= "table" or value.is_marked(v) then
    return
  elseif kind == "record" and field.fields then
    walk_fields(field.fields, v, path, out)
  elseif kind == "union" then
    for _, one in ipairs(field.of) do
      walk(one, v, path, out)
    end
  elseif field.of and (kind == "list" or kind == "map" or kind == "optional") then
    if kind == "optional" then
      return walk(field.of, v, path, out)
    end
    for _, key in ipairs(data.keys(v)) do
      path[#path + 1] = key
      walk(field.of, v[key], path, out)
      path[#path] = nil
    end
  end
end

function walk_fields(fields, v, path, out)
  if not has(fields) or value.is_list(v) then
    return
  end
  for _, name in ipairs(data.keys(v)) do
    local field = fields[name]
    if field ~= nil and v[name] ~= data.null then
      path[#path + 1] = name
      local said = type(field) == "table" and field.deprecated
      if said then
        local new_name = field_of.new_name(field, fields)
        out[#out + 1] = {
          path = table.move(path, 1, #path, 1, {}),
          msg = ("'%s' is deprecated"):format(tostring(name)),
          hint = new_name and ("write '%s' instead"):format(new_name) or said ~= true and said or nil,
          found = tostring(name),
          expected = new_name,
        }
      end
      walk(field, v[name], path, out)
      path[#path] = nil
    end
  end
end

--- True when something in the fields is deprecated.
M.is_in = has

--- The deprecated fields that a value uses.
---@param fields table<string, prov.Field>
---@param v any
---@return prov.Problem[]
function M.used(fields, v)
  if not has(fields) or type(v) ~= "table" or value.is_marked(v) then
    return NOTHING
  end
  local out = {}
  walk_fields(fields, v, {}, out)
  return out
end

return M
