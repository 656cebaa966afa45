--- INI files, in the way of ~/.aws/config and of most others. Values are strings.
--
--   key = value              before the first section: a field of the root
--   [profile x]              a section: a map named by all that stands between the brackets
--   s3 =                     a key without value, and lines that stand further right with a key and a
--     max_queue = 10         value each: a map
--   text = one               lines that stand further right behind a value go on with it
--     two
--   # and ; begin a comment, at the begin of a line, or with a space before them behind a value (a value
--   that begins with one is that value)
--
-- A section that comes again goes on; a key that comes again is an error.

local data = require("core.data")
local err = require("prov.err")
local places = require("prov.places")

local M = {}

local MAX_BYTES = 64 * 1024 * 1024

---@class prov.IniReader
local Reader = {}
Reader.__index = Reader

function Reader:fail(column, fmt, ...)
  local msg = "not valid INI: " .. fmt:format(...):gsub("%c", "?")
  return err.new("invalid", msg, { file = self.file, line = self.line, column = column })
end

-- Patterns such as "%s*$" are tried at every place of a run of spaces; these are not.
local function trim(text)
  local stop = text:match("^.*%S()")
  return stop and text:sub(text:match("^%s*()"), stop - 1) or ""
end

local function without_comment(text)
  local at = text:find("%s[#;]")
  return trim(at and text:sub(1, at - 1) or text)
end

-- Key and value around the first sign, or nil.
local function split(text, sign)
  local at = text:find(sign, 1, true)
  if at then
    return trim(text:sub(1, at - 1)), without_comment(trim(text:sub(at + 1)))
  end
end

-- Adds a field; returns an error when it is there already.
function Reader:put(map, place, key, value, column)
  if key == "" then
    return self:fail(column, "a key is missing before the '='")
  elseif map[key] ~= nil then
    return self:fail(column, "the key '%s' was given before, on line %d", key, place.below[key].line)
  end
  map[key] = value
  place:add(key, self.line, column)
end

function Reader:section(line)
  local close = line:find("]", 1, true)
  local name = close and trim(line:sub(2, close - 1))
  if not name or name == "" or without_comment(line:sub(close + 1)) ~= "" then
    return self:fail(1, "a section is a name in brackets, such as [profile x]")
  end
  local known = self.root[name]
  if known ~= nil and not self.sections[name] then
    return self:fail(1, "the section '%s' has the name of a key, on line %d", name, self.places.below[name].line)
  elseif known == nil then
    self.root[name] = {}
    self.sections[name] = self.places:add(name, self.line, 1)
  end
  self.map, self.place, self.key = self.root[name], self.sections[name], nil
end

-- A line further right: part of the value above it.
function Reader:deeper(line)
  local column = #line:match("^%s*") + 1
  local text = line:sub(column)
  if not self.key then
    return self:fail(column, "nothing above this line that it could belong to; begin it at the left")
  end
  local have = self.map[self.key]
  local key, value = split(text, "=")
  if have == "" and key then
    have = {}
    self.map[self.key], self.nested = have, self.place.below[self.key]
  end
  if type(have) ~= "table" then
    self.map[self.key] = have .. "\n" .. trim(text)
  elseif not key then
    return self:fail(column, "a line below '%s =' must be key = value", self.key)
  else
    return self:put(have, self.nested, key, value, column)
  end
end

function Reader:field(line)
  local key, value = split(line, "=")
  if not key then
    key, value = split(line, ":")
  end
  if not key then
    return self:fail(1, "a line is a [section], key = value or a comment")
  end
  self.key = key
  return self:put(self.map, self.place, key, value, 1)
end

function Reader:read(line)
  if line:find("\0", 1, true) then
    return self:fail(line:find("\0", 1, true), "a NUL byte")
  elseif line:find("^%s*$") or line:find("^%s*[#;]") then
    return nil
  elseif line:find("^%[") then
    return self:section(line)
  elseif line:find("^%s") then
    return self:deeper(line)
  end
  return self:field(line)
