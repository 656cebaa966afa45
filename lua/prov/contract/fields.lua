--- What a schema itself may hold: the attributes of its fields.

local contract = require("prov.contract")
local field_of = require("prov.contract.field")
local suggest = require("prov.suggest")

local M = {}

-- Attribute -> what it must be: one type of Lua, two, or true for anything.
local ATTRIBUTES = {
  type = "string", required = "boolean", default = true, min = { "number", "string" }, max = { "number", "string" },
  pattern = "string", regex = "string", one_of = "table", fields = "table", open = "boolean", doc = "string",
  example = true, secret = "boolean", replace = "boolean", computed = "boolean", deprecated = { "boolean", "string" },
  check = "function", of = true, named = "string", env = { "string", "table" },
}

local NAMES = {}
for name in pairs(ATTRIBUTES) do
  NAMES[#NAMES + 1] = name
end

local check_fields

local function below(keys, ...)
  local out = table.move(keys, 1, #keys, 1, {})
  for _, key in ipairs({ ... }) do
    out[#out + 1] = key
  end
  return out
end

local function is_a(v, wanted)
  if type(wanted) == "table" then
    return is_a(v, wanted[1]) or is_a(v, wanted[2])
  end
  return wanted == true or type(v) == wanted
end

-- What a type cannot do without, and what it may not have.
local function lacking(path, keys, field)
  local kind = field_of.kind(field)
  if kind == "union" and (type(field.of) ~= "table" or field.of[1] == nil) then
    return { path .. ".of", "must list the alternatives of the union", keys = keys }
  elseif kind == "enum" and not field.one_of then
    return { path .. ".one_of", "must list the values of the enum", keys = keys }
  end
  for i, one in ipairs(field.one_of or {}) do
    if type(one) == "table" then
      return { ("%s.one_of[%d]"):format(path, i), "must be a text, a number or a bool",
        keys = below(keys, "one_of", i) }
    end
  end
end

-- What is wrong with one field: { path, message, hint, keys }, or nil. `around` are the fields it is an item or
-- alternative of, with no record between.
local function check_field(path, keys, field, seen, around)
  field = type(field) == "string" and { type = field } or field
  if type(field) ~= "table" then
    return { path, "must be a table such as { type = \"string\" }", keys = keys }
  elseif around[field] then
    return { path, "holds itself: a type does so in a field of a record only", keys = keys }
  elseif seen[field] then
    return nil
  end
  seen[field], around[field] = true, true
  for name, v in pairs(field) do
    local wanted, at = ATTRIBUTES[name], ("%s.%s"):format(path, tostring(name))
    if not wanted then
      return { at, "is not known", suggest.hint(tostring(name), NAMES), keys = below(keys, name) }
    elseif not is_a(v, wanted) then
      local text = type(wanted) == "table" and table.concat(wanted, " or a ") or wanted
      return { at, ("must be a %s, not a %s"):format(text, type(v)), keys = below(keys, name) }
    end
  end
  local wrong = lacking(path, keys, field)
    or field.fields and check_fields(path, below(keys, "fields"), field.fields, seen)
  if wrong then
    return wrong
  elseif field.type == "union" then
    for i, one in ipairs(field.of) do
      wrong = wrong or check_field(("%s.of[%d]"):format(path, i), below(keys, "of", i), one, seen, around)
    end
  elseif field.of ~= nil then
    wrong = check_field(path .. ".of", below(keys, "of"), field.of, seen, around)
  end
  around[field] = nil
  return wrong
end

function check_fields(path, keys, fields, seen)
  if seen[fields] then
    return nil
  end
  seen[fields] = true
  for name, field in pairs(fields) do
    local at = path == "" and tostring(name) or ("%s.%s"):format(path, tostring(name))
    if type(name) ~= "string" then
      return { at, "must be a name, followed by = and a table such as { type = \"string\" }",
        keys = below(keys, name) }
    end
    local wrong = check_field(at, below(keys, name), field, seen, {})
    if wrong then
      return wrong
    end
  end
end

local FIELD = {
  type = { type = "string", example = "string", doc = "Its type: " .. table.concat(field_of.TYPES, ", ") },
  required = { type = "bool", doc = "It must be given" },
  default = { type = "any", doc = "Its value when none is given" },
  min = { type = "union", of = { { type = "number" }, { type = "string" } }, doc = "Least value, or length" },
  max = { type = "union", of = { { type = "number" }, { type = "string" } }, doc = "Largest value, or length" },
  pattern = { type = "string", doc = "Lua pattern that the whole text has to match" },
  regex = { type = "string", doc = "Regular expression that the whole text has to match" },
  one_of = { type = "list", min = 1, doc = "The values it may have" },
  open = { type = "bool", doc = "A record may have other fields" },
  doc = { type = "string", doc = "What it is for" },
  example = { type = "any", doc = "A value" },
  secret = { type = "bool", doc = "Its value is never shown" },
  replace = { type = "bool", doc = "Changing it replaces the resource" },
  computed = { type = "bool", doc = "It is not written, but known afterwards" },
  deprecated = {
    type = "union",
    of = { { type = "bool" }, { type = "string" } },
    doc = "It is on its way out: true, the name of the field that took its place, or words",
  },
}

--- One field as data, for contracts that are written in YAML: the contract of contracts.
M.FIELD = { type = "union", of = { { type = "string" }, { type = "record", named = "field", fields = FIELD } } }
FIELD.fields = { type = "map", of = M.FIELD, doc = "Fields of a record" }
FIELD.of = {
  type = "union",
  of = { M.FIELD.of[1], M.FIELD.of[2], { type = "list", of = M.FIELD } },
  doc = "Items of a list, values of a map, alternatives of a union",
}

--- Checks a schema.
---@param schema any
---@return boolean ok
---@return string? message
---@return string? hint
---@return string? below path of the field in the schema
---@return (string|integer)[]? keys the same, as the schema is written
function M.check(schema)
  if type(schema) ~= "table" then
    return false, "must be a table of fields"
  end
  local wrong = check_fields("", {}, schema, {})
  if wrong then
    return false, wrong[2], wrong[3], wrong[1], wrong.keys
  end
  for name, field in pairs(schema) do
    local alone = { [name] = field } -- and what it is an old name of
    local new_name = field_of.new_name(field, schema)
    alone[new_name or name] = schema[new_name or name]
    local ok, raised = pcall(contract.compile, alone)
    if not ok then
      return false, "has a mistake: " .. tostring(raised), nil, name, { name }
    end
  end
  return true
end

return M
