--- Schemas as JSON Schema (2020-12), for editors and other programs.

local data = require("core.data")
local field_of = require("prov.contract.field")
local pattern = require("prov.contract.pattern")
local regex = require("prov.contract.regex")
local scalars = require("prov.contract.scalars")

local M = {}

M.DIALECT = "https://json-schema.org/draft/2020-12/schema"

local BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
local V4 = ("(?:%s\\.){3}%s"):format(BYTE, BYTE)

--- Every way to write an IPv6 address.
local function v6()
  local h = "[0-9A-Fa-f]{1,4}"
  local ways = {
    ("(?:%s:){7}%s"):format(h, h),
    ("(?:%s:){1,7}:"):format(h),
    (":(?:(?::%s){1,7}|:)"):format(h),
    ("(?:%s:){6}%s"):format(h, V4),
    (":(?::%s){0,5}:%s"):format(h, V4),
  }
  for n = 1, 6 do
    ways[#ways + 1] = ("(?:%s:){%d}(?::%s){1,%d}"):format(h, n, h, 7 - n)
  end
  for n = 1, 5 do
    ways[#ways + 1] = ("(?:%s:){%d}(?::%s){0,%d}:%s"):format(h, n, h, 5 - n, V4)
  end
  return "(?:" .. table.concat(ways, "|") .. ")"
end

local V6 = v6()
local LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
local NUMBER = "(?:0|[1-9][0-9]*)"
local BUILD = "[0-9A-Za-z-]+"
local BEFORE = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"

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
    pattern = "^\\s*[0-9]{1,15}(\\.[0-9]*)?\\s*([KMGTPkmgtp]([Ii]?[Bb])?|[Bb])?\\s*$",
    examples = { "256 MiB" },
  },
  duration = {
    type = { "string", "number" },
    minimum = 0,
    maximum = scalars.LONGEST,
    pattern = "^(\\s*[0-9]{1,12}(\\.[0-9]*)?\\s*(ms|[smhdw]))+\\s*$",
    examples = { "5m" },
  },
  ip = { type = "string", pattern = ("^(?:%s|%s)$"):format(V4, V6) },
  cidr = {
    type = "string",
    pattern = ("^(?:%s/(?:[12]?[0-9]|3[0-2])|%s/(?:[1-9]?[0-9]|1[01][0-9]|12[0-8]))$"):format(V4, V6),
    examples = { "10.0.0.0/24" },
  },
  hostname = { type = "string", maxLength = 253, pattern = ("^%s(?:\\.%s)*\\.?$"):format(LABEL, LABEL) },
  url = { type = "string", pattern = "^[A-Za-z][A-Za-z0-9+.-]*://[^ \\t-\\r/?#][^ \\t-\\r]*$" },
  semver = {
    type = "string",
    pattern = ("^%s\\.%s\\.%s(?:-%s(?:\\.%s)*)?(?:\\+%s(?:\\.%s)*)?$"):format(NUMBER, NUMBER, NUMBER, BEFORE, BEFORE,
      BUILD, BUILD),
  },
  path = { type = "string", minLength = 1, pattern = "^[^\\u0000]*$" },
  ref = { type = "string", minLength = 1 },
  any = {},
  enum = {},
}

local LIMITS = {
  string = { "minLength", "maxLength" },
  secret = { "minLength", "maxLength" },
  path = { "minLength", "maxLength" },
  int = { "minimum", "maximum" },
  port = { "minimum", "maximum" },
  number = { "minimum", "maximum" },
  size = { "minimum", "maximum" }, -- of those that are numbers
  duration = { "minimum", "maximum" },
  list = { "minItems", "maxItems" },
  map = { "minProperties", "maxProperties" },
}

---@class prov.SchemaOptions
---@field open? boolean records may have more fields than are declared, as of answers that grow in time
---@field named? table<table, string> fields of a record -> where their schema stands
---@field later? string where the schema of a text with references in it stands: one may stand for any value, but
--- for records that say `parts`
---@field marks? boolean keys may have a priority behind them (prov.contract.merge)
---@field partial? boolean nothing is required: files are merged before they are checked
---@field defs? table<string, table> gets the schemas of named types; without it they stand where they are used
---@field at? string where defs will stand, "#/$defs/" by default
---@field owner? string put in front of the names of types

