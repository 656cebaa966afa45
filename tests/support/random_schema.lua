--- Random schemas, values that are good for them, and values that may not be; the same for the same seed.

local data = require("core.data")

local M = {}

local Maker = {}
Maker.__index = Maker

---@param seed integer
function M.new(seed)
  return setmetatable({ state = seed * 2654435761 + 1 }, Maker)
end

--- A whole number from low to high.
function Maker:int(low, high)
  self.state = self.state * 6364136223846793005 + 1442695040888963407
  return low + ((self.state >> 33) % (high - low + 1))
end

function Maker:chance(percent)
  return self:int(1, 100) <= percent
end

function Maker:pick(list)
  return list[self:int(1, #list)]
end

-- Good and bad texts of each scalar that is one; all of them are told apart by JSON Schema too.
local TEXTS = {
  ip = {
    { "10.0.0.1", "255.255.255.255", "::", "fe80::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8", "2001:DB8::a:b" },
    { "10.0.0.256", "1.2.3", "01.2.3.4", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3.256", "g::" },
  },
  cidr = {
    { "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.1.2.3/32", "::1/128" },
    { "10.0.0.0/33", "10.0.0.0", "::/129", "10.0.0.0/", "x/8", "10.0.0.0/08" },
  },
  hostname = {
    { "a", "web-1.example.org", "1.example", "a.", ("a"):rep(63) .. ".b" },
    { "-a", "a-", "a..b", "", "a_b", ("a"):rep(64), "a.-b", "a b", ".a", ("a."):rep(130) },
  },
  url = {
    { "http://x", "https://x/y?z#u", "s3+x.y://b/k", "a-b://1" },
    { "x", "http://", "http:///x", "http://a b", "1a://x" },
  },
  semver = {
    { "1.2.3", "0.0.0", "1.2.3-rc.1+x", "10.20.30" },
    { "1.2", "01.2.3", "1.02.3", "1.2.3-", "v1.2.3", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "1.2.3+a+b" },
  },
  path = { { "/", "a/b", "x y" }, { "" } },
  ref = { { "x", "server.web" }, { "" } },
  size = { { "1", "256 MiB", "2GB", "512M", "1.5 KiB", " 3 k " }, { "", "-1", "1 XB", "lots", "1 MiBB", "1 iB", "." } },
  duration = { { "5m", "1h30m", "500ms", "1.5s", "2 w 3 d" }, { "", "5", "5x", "m", "-1s", "1H" } },
}

-- Forms that a text may have to match, with texts that do and do not.
local FORMS = {
  { "pattern", "[a-z][a-z0-9-]*", { "a", "web-1" }, { "", "A", "1a", "a_b" } },
  { "pattern", "%d+%.%d+", { "1.2", "10.20" }, { "1", "1.", "a.b" } },
  { "pattern", "^[%w_.]+$", { "a_b.c", "9" }, { "", "a b", "a/" } },
  { "pattern", "%u%l-%s?%x+", { "A1", "Abc f" }, { "a1", "A", "1" } },
  { "pattern", "[^/%s]+/?", { "a", "a/" }, { "/", "a b", "a//" } },
  { "pattern", "(ab)%-[%]x-z]+", { "ab-]", "ab-xyz" }, { "ab", "ab-a" } },
  { "regex", "^v\\d+(\\.\\d+){0,2}$", { "v1", "v1.2.3" }, { "1", "v1.", "v1.2.3.4" } },
  { "regex", "(web|db)-[0-9a-f]{2,4}", { "web-0a", "db-ffff" }, { "web-1", "db-fffff", "xdb-ff" } },
  { "regex", "[^\\s/]+", { "a", "é" }, { "", "a b", "/" } },
  { "regex", ".{3}", { "abc", "äöü" }, { "ab", "abcd", "a\nb" } },
}

local KINDS = {
  "string", "string", "int", "number", "bool", "enum", "secret", "list", "map", "record", "union", "optional",
  "duration", "size", "cidr", "ip", "hostname", "port", "url", "semver", "path", "ref", "any",
}

local function limits(self, field, low, high)
  if self:chance(30) then
    field.min = self:int(low, low + 2)
  end
  if self:chance(30) then
    field.max = self:int(high - 2, high)
  end
end

local make = {}

function make.string(self, field)
  if self:chance(40) then
    field.form = self:pick(FORMS)
    field[field.form[1]] = field.form[2]
  else
    limits(self, field, 0, 9)
  end
end
make.secret = make.string

function make.int(self, field)
  limits(self, field, -5, 100)
end
make.number = make.int

function make.enum(self, field)
  field.one_of = {}
  for i = 1, self:int(1, 4) do
    field.one_of[i] = ("v%d"):format(i * 3)
  end
end

function make.list(self, field, depth)
  field.of = self:field(depth - 1)
  limits(self, field, 0, 5)
end
make.map = make.list

function make.optional(self, field, depth)
  field.of = self:field(depth - 1)
end

function make.record(self, field, depth)
  field.fields = self:schema(depth - 1)
  field.open = self:chance(15) or nil
end

function make.union(self, field, depth)
  field.of = {}
  for i = 1, self:int(2, 3) do
    field.of[i] = self:field(depth - 1)
  end
end

--- A random field.
---@param depth integer of the records, lists and others in it
function Maker:field(depth)
  local kind = self:pick(KINDS)
  while depth <= 0 and (kind == "list" or kind == "map" or kind == "record" or kind == "union" or kind == "optional") do
    kind = self:pick(KINDS)
  end
  local field = { type = kind }
  if make[kind] then
    make[kind](self, field, depth)
  end
  field.form, self.forms[field] = nil, field.form
  if self:chance(20) then
    field.doc = "What it is"
  end
  return field
end

--- A random schema.
---@param depth integer
---@return table<string, prov.Field>
function Maker:schema(depth)
  self.forms = self.forms or setmetatable({}, { __mode = "k" })
  local schema, names = {}, {}
  for i = 1, self:int(1, 6) do
    names[i] = "f" .. i
    local field = self:field(depth)
    schema[names[i]] = field
    if self:chance(30) then
      field.required = true
    end
    if self:chance(25) then
      field.default = self:good(field)
    elseif self:chance(10) and i > 1 then
      local other = names[self:int(1, i - 1)]
      schema["copy" .. i] = {
        type = "any",
        default = function(whole)
          return whole[other]
        end,
      }
    end
    if self:chance(5) and field.required then
      field.required = nil
      schema["old" .. i] = { type = "any", deprecated = names[i] }
    end
  end
  return schema
end

local function text_between(self, field)
  local length = self:int(field.min or 0, math.max(field.min or 0, field.max or 6))
  local out = {}
  for i = 1, length do
    out[i] = self:pick({ "a", "B", "7", "é", "-" })
  end
  return table.concat(out)
end

--- A value that is good for a field.
function Maker:good(field)
  local kind = field.type
  if field.one_of then
    return self:pick(field.one_of)
  elseif kind == "string" or kind == "secret" then
    local form = self.forms[field]
    return form and self:pick(form[3]) or text_between(self, field)
  elseif TEXTS[kind] then
    if (kind == "size" or kind == "duration") and self:chance(30) then
      return self:int(0, 1000)
    end
    return self:pick(TEXTS[kind][1])
  elseif kind == "int" then
    return self:int(field.min or -9, field.max or 99)
  elseif kind == "number" then
    return self:chance(50) and self:int(field.min or -9, field.max or 99) or (field.min or 0) + 0.5
  elseif kind == "bool" then
    return self:chance(50)
  elseif kind == "port" then
    return self:int(1, 65535)
  elseif kind == "list" or kind == "map" then
    local out = kind == "list" and data.list({}) or {}
    for i = 1, self:int(field.min or 0, math.max(field.min or 0, math.min(field.max or 3, 3))) do
      out[kind == "list" and i or "k" .. i] = self:good(field.of)
    end
    return out
  elseif kind == "record" then
    return self:record(field.fields)
  elseif kind == "union" then
    return self:good(self:pick(field.of))
  elseif kind == "optional" then
    return self:chance(20) and data.null or self:good(field.of)
  end
  return self:chance(50) and "x" or self:int(0, 9)
end

--- A value that is good for the fields of a record.
---@param fields table<string, prov.Field>
function Maker:record(fields)
  local out = {}
  for _, name in ipairs(data.keys(fields)) do
    local field = fields[name]
    if field.deprecated then
      local new = fields[field.deprecated]
      if self:chance(30) and out[field.deprecated] == nil and new then
        out[name] = self:good(new)
      end
    elseif field.required and field.default == nil or self:chance(60) then
      out[name] = self:good(field)
    end
  end
  for _, name in ipairs(data.keys(fields)) do
    if fields[name].deprecated and out[name] ~= nil then
      out[fields[name].deprecated] = nil
    end
  end
  return out
end

local JUNK = { "", "x", "10.0.0.1", "1.2.3", 0, -1, 7, 1.5, 70000, true, false, data.null }

--- The value with something in it changed, for better or worse.
function Maker:changed(v, fields)
  local out = {}
  for k, x in pairs(v) do
    out[k] = x
  end
  local names = data.keys(fields)
  local name = self:pick(names)
  local field = fields[name]
  local what = self:int(1, 10)
  if what == 1 then
    out[name] = nil
  elseif what == 2 then
    out["f" .. self:int(1, 9)] = self:pick(JUNK)
  elseif what <= 5 and TEXTS[field.type] then
    out[name] = self:pick(TEXTS[field.type][2])
  elseif what <= 5 and self.forms[field] then
    out[name] = self:pick(self.forms[field][4])
  elseif what <= 7 and field.fields and data.kind(v[name]) == "map" then
    out[name] = self:changed(v[name], field.fields)
  elseif what <= 8 then
    out[name] = data.list({ self:pick(JUNK) })
  elseif what == 9 then
    out[name] = { f1 = self:pick(JUNK) }
  else
    out[name] = self:pick(JUNK)
  end
  return out
end

return M
