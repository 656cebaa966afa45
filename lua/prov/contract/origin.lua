--- Where a contract is declared: told with an error, and looked for only then.

local field_of = require("prov.contract.field")

local M = {}

---@class prov.Origin
---@field file string of the declaration
---@field keys (string|integer)[] where the schema stands in what the file returns
---@field of string whose fields they are: "server of provider demo"
---@field place? fun(path: (string|integer)[]): integer?, integer? of a file that is data

local origins = setmetatable({}, { __mode = "k" })

--- Notes where a schema is declared.
---@param schema table<string, prov.Field>
---@param origin prov.Origin
function M.declare(schema, origin)
  origins[schema] = origin
end

--- Notes that a schema was made from another one.
function M.derive(schema, from)
  origins[schema] = origins[from]
end

---@return prov.Origin?
function M.of(schema)
  return origins[schema]
end

--- The path of a value as one of its schema: keys in the declaration, and as text.
local function in_schema(schema, path)
  local keys, text, field = {}, {}, { type = "record", fields = schema }
  local function go(...)
    for _, key in ipairs({ ... }) do
      keys[#keys + 1] = key
    end
  end
  for i, key in ipairs(path) do
    local kind = field_of.kind(field)
    if kind == "record" and field.fields and field.fields[key] ~= nil then
      if i > 1 then
        go("fields")
      end
      go(key)
      field = field.fields[key]
      text[#text + 1] = (i > 1 and "." or "") .. key
    elseif (kind == "list" or kind == "map") and field.of then
      go("of")
      field = field.of
      text[#text + 1] = kind == "list" and "[]" or ".*"
    else
      break
    end
    field = field_of.full(field)
    if field.named then
      keys = { "types", field.named }
    end
  end
  return keys, table.concat(text)
end

local function line_of(origin, keys, named)
  local all = named and {} or table.move(origin.keys, 1, #origin.keys, 1, {})
  table.move(keys, 1, #keys, #all + 1, all)
  if origin.place then
    return (origin.place(all))
  end
  local text = require("prov.fs").read(origin.file)
  return text and (require("prov.infra.lua_places").find(text, all)) or nil
end

---@class prov.Declared
---@field file? string
---@field line? integer
---@field of? string
---@field field? string

--- Where the contract that a problem comes from is declared; nil when nobody has noted it.
---@param p prov.Problem
---@return prov.Declared?
function M.find(p)
  local origin = p.schema and origins[p.schema]
  local keys, text = {}, nil
  if origin then
    local path = table.move(p.within, 1, #p.within, 1, {})
    path[#path + 1] = p.missing
    keys, text = in_schema(p.schema, path)
  end
  if p.rule then
    local info = debug.getinfo(require("prov.sandbox").original(p.rule), "S")
    if info.source:sub(1, 1) == "@" and info.linedefined > 0 then
      return { file = info.source:sub(2), line = info.linedefined, of = origin and origin.of, field = text }
    end
  end
  if not origin then
    return nil
  end
  return { file = origin.file, line = line_of(origin, keys, keys[1] == "types"), of = origin.of, field = text }
end

return M
