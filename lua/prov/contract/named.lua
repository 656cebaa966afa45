--- Types that are declared once and used by name: `types = { disk = { type = "record", ... } }` beside the
-- schemas, `type = "disk"` in a field. Names are resolved when a declaration is loaded: a field gets what its
-- type says and it does not say itself, and the fields of a record are shared, so a type may hold itself.

local field_of = require("prov.contract.field")
local suggest = require("prov.suggest")

local M = {}

-- What a use says for itself only.
local OWN = { required = true, type = true, named = true }

local Binder = {}
Binder.__index = Binder

local function fail(path, message)
  error({ bind = { path, message } }, 0)
end

--- Puts the type into the field; a type that is another name of a type is followed.
function Binder:resolve(field, path)
  local name = field.type
  local def = self.types[name]
  if self.resolving[name] then
    fail(path, ("is the type '%s', which is only another name of itself"):format(name))
  end
  self.resolving[name] = true
  if type(def.type) == "string" and self.types[def.type] then
    self:resolve(def, "types." .. name)
  end
  self.resolving[name] = nil
  for key, v in next, def do
    if not OWN[key] and field[key] == nil then
      field[key] = v
    end
  end
  field.type, field.named = field_of.kind(def), def.named or name
end

function Binder:one(holder, key, path)
  local field = holder[key]
  if type(field) == "string" then
    if field_of.IS_TYPE[field] then
      return
    end
    field = { type = field }
    holder[key] = field
  elseif type(field) ~= "table" or self.seen[field] then
    return -- what is no field is told by fields.check
  end
  self.seen[field] = true
  local name = field.type
  if type(name) == "string" and not field_of.IS_TYPE[name] then
    if not self.types[name] then
      local names = table.move(field_of.TYPES, 1, #field_of.TYPES, 1, {})
      for known in next, self.types do
        names[#names + 1] = known
      end
      local hint = suggest.hint(name, names)
      fail(path, ("has a mistake: there is no type '%s'%s"):format(name, hint and "; " .. hint or ""))
    end
    self:resolve(field, path)
  end
  self:inside(field, path)
end

function Binder:inside(field, path)
  if type(field.fields) == "table" then
    self:fields(field.fields, path)
  end
  if field.of == nil then
    return
  elseif field_of.kind(field) == "union" and type(field.of) == "table" then
    if self.seen[field.of] then
      return
    end
    self.seen[field.of] = true
    for i in ipairs(field.of) do
      self:one(field.of, i, ("%s.of[%d]"):format(path, i))
    end
  else
    self:one(field, "of", path .. ".of")
  end
end

function Binder:fields(fields, path)
  if self.seen[fields] then
    return
  end
  self.seen[fields] = true
  local names = {}
  for name in next, fields do
    names[#names + 1] = name
  end
  for _, name in ipairs(names) do
    self:one(fields, name, path == "" and tostring(name) or path .. "." .. tostring(name))
  end
end

--- Resolves the names of types in schemas, in place.
---@param types table<string, prov.Field>?
---@param schemas { [1]: string, [2]: table<string, prov.Field> }[] each with the path that messages name
---@return boolean ok
---@return string? message
---@return string? path of the field
function M.bind(types, schemas)
  types = types or {}
  if type(types) ~= "table" then
    return false, "must be a table of types", "types"
  end
  local self = setmetatable({ types = types, seen = {}, resolving = {} }, Binder)
  for name, def in next, types do
    local path = "types." .. tostring(name)
    if type(name) ~= "string" or not name:match("^[a-z][a-z0-9_]*$") then
      return false, "cannot be a name of a type: use a-z, 0-9 and _", path
    elseif field_of.IS_TYPE[name] then
      return false, "is the name of a type that prov has", path
    end
    types[name] = type(def) == "string" and { type = def } or def
    if type(types[name]) ~= "table" then
      return false, "must be a table such as { type = \"string\" }", path
    end
  end
  local ok, e = pcall(function()
    for name in next, self.types do
      self:one(self.types, name, "types." .. name)
      self.types[name].named = self.types[name].named or name
    end
    for _, schema in ipairs(schemas) do
      if type(schema[2]) == "table" then
        self:fields(schema[2], schema[1])
      end
    end
  end)
  if ok then
    return true
  elseif type(e) == "table" and e.bind then
    return false, e.bind[2], e.bind[1]
  end
  error(e, 0)
end

return M