local object, field_schema

--- Numbers as they are, and sizes and durations as numbers.
local function limit_of(field, limit)
  local scalar = type(limit) == "string" and scalars[field.type]
  return scalar and (scalar(limit)) or limit
end

local function whole_number(v)
  return math.type(v) == "float" and math.tointeger(v) or v
end

local function description_of(field, fields)
  local out = { field.doc }
  local function say(text)
    out[#out + 1] = text
  end
  if field.replace then
    say("Changing it replaces the resource.")
  end
  if type(field.default) == "function" then
    say("Its default follows from other fields.")
  end
  if type(field.deprecated) == "string" then
    local name = fields and field_of.new_name(field, fields)
    say(name and ("Write %s instead."):format(name) or field.deprecated)
  end
  for i = 1, #out - 1 do
    out[i] = out[i]:find("[.!?]$") and out[i] or out[i] .. "."
  end
  return out[1] and table.concat(out, " ") or nil
end

--- True when something in the fields leads back to them.
local function holds_itself(fields)
  local seen = {}
  local function look(t)
    if seen[t] then
      return false
    end
    seen[t] = true
    local function at(field)
      field = field_of.full(field)
      if field.fields then
        return field.fields == fields or look(field.fields)
      elseif field_of.kind(field) == "union" then
        for _, one in ipairs(field.of) do
          if at(one) then
            return true
          end
        end
        return false
      end
      return field.of ~= nil and at(field.of)
    end
    for _, field in next, t do
      if at(field) then
        return true
      end
    end
    return false
  end
  return look(fields)
end

--- The place of the schema of a named type, which is added when it is new.
local function named_type(field, opts)
  local refs = opts.refs or {}
  opts.refs = refs
  if not refs[field.fields] then
    local name = (opts.owner and opts.owner .. "." or "") .. (field.named or "record")
    local free, n = name, 1
    while opts.defs[free] do
      n = n + 1
      free = name .. n
    end
    refs[field.fields] = (opts.at or "#/$defs/") .. free
    opts.defs[free] = {}
    opts.defs[free] = object(field.fields, field.open, opts)
  end
  return refs[field.fields]
end

local function record_schema(field, opts)
  local fields = field.fields or {}
  if opts.defs and (field.named or opts.refs and opts.refs[fields] or holds_itself(fields)) then
    return { ["$ref"] = named_type(field, opts) }
  end
  return object(fields, field.open, opts)
end

local function collection(field, kind, opts)
  local of = field.of and field_schema(field.of, opts)
  if kind == "list" then
    return { type = "array", items = of }
  elseif kind == "map" then
    return { type = "object", additionalProperties = of or true }
  elseif kind == "optional" then
    return { anyOf = data.list({ of or {}, { type = "null" } }) }
  end
  local ways = data.list({})
  for i, one in ipairs(field.of) do
    ways[i] = field_schema(one, opts)
  end
  return { anyOf = ways }
end

local function enum_schema(field)
  local out = { enum = data.list(table.move(field.one_of, 1, #field.one_of, 1, {})) }
  out.type = type(field.one_of[1]) == "string" and "string" or nil
  for _, one in ipairs(field.one_of) do
    out.type = type(one) == "string" and out.type or nil
  end
  return out
end

--- The schema of the value, without what is said about it.
local function value_schema(field, kind, opts)
  if field.one_of and kind ~= "list" and kind ~= "map" then
    return enum_schema(field)
  elseif kind == "record" then
    return record_schema(field, opts)
  end
  local out
  if kind == "list" or kind == "map" or kind == "optional" or kind == "union" then
    out = collection(field, kind, opts)
  else
    out = {}
    for k, v in pairs(PLAIN[kind] or {}) do
      out[k] = v
    end
  end
  local names = LIMITS[kind]
  if names then
    out[names[1]] = whole_number(limit_of(field, field.min)) or out[names[1]]
    out[names[2]] = whole_number(limit_of(field, field.max)) or out[names[2]]
  end
  local form = field.regex and regex.anchored(field.regex) or field.pattern and pattern.to_regex(field.pattern)
  if form and (kind == "path" or not out.pattern) then
    out.pattern = form
  elseif form then
    out.allOf = data.list({ { pattern = form } })
  end
  return out
end

--- True when a text with references in it is allowed by the schema as it is.
local function takes_text(kind, out)
  return kind == "any" or out.type == "string" and not (out.pattern or out.enum or out.maxLength or out.minLength)
end

function field_schema(field, opts, fields)
  field = field_of.full(field)
  opts = opts or {}
  local place = opts.named and opts.named[field.fields or false]
  if place then
    return { ["$ref"] = place, description = field.doc }
  end
  local kind = field_of.kind(field)
  local out = value_schema(field, kind, opts)
  if opts.later and not field.parts and not takes_text(kind, out) then
    local said = out.examples
    out.examples = nil
    out = { anyOf = data.list({ out, { ["$ref"] = opts.later } }), examples = said }
  end
  out.description = description_of(field, fields)
  if field.default ~= nil and type(field.default) ~= "function" and not field_of.is_secret(field) then
    local is_empty = type(field.default) == "table" and next(field.default) == nil
    out.default = is_empty and kind == "list" and data.list({}) or field.default
  end
  if field.example ~= nil then
    out.examples = data.list({ field.example })
  end
  out.deprecated = field.deprecated and true or nil
  out.readOnly = field.computed or nil
  return out
end

--- Names that a field was known by before, by the field.
local function old_names(fields)
  local out = {}
  for _, name in ipairs(data.keys(fields)) do
    local new_name = field_of.new_name(fields[name], fields)
    if new_name then
      out[new_name] = out[new_name] or {}
      table.insert(out[new_name], name)
    end
  end
  return out
end

local function takes_anything(field)
  field = field_of.full(field)
  if field_of.kind(field) == "union" then
    for _, one in ipairs(field.of) do
      if takes_anything(one) then
        return true
      end
    end
  end
  return field_of.kind(field) == "any"
end

object = function(fields, open, opts)
  opts = opts or {}
  local out = { type = "object", properties = {} }
  if not opts.open then
    out.additionalProperties = open or false
  end
  local before = old_names(fields)
  local required, either = data.list({}), data.list({})
  for _, name in ipairs(data.keys(fields)) do
    local field = fields[name]
    local new_name = field_of.new_name(field, fields)
    out.properties[name] = field_schema(field, opts, fields)
    if new_name then -- it is read as the new one
      local as_new = field_schema(fields[new_name], opts)
      as_new.description, as_new.deprecated = out.properties[name].description, true
      as_new.default = nil
      out.properties[name] = as_new
      either[#either + 1] = { ["not"] = { required = data.list({ name, new_name }) } }
    end
    if type(field) == "table" and field.required and field.default == nil and not opts.partial then
      if before[name] then
        local ways = data.list({ { required = data.list({ name }) } })
        for _, old in ipairs(before[name]) do
          ways[#ways + 1] = { required = data.list({ old }) }
        end
        either[#either + 1] = { anyOf = ways }
      else
        required[#required + 1] = name
        if takes_anything(field) and not field_of.takes_null(field) then -- null is no value
          out.properties[name]["not"] = { type = "null" }
        end
      end
    end
  end
  if opts.marks and next(fields) ~= nil then
    out.patternProperties = { ["^[^!?]+[!?]$"] = true }
  end
  out.required = #required > 0 and required or nil
  out.allOf = #either > 0 and either or nil
  return out
end

--- The JSON Schema of one field.
---@param field prov.Field|string
---@param opts? prov.SchemaOptions
---@return table
function M.field(field, opts)
  return field_schema(field, opts)
end

--- The JSON Schema of the fields of a record.
---@param fields table<string, prov.Field>
---@param opts? prov.SchemaOptions
---@return table
function M.object(fields, opts)
  return object(fields, nil, opts)
end

--- The JSON Schema of a contract, as a document of its own. Rules (`check`) have no equivalent there.
---@param schema table<string, prov.Field>
---@return table
function M.of(schema)
  local defs = {}
  local out = object(schema, nil, { defs = defs })
  out["$schema"] = M.DIALECT
  out["$defs"] = next(defs) and defs or nil
  return out
end

return M
