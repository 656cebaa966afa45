--- TOML 1.0: the root is a map, dates and times are marked values (`value.is_time`; tostring gives
-- their text), null does not exist.

local data = require("core.data")
local err = require("prov.err") -- gives errors of core.data their methods
local value = require("prov.value")

local M = {}

--- Reads a text. An empty one is an empty map.
---@param text string
---@param opts? { file: string?, max: integer?, version: string?, plain: boolean? } version "1.1" accepts
--- what that adds; plain gives dates and times as strings
---@return table? value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err place line and column of a path
function M.decode(text, opts)
  opts = opts or {}
  local v, doc = data.toml_decode(text, opts.max, opts.version == "1.1", opts.plain)
  if v == nil then
    doc.file = opts.file
    return nil, doc
  end
  return v, function(path)
    return doc:at(path)
  end
end

--- Writes a map. Keys are sorted: of each table first its values, then its tables as sections.
---@param v table
---@return string? text, prov.Err?
function M.encode(v)
  return data.toml_encode(v)
end

--- Writes a value as it stands behind `key =`, on one line.
---@param v any
---@return string? text, prov.Err?
function M.encode_value(v)
  return data.toml_encode(v, true)
end

--- Writes one part of a key, quoted where it has to be.
---@param key string
---@return string? text, prov.Err?
function M.encode_key(key)
  return key:find("^[%w_-]+$") and key or data.toml_encode(key, true)
end

--- Marks a text as a date, a time or both; nil when TOML has no such one.
---@param text string
---@return table? time
function M.time(text)
  return data.toml_time(text)
end

local function time_type(text)
  if not text:find("^%d%d%d%d%-") then
    return "time-local"
  elseif not text:find(":", 1, true) then
    return "date-local"
  end
  return text:find("[Z+-]", 11) and "datetime" or "datetime-local"
end

local TYPES = { string = "string", integer = "integer", float = "float", boolean = "bool", time = "time" }

--- The value as tagged JSON has it: every leaf is { type = "integer", value = "12" }.
---@param v any
---@return any
function M.tagged(v)
  local kind = data.kind(v)
  if kind == "map" or kind == "list" then
    local out = {}
    for key, item in pairs(v) do
      out[key] = M.tagged(item)
    end
    return kind == "list" and data.list(out) or out
  end
  local tag = TYPES[math.type(v) or kind]
  local text = tostring(v)
  if tag == "time" then
    tag = time_type(text)
  elseif tag == "float" then
    text = assert(data.toml_encode(v, true))
  end
  return { type = tag or "string", value = text }
end

local readers = {}

function readers.string(text)
  return text
end

function readers.bool(text)
  if text == "true" or text == "false" then
    return text == "true"
  end
end

local function number(text)
  local v = text:find("^[%w_.+-]+$") and (M.decode("v = " .. text) or {}).v
  return math.type(v) and v or nil
end

function readers.integer(text)
  return math.tointeger(number(text))
end

function readers.float(text)
  local v = number(text)
  return v and v * 1.0 -- not + 0.0, which makes -0.0 positive
end

for _, tag in ipairs({ "datetime", "datetime-local", "date-local", "time-local" }) do
  readers[tag] = function(text)
    local time = M.time(text)
    return time and time_type(tostring(time)) == tag and time or nil
  end
end

local function untagged(v)
  local kind = data.kind(v)
  if kind == "list" then
    local out = {}
    for i, item in ipairs(v) do
      out[i] = untagged(item)
    end
    return data.list(out)
  elseif kind ~= "map" then
    error(err.new("invalid", ("tagged JSON has an object for every value, not a %s"):format(kind)), 0)
  end
  if type(v.type) == "string" and type(v.value) == "string" then
    local reader = readers[v.type]
    local out = reader and reader(v.value)
    if out == nil then
      error(err.new("invalid", ("'%s' is no value of the type '%s'"):format(v.value, v.type)), 0)
    end
    return out
  end
  local out = {}
  for key, item in pairs(v) do
    out[key] = untagged(item)
  end
  return out
end

--- The value that tagged JSON means.
---@param v any
---@return any value, prov.Err?
function M.untagged(v)
  local ok, out = pcall(untagged, v)
  if ok then
    return out
  elseif not err.is(out) then
    error(out, 0)
  end
  return nil, out
end

--- True when a value read from TOML is a date, a time or both.
M.is_time = value.is_time

return M
