--- Example values of a schema, for trying what an extension does with them.

local contract = require("prov.contract")
local data = require("core.data")
local field_of = require("prov.contract.field")
local value = require("prov.value")

local M = {}

-- Tried in this order: the first one that the field's own limits allow.
local CANDIDATES = {
  ip = { "192.0.2.1", "2001:db8::1" },
  cidr = { "192.0.2.0/24", "192.0.2.0/28", "10.77.0.0/24", "2001:db8::/64" },
  hostname = { "example.org", "example" },
  url = { "http://example.org/", "https://example.org/", "http://example.org/example.tar.gz" },
  semver = { "1.2.3" },
  path = { "/example", "/example/example", "example" },
  size = { "256 MiB", 1 },
  duration = { 60, "60s" },
  bool = { true, false },
  port = { 8080 },
  ref = { "example" },
  any = { "example" },
  string = {
    "example", "example.org", "192.0.2.1", "192.0.2.1:80", "/example", "http://example.org/", "192.0.2.0/24",
    "user@example.org", "10", "10s", "64mb", "10G", "1.2.3", "1.2", "a", "A", "Example", "EXAMPLE", "example1",
    "example=example", "example:example", "example/example", "00:00:5e:00:53:01", "0644", "2000-01-01", "12:00",
  },
}
CANDIDATES.secret = CANDIDATES.string

local kind_of = field_of.kind

local function fits(field, v)
  local bare = {}
  for k, x in pairs(field) do
    bare[k] = x
  end
  bare.default, bare.required = nil, nil
  local ok, done = pcall(function()
    return contract.compile({ x = bare }):complete({ x = v })
  end)
  return ok and done ~= nil
end

local function numbers(field)
  local min, max = field.min or 1, field.max
  return { max and math.min(max, math.max(min, 2)) or math.max(min, 2), min, max, 0 }
end

local function padded(field)
  local out = {}
  for i, v in ipairs(CANDIDATES.string) do
    out[i] = field.min and #v < field.min and v .. ("x"):rep(field.min - #v) or v
    out[i] = field.max and out[i]:sub(1, field.max) or out[i]
  end
  for _, length in ipairs({ 32, 40, 64 }) do -- digests
    out[#out + 1] = ("0"):rep(length)
  end
  return out
end

-- True when its default will do as an example; an empty one tries nothing.
local function has_default(field, all)
  local kind = type(field.default)
  return kind ~= "nil" and kind ~= "function" and not (all and kind == "table" and next(field.default) == nil)
end

local record

-- A value for a field, or nil; made = true when it is nobody's but ours. Records that hold themselves end
-- where they begin again.
local function make(field, all, inside)
  field = field_of.full(field)
  local kind = kind_of(field)
  if field.example ~= nil and fits(field, field.example)
    and (kind == "any" or not tostring(field.example):find("${", 1, true)) then
    return field.example, false
  elseif has_default(field, all) then
    return field.default, false
  elseif field.one_of then
    return field.one_of[1], false
  elseif kind == "record" then
    return record(field.fields or {}, all, nil, inside)
  elseif kind == "list" or kind == "map" then
    local item, made = make(field.of, all, inside)
    if item == nil then
      return nil
    end
    local out = kind == "list" and data.list({ item }) or { example = item }
    for i = 2, kind == "list" and field.min or 1 do
      out[i] = item
    end
    return fits(field, out) and out or nil, made
  elseif kind == "union" then
    return make(field.of[1], all, inside)
  elseif kind == "optional" then
    return make(field.of, all, inside)
  end
  local candidates = CANDIDATES[kind]
  if kind == "string" or kind == "secret" then
    candidates = padded(field)
  elseif kind == "int" or kind == "number" then
    candidates = numbers(field)
  end
  for _, v in pairs(candidates or {}) do
    if fits(field, v) then
      return v, type(v) == "string"
    end
  end
end

function record(fields, all, lacking, inside)
  inside = inside or {}
  if inside[fields] then
    return nil
  end
  inside[fields] = true
  local out, any_made = {}, false
  for name, field in pairs(fields) do
    field = field_of.full(field)
    local empty = type(field.default) == "table" and next(field.default) == nil
    if field_of.new_name(field, fields) then -- luacheck: ignore
    elseif field.required and field.default == nil or all and (field.default == nil or empty) then
      local v, made = make(field, all, inside)
      out[name], any_made = v, any_made or made or false
      if v == nil and field.required and lacking then
        lacking[#lacking + 1] = name
      end
    end
  end
  inside[fields] = nil
  return out, any_made
end

--- Arguments for a schema: what is required, or all that has no default as well. `made` is true when
-- strings are among them that neither a default nor an example of the schema gave.
---@param schema table<string, prov.Field>
---@param all boolean
---@return table args
---@return boolean made
---@return string[] lacking required fields no value was found for
function M.arguments(schema, all)
  local lacking = {}
  local args, made = record(schema, all, lacking)
  table.sort(lacking)
  return args, made, lacking
end

--- Every other value of a field that has few: { value, ... }.
---@param field prov.Field
---@return any[]
function M.choices(field)
  local out = {}
  local kind = type(field) == "table" and kind_of(field) or field
  local all = type(field) == "table" and kind ~= "list" and kind ~= "map" and field.one_of
    or kind == "bool" and { true, false } or {}
  for _, v in ipairs(all) do
    if type(field) ~= "table" or v ~= field.default then
      out[#out + 1] = v
    end
  end
  return out
end

local strict

local function strict_field(field, v, refuse)
  local kind = type(field) == "table" and kind_of(field)
  if type(v) ~= "table" or value.is_marked(v) then
    return v
  elseif kind == "record" and not field.open then
    return strict(field.fields or {}, v, refuse)
  elseif (kind == "list" or kind == "map") and type(field.of) == "table" then
    for key, item in next, v do
      rawset(v, key, strict_field(field.of, item, refuse))
    end
  end
  return v
end

--- Makes a completed value call refuse(name, names) when a field is read that its schema does not have.
---@param schema table<string, prov.Field>
---@param v table
---@param refuse fun(name: string, names: string[])
---@return table v
function strict(schema, v, refuse)
  for name, field in pairs(schema) do
    rawset(v, name, strict_field(field, rawget(v, name), refuse))
  end
  return setmetatable(v, {
    __index = function(_, key)
      if type(key) == "string" and schema[key] == nil then
        refuse(key, data.keys(schema))
      end
    end,
  })
end

M.strict = strict

return M
