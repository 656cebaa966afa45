--- KMIP in JSON (OASIS KMIP Profiles 2.1, 5.5, as Cosmian's KMS speaks it): items are { "tag", "type", "value" }.
-- A name of an enumeration that has no number here stays: servers have more of them than the standard.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local names = require("prov.kmip.names")
local timestamp = require("prov.timestamp")
local tree = require("prov.kmip.tree")

local M = {}

local function hex(bytes)
  return (bytes:gsub(".", function(char)
    return ("%02X"):format(char:byte())
  end))
end

local function unhex(digits)
  if type(digits) ~= "string" or #digits % 2 ~= 0 or digits:find("%X") then
    return nil
  end
  return (digits:gsub("..", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

-- The bytes of "0x...", of which there must be `size` when it is given.
local function unhex_number(value, size)
  local bytes = type(value) == "string" and unhex(value:match("^0[xX](%x+)$"))
  return bytes and (not size or #bytes == size) and bytes or nil
end

local function long_hex(value)
  return "0x" .. hex((">i8"):pack(value))
end

-- From the year 1000 to 9999, which have four digits in every C library.
local FIRST_DATE, LAST_DATE = -30610224000, 253402300799

-- How each type is written: value -> JSON.
local write = {
  Integer = function(value)
    return value
  end,
  LongInteger = long_hex,
  BigInteger = function(value)
    return "0x" .. hex(value)
  end,
  Enumeration = function(value)
    return math.type(value) == "integer" and ("0x%08X"):format(value) or value
  end,
  ByteString = hex,
  DateTime = function(value)
    return value >= FIRST_DATE and value <= LAST_DATE and timestamp.iso(value) or long_hex(value)
  end,
  DateTimeExtended = long_hex,
}
write.Boolean, write.TextString, write.Interval = write.Integer, write.Integer, write.Integer

local function within(value, low, high)
  return math.type(value) == "integer" and value >= low and value <= high and value or nil
end

-- "Encrypt|Decrypt" as bits.
local function mask_of(tag, text)
  local bits, sum = names.MASKS[tag], 0
  for name in text:gmatch("[^| ]+") do
    local bit = bits and bits[name]
    if not bit then
      return nil
    end
    sum = sum | bit
  end
  return text ~= "" and sum or nil
end

local function read_integer(value, tag)
  if type(value) ~= "string" then
    return within(value, -0x80000000, 0x7FFFFFFF)
  end
  local bytes = unhex_number(value, 4)
  if bytes then
    return (">i4"):unpack(bytes)
  end
  return mask_of(tag, value)
end

local function read_long(value)
  local bytes = unhex_number(value, 8)
  if bytes then
    return (string.unpack(">i8", bytes))
  end
  return math.type(value) == "integer" and value or nil
end

local function read_date(value)
  if type(value) ~= "string" or value:find("^0[xX]") then
    return read_long(value)
  end
  local at = value:find("^%d%d%d%d%-") and timestamp.parse(value)
  return at and math.floor(at)
end

-- A name, or the number when it has none here.
local function read_enum(value, tag)
  local bytes = unhex_number(value, 4)
  local number = bytes and (">I4"):unpack(bytes) or within(value, 0, 0xFFFFFFFF)
  if number then
    return tree.enum_name(tag, number)
  elseif type(value) == "string" and value:find("^[%w_. -]+$") and not value:find("^0[xX]") then
    local plain = tree.attribute_tag(value)
    return tree.enum_number(tag, plain) and plain or value
  end
end

-- How each type is read: JSON, tag -> value, or nil when it is none.
local read = {
  Integer = read_integer,
  LongInteger = read_long,
  BigInteger = function(value)
    local bytes = unhex_number(value)
    return bytes and #bytes % 8 == 0 and bytes or nil
  end,
  Enumeration = read_enum,
  Boolean = function(value)
    if type(value) == "boolean" then
      return value
    end
  end,
  TextString = function(value)
    return type(value) == "string" and value or nil
  end,
  ByteString = unhex,
  DateTime = read_date,
  Interval = function(value)
    local bytes = unhex_number(value, 4)
    return bytes and (">I4"):unpack(bytes) or within(value, 0, 0xFFFFFFFF)
  end,
  DateTimeExtended = read_long,
}

local function corrupt(path, fmt, ...)
  local place = #path > 0 and table.concat(path, ".") .. ": " or ""
  return err.fail("corrupt", "KMIP message, %s%s", place, fmt:format(...))
end

-- A tag by its name or "0x42007B".
local function read_tag(text)
  if type(text) ~= "string" or not text:find("^%w[%w_]*$") then
    return nil
  elseif names.TAGS[text] then
    return text
  end
  local digits = text:match("^0[xX](%x%x%x%x%x%x)$")
  local number = digits and tonumber(digits, 16)
  if number then
    return tree.is_tag(number) and tree.tag_name(number) or nil
  end
  return not text:find("^%d") and text or nil
end

local read_item

local function read_structure(value, path)
  if data.kind(value) ~= "list" then
    return corrupt(path, "the value of a Structure is no list")
  elseif #path > tree.MAX_DEPTH then
    return corrupt(path, "more than %d structures in each other", tree.MAX_DEPTH)
  end
  local items = {}
  for i, one in ipairs(value) do
    local item, e = read_item(one, path, i, items)
    if not item then
      return nil, e
    end
    items[i] = item
  end
  return items
end

read_item = function(one, path, index, before)
  if data.kind(one) ~= "map" then
    return corrupt(path, "item %d is no map of tag, type and value", index)
  end
  local tag, kind = read_tag(one.tag), one.type or "Structure"
  if not tag then
    return corrupt(path, "item %d has no tag", index)
  end
  path[#path + 1] = tree.show_tag(tag)
  local value, e
  if kind == "Structure" then
    value, e = read_structure(one.value, path)
    if not value then
      return nil, e
    end
  elseif not read[kind] then
    return corrupt(path, "there is no type '%s'", tostring(kind))
  else
    value = read[kind](one.value, tree.enum_of(tag, before))
    if value == nil then
      return corrupt(path, "the value is no %s", kind)
    end
  end
  path[#path] = nil
  return { tag = tag, type = kind, value = value }
end

local function project(item)
  local value = item.value
  if item.type == "Structure" then
    value = {}
    for i, child in ipairs(item.value) do
      value[i] = project(child)
    end
    value = data.list(value)
  else
    value = write[item.type](value)
  end
  return { tag = tree.show_tag(item.tag), type = item.type, value = value }
end

--- Writes an item.
---@param item prov.kmip.Item
---@return string? text
---@return prov.Err? err "invalid": a text that is not UTF-8
function M.encode(item)
  return json.encode(project(item))
end

--- Reads one item that is all of a text.
---@param text string
---@return prov.kmip.Item?
---@return prov.Err? err "corrupt": says the tags that lead there; "limit"
function M.decode(text)
  if #text > tree.MAX_SIZE then
    return err.fail("limit", "KMIP message of %d bytes, more than %d", #text, tree.MAX_SIZE)
  end
  local value, e = json.decode(text)
  if e then
    e.code = "corrupt"
    return nil, e:wrap("KMIP message")
  end
  return read_item(value, {}, 1, {})
end

return M
