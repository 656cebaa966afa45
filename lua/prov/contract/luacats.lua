--- Schemas as LuaCATS types, so that editors help in infra files, recipes and bodies written in Lua.

local data = require("core.data")
local field_of = require("prov.contract.field")

local M = {}

local PLAIN = {
  any = "any",
  bool = "boolean",
  duration = "string|number",
  int = "integer",
  number = "number",
  port = "integer",
  size = "string|integer",
}

local KEYWORDS = {}
for word in
  ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while")
    :gmatch("%a+")
do
  KEYWORDS[word] = true
end

---@class prov.Cats
---@field out string[] lines
---@field names table<table, string> fields of a record -> its class
---@field queue table[] classes to write: { name, fields, open }
---@field taken table<string, true>
---@field completed boolean the types of completed values, in which what has a default is there
local Cats = {}
Cats.__index = Cats

local function literal(v)
  return type(v) == "string" and ("%q"):format(v):gsub("\n", "n") or tostring(v)
end

--- The class of a record, which is written later when it is new.
function Cats:class(field, name)
  local known = self.names[field.fields]
  if not known then
    known = field.named and self.owner .. "." .. field.named or name
    local free, n = known, 1
    while self.taken[free] do
      n = n + 1
      free = known .. n
    end
    known = free
    self.taken[known], self.names[field.fields] = true, known
    self.queue[#self.queue + 1] = { known, field.fields, field.open, field.doc }
  end
  return known
end

--- A type behind which [] can stand.
local function grouped(text)
  return text:find("[|,]") and "(" .. text .. ")" or text
end

function Cats:type_of(field, name)
  field = field_of.full(field)
  local kind = field_of.kind(field)
  if field.one_of and kind ~= "list" and kind ~= "map" then
    local values = {}
    for i, one in ipairs(field.one_of) do
      values[i] = literal(one)
    end
    return table.concat(values, "|")
  elseif kind == "record" then
    return field.fields and self:class(field, name) or "table"
  elseif kind == "list" then
    return grouped(self:type_of(field.of, name)) .. "[]"
  elseif kind == "map" then
    return ("table<string, %s>"):format(self:type_of(field.of, name))
  elseif kind == "optional" then
    return grouped(self:type_of(field.of, name)) .. "?"
  elseif kind == "union" then
    local ways = {}
    for i, one in ipairs(field.of) do
      ways[i] = grouped(self:type_of(one, name))
    end
    return table.concat(ways, "|")
  elseif self.completed and (kind == "size" or kind == "duration") then
    return kind == "size" and "integer" or "number"
  end
  return PLAIN[kind] or "string"
end

local function text_of(field, fields)
  local words = { field.doc }
  if field.deprecated then
    local new_name = field_of.new_name(field, fields)
    words[#words + 1] = new_name and ("(deprecated: write %s)"):format(new_name) or "(deprecated)"
  end
  return #words > 0 and " " .. table.concat(words, " "):gsub("%s+", " ") or ""
end

function Cats:write(name, fields, open, doc)
  local out = self.out
  out[#out + 1] = doc and ("---%s"):format(doc:gsub("%s+", " ")) or nil
  out[#out + 1] = "---@class " .. name
  for _, key in ipairs(data.keys(fields)) do
    local field = field_of.full(fields[key])
    local is_there = field.required or self.completed and field.default ~= nil
    local shown = key:match("^[%a_][%w_]*$") and not KEYWORDS[key] and key or ("[%q]"):format(key)
    local kind = self:type_of(field, name .. "." .. key:gsub("[^%w_]", "_"))
    out[#out + 1] = ("---@field %s%s %s%s"):format(shown, is_there and "" or "?", kind, text_of(field, fields))
  end
  if open then
    out[#out + 1] = "---@field [string] any"
  end
  out[#out + 1] = ""
end

--- The classes of a schema, and of the records in it.
---@param name string of the class
---@param fields table<string, prov.Field>
---@param opts? { completed: boolean?, owner: string?, doc: string?, open: boolean? } completed: the types of what
--- a contract gives, not of what it takes; owner: put in front of the names of named types
---@return string lines of comments
function M.of(name, fields, opts)
  opts = opts or {}
  local self = setmetatable({
    out = {},
    names = { [fields] = name },
    taken = { [name] = true },
    queue = { { name, fields, opts.open, opts.doc } },
    owner = opts.owner or name,
    completed = opts.completed or false,
  }, Cats)
  local i = 1
  while self.queue[i] do
    self:write(table.unpack(self.queue[i], 1, 4))
    i = i + 1
  end
  return table.concat(self.out, "\n")
end

return M
