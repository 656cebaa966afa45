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

local function is_a(v, wanted)
  if type(wanted) == "table" then
    return is_a(v, wanted[1]) or is_a(v, wanted[2])
  end
  return wanted == true or type(v) == wanted
end

-- What a type cannot do without.
local function lacking(path, field)
  local kind = field_of.kind(field)
  if kind == "union" and (type(field.of) ~= "table" or field.of[1] == nil) then
    return { path .. ".of", "must list the alternatives of the union" }
  elseif kind == "enum" and not field.one_of then
    return { path .. ".one_of", "must list the values of the enum" }
  end
end

-- What is wrong with one field: { below, message, hint }, or nil.
local function check_field(path, field, seen)
  field = type(field) == "string" and { type = field } or field
  if type(field) ~= "table" then
    return { path, "must be a table such as { type = \"string\" }" }
  elseif seen[field] then
    return nil
  end
  seen[field] = true
  for name, v in pairs(field) do
    local wanted = ATTRIBUTES[name]
    if not wanted then
      return { ("%s.%s"):format(path, tostring(name)), "is not known", suggest.hint(tostring(name), NAMES) }
    elseif not is_a(v, wanted) then
      local text = type(wanted) == "table" and table.concat(wanted, " or a ") or wanted
      return { ("%s.%s"):format(path, name), ("must be a %s, not a %s"):format(text, type(v)) }
    end
  end
  local wrong = lacking(path, field) or field.fields and check_fields(path, field.fields, seen)
  if wrong then
    return wrong
  elseif field.type == "union" then
    for i, one in ipairs(field.of) do
      wrong = wrong or check_field(("%s.of[%d]"):format(path, i), one, seen)
    end
  elseif field.of ~= nil then
    wrong = wrong or check_field(path .. ".of", field.of, seen)
  end
  return wrong
end

function check_fields(path, fields, seen)
  if seen[fields] then
    return nil
  end
  seen[fields] = true
  for name, field in pairs(fields) do
    local below = path == "" and tostring(name) or ("%s.%s"):format(path, tostring(name))
    if type(name) ~= "string" then
      return { below, "must be a name, followed by = and a table such as { type = \"string\" }" }
    end
    local wrong = check_field(below, field, seen)
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
function M.check(schema)
  if type(schema) ~= "table" then
    return false, "must be a table of fields"
  end
  local wrong = check_fields("", schema, {})
  if wrong then
    return false, wrong[2], wrong[3], wrong[1]
  end
  for name, field in pairs(schema) do
    local alone = { [name] = field } -- and what it is an old name of
    local new_name = field_of.new_name(field, schema)
    alone[new_name or name] = schema[new_name or name]
    local ok, raised = pcall(contract.compile, alone)
    if not ok then
      return false, "has a mistake: " .. tostring(raised), nil, name
    end
  end
  return true
end

return M
