--- Schemas as documentation: rows for help and tables.

local data = require("core.data")
local field_of = require("prov.contract.field")

local M = {}

local WIDEST = 48 -- of a list of choices in a table; longer ones are told in the doc of the field

--- The type of a field in words.
---@param field prov.Field|string
---@return string
function M.type_text(field)
  field = field_of.full(field)
  local kind = field_of.kind(field)
  if field.one_of and kind ~= "list" and kind ~= "map" then
    local names = {}
    for i, one in ipairs(field.one_of) do
      names[i] = tostring(one)
    end
    local text = table.concat(names, "|")
    return #text <= WIDEST and text or "enum"
  elseif kind == "union" then
    local names = {}
    for i, one in ipairs(field.of) do
      names[i] = M.type_text(one)
    end
    return table.concat(names, " or ")
  elseif kind == "list" or kind == "map" then
    return kind .. " of " .. M.type_text(field.of)
  elseif kind == "optional" then
    return M.type_text(field.of) .. " or null"
  end
  return field.named or kind
end

--- The default for a table: that a function computes is told, not called.
local function default_of(field)
  if type(field.default) == "function" then
    return "(computed)"
  end
  return field.default
end

local function note_of(field, fields)
  local said = field.deprecated
  if not said then
    return field.doc
  end
  local name = field_of.new_name(field, fields)
  local text = "Deprecated" .. (name and ": write " .. name or said ~= true and ": " .. said or "")
  return field.doc and ("%s. %s"):format(field.doc:gsub("%.$", ""), text) or text
end

--- What it is for, and where it may come from instead of the infra.
local function doc_of(field, fields)
  local text = note_of(field, fields)
  if not field.env then
    return text
  end
  local from = "$" .. table.concat(type(field.env) == "table" and field.env or { field.env }, " or $")
  return text and ("%s; from %s when absent"):format(text, from) or "From " .. from .. " when absent"
end

local add_rows

--- The rows of what is inside of a field; of a type that holds itself only once.
local function add_inner(out, field, prefix, inside)
  local kind = field_of.kind(field)
  if field.fields then
    if not inside[field.fields] then
      inside[field.fields] = true
      add_rows(out, field.fields, prefix .. ".", inside)
      inside[field.fields] = nil
    end
  elseif type(field.of) == "table" and kind ~= "union" then
    local between = kind == "list" and "[]" or kind == "map" and ".*" or ""
    add_inner(out, field.of, prefix .. between, inside)
  end
end

function add_rows(out, fields, prefix, inside)
  for _, name in ipairs(data.keys(fields)) do
    local field = field_of.full(fields[name])
    out[#out + 1] = {
      name = prefix .. name,
      type = M.type_text(field),
      required = field.required or false,
      default = default_of(field),
      replace = field.replace,
      secret = field_of.is_secret(field) or nil,
      deprecated = field.deprecated and true or nil,
      doc = doc_of(field, fields),
      example = field.example,
    }
    add_inner(out, field, prefix .. name, inside)
  end
end

--- One row per field, sorted by name; fields of records follow as `a.b`, of lists as `a[].b`.
---@param schema table<string, prov.Field>
---@return table[]
function M.rows(schema)
  local out = data.list({})
  add_rows(out, schema, "", { [schema] = true })
  return out
end

return M
