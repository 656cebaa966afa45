--- Schemas as documentation: rows for help and tables, and JSON Schema.

local data = require("core.data")
local scalars = require("prov.contract.scalars")

local M = {}

local WIDEST = 48 -- of a list of choices in a table; longer ones are told in the doc of the field

local function type_text(field)
  if type(field) == "string" then
    return field
  end
  local kind = field.type or (field.one_of and "enum") or (field.fields and "record") or "any"
  if field.one_of then
    local names = {}
    for i, one in ipairs(field.one_of) do
      names[i] = tostring(one)
    end
    local text = table.concat(names, "|")
    return #text <= WIDEST and text or "enum"
  elseif kind == "union" then
    local names = {}
    for i, one in ipairs(field.of) do
      names[i] = type_text(one)
    end
    return table.concat(names, " or ")
  elseif kind == "list" or kind == "map" then
    return kind .. " of " .. (field.of and type_text(field.of) or "any")
  end
  return kind
end

local function add_rows(out, schema, prefix)
  for _, name in ipairs(data.keys(schema)) do
    local field = schema[name]
    field = type(field) == "string" and { type = field } or field
    out[#out + 1] = {
      name = prefix .. name,
      type = type_text(field),
      required = field.required or false,
      default = field.default,
      replace = field.replace,
      secret = field.secret or field.type == "secret" or nil,
      doc = field.doc,
      example = field.example,
    }
    if field.fields then
      add_rows(out, field.fields, prefix .. name .. ".")
    elseif type(field.of) == "table" and field.of.fields then
      add_rows(out, field.of.fields, prefix .. name .. (field.type == "list" and "[]." or ".*."))
    end
  end
end

--- One row per field, sorted by name; fields of records follow as `a.b`, of lists as `a[].b`.
---@param schema table<string, prov.Field>
---@return table[]
function M.rows(schema)
  local out = data.list({})
  add_rows(out, schema, "")
  return out
end

local PLAIN = {
  string = { type = "string" },
  secret = { type = "string", writeOnly = true },
  int = { type = "integer" },
  number = { type = "number" },
  bool = { type = "boolean" },
  port = { type = "integer", minimum = 1, maximum = 65535 },
  size = {
    type = { "string", "integer" },
    minimum = 0,
    pattern = "^\\s*[0-9]{1,15}(\\.[0-9]*)?\\s*([KMGTPkmgtp]?([Ii]?[Bb])?)\\s*$",
    examples = { "256 MiB" },
  },
  duration = {
    type = { "string", "number" },
    minimum = 0,
    maximum = scalars.LONGEST,
    pattern = "^(\\s*[0-9]{1,12}(\\.[0-9]*)?\\s*(ms|[smhdw]))+\\s*$",
    examples = { "5m" },
  },
  ip = { type = "string", anyOf = { { format = "ipv4" }, { format = "ipv6" } } },
  cidr = { type = "string", examples = { "10.0.0.0/24" } },
  hostname = { type = "string", format = "hostname" },
  url = { type = "string", format = "uri" },
  semver = { type = "string", pattern = "^\\d+\\.\\d+\\.\\d+" },
  path = { type = "string", minLength = 1 },
  ref = { type = "string" },
  any = {},
  enum = {},
}

local object
local field_schema

local LIMITS = {
  string = { "minLength", "maxLength" },
  secret = { "minLength", "maxLength" },
  int = { "minimum", "maximum" },
  number = { "minimum", "maximum" },
  list = { "minItems", "maxItems" },
  map = { "minProperties", "maxProperties" },
}

-- A Lua pattern that is a regular expression too: sets and repetitions, no %, no shortest match.
local function regex_of(pattern)
  local bare = pattern:gsub("^%^", ""):gsub("%$$", "")
  if bare:gsub("%[[^%]]*%]", ""):find("[%%%-(){}|\\]") or bare:find("%", 1, true) then
    return nil
  end
  return "^" .. bare .. "$"
end

function field_schema(field, opts)
  field = type(field) == "string" and { type = field } or field
  local named = opts and opts.named and opts.named[field.fields or false]
  if named then
    return { ["$ref"] = named, description = field.doc }
  end
  local kind = field.type or (field.one_of and "enum") or (field.fields and "record") or "any"
  local out = {}
  for k, v in pairs(PLAIN[kind] or {}) do
    out[k] = v
  end
  if kind == "list" then
    out.type, out.items = "array", field.of and field_schema(field.of, opts) or nil
  elseif kind == "map" then
    out.type, out.additionalProperties = "object", field.of and field_schema(field.of, opts) or true
  elseif kind == "record" then
    out = object(field.fields or {}, field.open, opts)
  elseif kind == "union" then
    out.anyOf = {}
    for i, one in ipairs(field.of) do
      out.anyOf[i] = field_schema(one, opts)
    end
  end
  if field.one_of then
    out.enum = data.list(table.move(field.one_of, 1, #field.one_of, 1, {}))
    out.type = out.type or type(field.one_of[1]) == "string" and "string" or nil
  end
  local names = LIMITS[kind]
  if names then
    out[names[1]], out[names[2]] = field.min, field.max
  end
  out.pattern = out.pattern or field.pattern and regex_of(field.pattern) or nil
  out.description = field.doc
  if field.default ~= nil and kind ~= "secret" and not field.secret then
    out.default = field.default
  end
  if field.example ~= nil then
    out.examples = data.list({ field.example })
  end
  return out
end

object = function(schema, others, opts)
  local out = { type = "object", properties = {} }
  if not (opts and opts.open) then
    out.additionalProperties = others or false
  end
  local required = data.list({})
  for _, name in ipairs(data.keys(schema)) do
    out.properties[name] = field_schema(schema[name], opts)
    if type(schema[name]) == "table" and schema[name].required then
      required[#required + 1] = name
    end
  end
  out.required = #required > 0 and required or nil
  return out
end

--- The JSON Schema (2020-12) of one field.
---@param field prov.Field
---@param opts? { open: boolean?, named: table<table, string>? } open: records may have more fields than are
--- declared, as of answers that grow in time; named: fields of a record -> where their schema stands
---@return table
function M.field_schema(field, opts)
  return field_schema(field, opts)
end

--- The JSON Schema (2020-12) of a schema. Lua patterns and checks have no equivalent there.
---@param schema table<string, prov.Field>
---@return table
function M.json_schema(schema)
  local out = object(schema)
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
  return out
end

return M
