--- Binary KMIP: tag, type, length, value (OASIS KMIP 1.4, 9.1; 2.1, 10.1). What is read is written back as the same
--- bytes, and what would not be is refused.

local err = require("prov.err")
local names = require("prov.kmip.names")
local tree = require("prov.kmip.tree")

local M = {}

local TYPE_NAMES = {}
for name, number in pairs(names.TYPES) do
  TYPE_NAMES[number] = name
end

local HEADER = 8

-- What a fixed type is for string.pack, and how many bytes of the value it has.
local FIXED = {
  Integer = { ">i4", 4 },
  LongInteger = { ">i8", 8 },
  Enumeration = { ">I4", 4 },
  Boolean = { ">i8", 8 },
  DateTime = { ">i8", 8 },
  Interval = { ">I4", 4 },
  DateTimeExtended = { ">i8", 8 },
}

local function padding(length)
  return -length % 8
end

-- Readers: the bytes, where it begins to read, and the path of tags there.
local function corrupt(reader, at, fmt, ...)
  local path = #reader.path > 0 and (" (%s)"):format(table.concat(reader.path, ".")) or ""
  return err.fail("corrupt", "KMIP message, byte %d%s: %s", at - 1, path, fmt:format(...))
end

local read_item

local function read_structure(reader, from, stop)
  if #reader.path > tree.MAX_DEPTH then
    return corrupt(reader, from, "more than %d structures in each other", tree.MAX_DEPTH)
  end
  local items, at = {}, from
  while at < stop do
    local item, after = read_item(reader, at, stop, items)
    if not item then
      return nil, after
    end
    items[#items + 1], at = item, after
  end
  return items
end

local function read_fixed(reader, at, length, tag, type, before)
  local format, size = FIXED[type][1], FIXED[type][2]
  if length ~= size then
    return corrupt(reader, at, "%s of %d bytes, which has %d", type, length, size)
  end
  local value = format:unpack(reader.bytes, at)
  if type == "Enumeration" then
    return tree.enum_name(tree.enum_of(tag, before), value)
  elseif type == "Boolean" then
    if value ~= 0 and value ~= 1 then
      return corrupt(reader, at, "Boolean that is neither 0 nor 1")
    end
    return value == 1
  end
  return value
end

local function read_value(reader, at, length, tag, type, before)
  if type == "Structure" then
    return read_structure(reader, at, at + length)
  elseif FIXED[type] then
    return read_fixed(reader, at, length, tag, type, before)
  end
  local value = reader.bytes:sub(at, at + length - 1)
  if type == "TextString" and not utf8.len(value) then
    return corrupt(reader, at, "TextString that is not UTF-8")
  elseif type == "BigInteger" and (length == 0 or length % 8 ~= 0) then
    return corrupt(reader, at, "BigInteger of %d bytes, not a multiple of 8", length)
  end
  return value
end

-- The item that begins at a byte of a structure which ends before `stop`, and where the next one begins.
read_item = function(reader, at, stop, before)
  if stop - at < HEADER then
    return corrupt(reader, at, "%d bytes where an item begins, which has at least %d", stop - at, HEADER)
  end
  local number, code, length = (">I3I1I4"):unpack(reader.bytes, at)
  if not tree.is_tag(number) then
    return corrupt(reader, at, "0x%06X is no tag", number)
  end
  local type, tag = TYPE_NAMES[code], tree.tag_name(number)
  if not type then
    return corrupt(reader, at + 3, "type %d is not known", code)
  end
  local from = at + HEADER
  local filled = type == "Structure" and 0 or padding(length)
  if length + filled > stop - from then
    return corrupt(reader, at + 4, "%s of %d bytes where %d are left", tree.show_tag(tag), length, stop - from)
  end
  reader.path[#reader.path + 1] = tree.show_tag(tag)
  local value, e = read_value(reader, from, length, tag, type, before)
  if value == nil then
    return nil, e
  end
  local after = from + length + filled
  if filled > 0 and reader.bytes:sub(from + length, after - 1):find("[^\0]") then
    return corrupt(reader, from + length, "padding that is not zero")
  end
  reader.path[#reader.path] = nil
  return { tag = tag, type = type, value = value }, after
end

--- How many bytes the message has whose first 8 are known.
---@param header string at least 8 bytes
---@return integer? size with the header
---@return prov.Err? err "corrupt": it is none; "limit": it is too long
function M.size(header)
  local number, code, length = (">I3I1I4"):unpack(header)
  if code ~= names.TYPES.Structure or number >> 16 ~= 0x42 then
    return err.fail("corrupt", "KMIP message, byte 0: 0x%06X of type %d is no message", number, code)
  elseif length + HEADER > tree.MAX_SIZE then
    return err.fail("limit", "KMIP message of %d bytes, more than %d", length + HEADER, tree.MAX_SIZE)
  end
  return length + HEADER
end

--- Reads one item that is all of the bytes.
---@param bytes string
---@return prov.kmip.Item?
---@return prov.Err? err "corrupt", "limit"; says at which byte
function M.decode(bytes)
  if #bytes > tree.MAX_SIZE then
    return err.fail("limit", "KMIP message of %d bytes, more than %d", #bytes, tree.MAX_SIZE)
  end
  local reader = { bytes = bytes, path = {} }
  local item, after = read_item(reader, 1, #bytes + 1, {})
  if not item then
    return nil, after
  elseif after <= #bytes then
    return corrupt(reader, after, "%d bytes behind the message", #bytes - after + 1)
  end
  return item
end

local function refuse(path, fmt, ...)
  return err.fail("invalid", "KMIP item %s: %s", table.concat(path, "."), fmt:format(...))
end

local write_item

local function write_structure(path, items)
  if #path > tree.MAX_DEPTH then
    return refuse(path, "more than %d structures in each other", tree.MAX_DEPTH)
  end
  local out = {}
  for i, item in ipairs(items) do
    local bytes, e = write_item(path, item, items)
    if not bytes then
      return nil, e
    end
    out[i] = bytes
  end
  return table.concat(out)
end

-- The number that a fixed type is written as.
local function number_of(path, item, siblings)
  local value = item.value
  if item.type == "Enumeration" then
    local number = tree.enum_number(tree.enum_of(item.tag, siblings), value)
    if not number or number < 0 or number > 0xFFFFFFFF then
      return refuse(path, "'%s' is no value of its enumeration", tostring(value))
    end
    return number
  elseif item.type == "Boolean" then
    return value and 1 or 0
  end
  local small = item.type == "Integer" and (value < -0x80000000 or value > 0x7FFFFFFF)
  if small or item.type == "Interval" and (value < 0 or value > 0xFFFFFFFF) then
    return refuse(path, "%d does not fit into 4 bytes", value)
  end
  return value
end

write_item = function(path, item, siblings)
  path[#path + 1] = tree.show_tag(item.tag)
  local number, code = tree.tag_number(item.tag), names.TYPES[item.type]
  if not number then
    return refuse(path, "there is no such tag")
  elseif not code then
    return refuse(path, "there is no type '%s'", tostring(item.type))
  end
  local value, e = item.value, nil
  if item.type == "Structure" then
    value, e = write_structure(path, value)
  elseif FIXED[item.type] then
    value, e = number_of(path, item, siblings)
    value = value and FIXED[item.type][1]:pack(value)
  elseif item.type == "BigInteger" and (#value == 0 or #value % 8 ~= 0) then
    return refuse(path, "%d bytes, not a multiple of 8", #value)
  end
  if not value then
    return nil, e
  end
  path[#path] = nil
  return (">I3I1I4"):pack(number, code, #value) .. value .. ("\0"):rep(padding(#value))
end

--- Writes an item.
---@param item prov.kmip.Item
---@return string? bytes
---@return prov.Err? err "invalid": a name that has no number, a number that does not fit; says of which item
function M.encode(item)
  return write_item({}, item, {})
end

return M
