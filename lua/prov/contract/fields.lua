--- What a schema itself may hold: the attributes of its fields.

local contract = require("prov.contract")
local suggest = require("prov.suggest")

local M = {}

-- Attribute -> what it must be; true for anything.
local ATTRIBUTES = {
  type = "string", required = "boolean", default = true, min = "number", max = "number", pattern = "string",
  one_of = "table", fields = "table", open = "boolean", doc = "string", example = true, secret = "boolean",
  replace = "boolean", computed = "boolean", check = "function", of = true,
}

local NAMES = {}
for name in pairs(ATTRIBUTES) do
  NAMES[#NAMES + 1] = name
end

local check_fields

-- What is wrong with one field: { below, message, hint }, or nil.
local function check_field(path, field)
  if type(field) == "string" then
    field = { type = field }
  elseif type(field) ~= "table" then
    return { path, "must be a table such as { type = \"string\" }" }
  end
  for name, v in pairs(field) do
    local wanted = ATTRIBUTES[name]
    if not wanted then
      return { ("%s.%s"):format(path, tostring(name)), "is not known", suggest.hint(tostring(name), NAMES) }
    elseif wanted ~= true and type(v) ~= wanted then
      return { ("%s.%s"):format(path, name), ("must be a %s, not a %s"):format(wanted, type(v)) }
    end
  end
  local wrong = field.fields and check_fields(path, field.fields)
  if field.type == "union" then
    for i, one in ipairs(type(field.of) == "table" and field.of or {}) do
      wrong = wrong or check_field(("%s.of[%d]"):format(path, i), one)
    end
  elseif field.of ~= nil then
    wrong = wrong or check_field(path .. ".of", field.of)
  end
  return wrong
end

function check_fields(path, fields)
  for name, field in pairs(fields) do
    local below = path == "" and tostring(name) or ("%s.%s"):format(path, tostring(name))
    if type(name) ~= "string" then
      return { below, "must be a name, followed by = and a table such as { type = \"string\" }" }
    end
    local wrong = check_field(below, field)
    if wrong then
      return wrong
    end
  end
end

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
  local wrong = check_fields("", schema)
  if wrong then
    return false, wrong[2], wrong[3], wrong[1]
  end
  for name, field in pairs(schema) do
    local ok, raised = pcall(contract.compile, { [name] = field })
    if not ok then
      return false, "has a mistake: " .. tostring(raised), nil, name
    end
  end
  return true
end

return M
