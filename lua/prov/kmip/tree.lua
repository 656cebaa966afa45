--- Items of KMIP: the tree that messages are, whatever they are written as.
--
-- An item is { tag, type, value }. Of the value: Structure has a list of items, Integer, LongInteger and Interval an
-- integer, BigInteger two's complement bytes, Enumeration a name or a number that has none, Boolean, TextString and
-- ByteString what they say, DateTime seconds and DateTimeExtended microseconds since 1970. A tag that has no name is
-- its number.

local names = require("prov.kmip.names")

local M = {}

---@class prov.kmip.Item
---@field tag string|integer
---@field type string
---@field value any

--- Structures in structures, at most.
M.MAX_DEPTH = 24

--- Bytes of a message, at most.
M.MAX_SIZE = 1 << 20

local function reversed(map)
  local out = {}
  for name, number in pairs(map) do
    out[number] = name
  end
  return out
end

local TAG_NAMES = reversed(names.TAGS)

local enums = { AttributeReference = { numbers = names.TAGS, names = TAG_NAMES } }
for tag, numbers in pairs(names.ENUMS) do
  enums[tag] = { numbers = numbers, names = reversed(numbers) }
end

--- Whether a number is one of a tag, of the standard or an extension.
---@param number integer
---@return boolean
function M.is_tag(number)
  return number >> 16 == 0x42 or number >> 16 == 0x54
end

--- The name of a tag, or its number.
---@param number integer
---@return string|integer
function M.tag_name(number)
  return TAG_NAMES[number] or number
end

--- The number of a tag; nil: there is none of this name.
---@param tag string|integer
---@return integer?
function M.tag_number(tag)
  return names.TAGS[tag] or math.type(tag) == "integer" and tag or nil
end

--- The value of an enumeration by its number: its name, or the number.
---@param tag string|integer
---@param number integer
---@return string|integer
function M.enum_name(tag, number)
  local enum = enums[tag]
  return enum and enum.names[number] or number
end

--- The number of a value of an enumeration; nil: the enumeration has no such name.
---@param tag string|integer
---@param value string|integer
---@return integer?
function M.enum_number(tag, value)
  if math.type(value) == "integer" then
    return value
  end
  local enum = enums[tag]
  return enum and enum.numbers[value]
end

--- Of an Attribute of KMIP 1.x: the tag whose enumeration its AttributeValue has, by what its AttributeName says
--- ("Cryptographic Algorithm").
---@param name string
---@return string tag
function M.attribute_tag(name)
  return (name:gsub("[^%w]", ""))
end

--- The tag that says which enumeration an item of a structure has: its own, or of an attribute of 1.x what it names.
---@param tag string|integer
---@param before prov.kmip.Item[] the items before it
---@return string|integer
function M.enum_of(tag, before)
  local first = before[1]
  if tag == "AttributeValue" and first and first.tag == "AttributeName" and first.type == "TextString" then
    return M.attribute_tag(first.value)
  end
  return tag
end

--- A structure.
---@param tag string
---@param items prov.kmip.Item[]
---@return prov.kmip.Item
function M.structure(tag, items)
  return { tag = tag, type = "Structure", value = items }
end

--- The items of a structure; none of what is no structure.
---@param item prov.kmip.Item
---@return prov.kmip.Item[]
function M.children(item)
  return item.type == "Structure" and item.value or {}
end

--- The first item of a structure with a tag.
---@param item prov.kmip.Item
---@param tag string
---@return prov.kmip.Item?
function M.find(item, tag)
  for _, child in ipairs(M.children(item)) do
    if child.tag == tag then
      return child
    end
  end
end

--- The value at the end of a path of tags from an item; nil when there is none, or it has another type.
---@param item prov.kmip.Item
---@param type string
---@param ... string tags
---@return any
function M.get(item, type, ...)
  for _, tag in ipairs({ ... }) do
    item = M.find(item, tag)
    if not item then
      return nil
    end
  end
  if item.type == type then
    return item.value
  end
end

--- A tag in a path of an error.
---@param tag string|integer
---@return string
function M.show_tag(tag)
  return math.type(tag) == "integer" and ("0x%06X"):format(tag) or tag
end

return M