end

--- Reads a text.
---@param text string
---@param opts? { file: string?, max: integer? }
---@return table? value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode(text, opts)
  local self = setmetatable({
    file = opts and opts.file, line = 0, root = {}, places = places.new(), sections = {},
  }, Reader)
  if #text > (opts and opts.max or MAX_BYTES) then
    return nil, err.new("limit", ("the text is larger than %d bytes"):format(opts and opts.max or MAX_BYTES),
      { file = self.file })
  elseif not utf8.len(text) then
    local _, at = utf8.len(text)
    local before = text:sub(1, at - 1)
    local _, breaks = before:gsub("\n", "")
    self.line = breaks + 1
    return nil, self:fail(at - (before:match("^.*\n()") or 1) + 1, "the text is not UTF-8")
  end
  self.map, self.place = self.root, self.places
  for line in (text:gsub("^\xEF\xBB\xBF", "")):gmatch("([^\n]*)\n?") do
    self.line = self.line + 1
    local e = self:read((line:gsub("\r$", "")))
    if e then
      return nil, e
    end
  end
  return self.root, self.places:lookup()
end

local function put(out, key, v, indent)
  if type(v) == "table" and data.kind(v) == "map" and indent == "" then
    out[#out + 1] = key .. " ="
    for _, inner in ipairs(data.keys(v)) do
      if type(v[inner]) == "table" then
        return err.new("invalid", ("cannot write as INI: '%s' is nested too deep"):format(key))
      end
      put(out, inner, v[inner], "  ")
    end
  elseif type(v) == "table" then
    return err.new("invalid", ("cannot write as INI: '%s' is a %s"):format(key, data.kind(v)))
  else
    local text = v == data.null and "" or tostring(v)
    out[#out + 1] = (indent .. key .. " = " .. text:gsub("\n", "\n" .. indent .. "  ")):match("^.*%S")
  end
end

local function put_map(out, map)
  for _, key in ipairs(data.keys(map)) do
    local e = put(out, key, map[key], "")
    if e then
      return e
    end
  end
end

-- What reading gives for a value: strings, and maps of them.
local function as_read(v)
  if type(v) ~= "table" then
    return v == data.null and "" or tostring(v)
  end
  local out = {}
  for key, item in pairs(v) do
    out[tostring(key)] = as_read(item)
  end
  return next(out) == nil and "" or out
end

--- Writes a value: a map of values and of sections. What INI cannot hold (lists, a value that begins
--- with a space, a comment sign in a value) is an error.
---@param v any
---@return string? text, prov.Err?
function M.encode(v)
  if type(v) ~= "table" or data.kind(v) ~= "map" then
    return err.fail("invalid", "cannot write as INI: the value must be a map")
  end
  local out, sections, want = {}, {}, {}
  local plain = {}
  for _, key in ipairs(data.keys(v)) do
    if type(v[key]) == "table" and data.kind(v[key]) == "map" then
      sections[#sections + 1] = key
      want[tostring(key)] = next(v[key]) == nil and {} or as_read(v[key])
    else
      plain[key], want[tostring(key)] = v[key], as_read(v[key])
    end
  end
  local e = put_map(out, plain)
  for _, name in ipairs(e and {} or sections) do
    out[#out + 1] = (#out > 0 and "\n" or "") .. "[" .. name .. "]"
    e = e or put_map(out, v[name])
  end
  if e then
    return nil, e
  end
  local text = #out > 0 and table.concat(out, "\n") .. "\n" or ""
  local again, why = M.decode(text)
  if not again then
    return err.fail("invalid", "cannot write as INI: %s", (why.msg:gsub("^not valid INI: ", "")))
  elseif data.encode(again) ~= data.encode(want) then
    return err.fail("invalid",
      "cannot write as INI: a key or value has spaces at its end, a line break or a comment sign")
  end
  return text
end

return M
