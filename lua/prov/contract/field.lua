--- What the walkers over schemas have in common: the full form of a field, and its type.

local data = require("core.data")

local M = {}

--- Metatables of values that are known only later: contracts let them through.
M.LATER = { [data.ref_mt] = true, [data.text_mt] = true, [data.unknown_mt] = true, [data.call_mt] = true }
if data.call_mt then
  M.LATER[data.call_mt] = true
end

---@class prov.Field
---@field type string
---@field required? boolean
---@field default? any or function(whole): the value when none is given; whole is the record it stands in
---@field min? number|string of a number, or of the length of a string, list or map
---@field max? number|string
---@field pattern? string Lua pattern of a whole string
---@field regex? string regular expression of a whole string (prov.contract.regex)
---@field one_of? any[]
---@field of? prov.Field|prov.Field[] items of a list, values of a map, what is optional, alternatives of a union
---@field fields? table<string, prov.Field> of a record
---@field open? boolean record: other fields are allowed
---@field doc? string
---@field example? any
---@field secret? boolean
---@field replace? boolean
---@field computed? boolean
---@field deprecated? boolean|string true, the name of the field that took its place, or words
---@field check? fun(value: any, whole: table): boolean?, string?, string? true, or what is wrong and what to do
---@field env? string|string[] of a provider's configuration: variables of the environment that may hold it
---@field named? string the name of the type it was declared with

--- Every type there is.
M.TYPES = {
  "any",
  "bool",
  "cidr",
  "duration",
  "enum",
  "hostname",
  "int",
  "ip",
  "list",
  "map",
  "number",
  "optional",
  "path",
  "port",
  "record",
  "ref",
  "secret",
  "semver",
  "size",
  "string",
  "union",
  "url",
}

M.IS_TYPE = {}
for _, name in ipairs(M.TYPES) do
  M.IS_TYPE[name] = true
end

local ANY = { type = "any" }

--- The field as a table; "int" stands for { type = "int" }, and nothing for any value.
---@param field prov.Field|string|nil
---@return prov.Field
function M.full(field)
  if type(field) == "table" then
    return field
  end
  return field and { type = field } or ANY
end

--- Its type, which may follow from what else it says.
---@param field prov.Field
---@return string
function M.kind(field)
  return field.type or field.one_of and "enum" or field.fields and "record" or "any"
end

--- True when null is a value of it; of any other field null means that it is absent.
---@param field prov.Field
---@return boolean
function M.takes_null(field)
  local kind = M.kind(field)
  if kind == "union" then
    for _, one in ipairs(field.of) do
      if M.takes_null(M.full(one)) then
        return true
      end
    end
  end
  return kind == "optional"
end

--- The fields of a schema with other ones beside them.
---@param fields table<string, prov.Field>
---@param more table<string, prov.Field>
---@return table<string, prov.Field>
function M.with(fields, more)
  local out = {}
  for _, from in ipairs({ fields, more }) do
    for name, field in next, from do
      out[name] = field
    end
  end
  return out
end

--- True when its value is never shown.
---@param field prov.Field
---@return boolean
function M.is_secret(field)
  return field.secret or field.type == "secret" or false
end

--- The new name of a field that is deprecated for another one of the same record, or nil.
---@param field prov.Field
---@param fields table<string, prov.Field>
---@return string?
function M.new_name(field, fields)
  local text = type(field) == "table" and field.deprecated
  return type(text) == "string" and fields[text] ~= nil and text or nil
end

return M
