--- The tree of a YAML text as it is written: every value with the bytes it stands on.

local data = require("core.data")

local M = {}

---@class prov.YamlNode
---@field kind "scalar"|"alias"|"list"|"map"
---@field style string
---@field value string what a scalar says
---@field from integer first byte, of anchor and tag when there are
---@field content integer first byte behind anchor and tag
---@field to integer last byte; before `from` when there is nothing
---@field raw_to integer the same with the empty lines that end a block scalar
---@field properties_to? integer last byte of anchor and tag, when there are some
---@field anchor? string with its &
---@field keeps? boolean it ends with a block scalar that keeps its empty lines
---@field in_flow boolean inside of brackets
---@field items? prov.YamlNode[] of a list
---@field members? { key: prov.YamlNode, value: prov.YamlNode }[] of a map
---@field parent? prov.YamlNode

--- The first byte of the line that holds a byte.
---@param text string
---@param at integer
---@return integer
function M.line_start(text, at)
  while at > 1 do
    local low = math.max(at - 64, 1)
    local start = text:sub(low, at - 1):match(".*\n()")
    if start then
      return low + start - 1
    end
    at = low
  end
  return at
end

--- The last byte of the line, its break not counted: the byte before the break, or the last one of the text.
---@param text string
---@param at integer
---@return integer
function M.line_end(text, at)
  local stop = text:find("\r?\n", math.max(at, 1))
  return stop and stop - 1 or #text
end

--- How far right in its line a byte stands.
---@param text string
---@param at integer
---@return integer
function M.column(text, at)
  local start = M.line_start(text, at)
  return at - start - (start == 1 and text:find("^\xEF\xBB\xBF") and 3 or 0)
end

--- Where the ':' behind a key stands, or nil when there is none.
---@param text string
---@param key prov.YamlNode
---@return integer?
function M.colon(text, key)
  local at = key.to + 1
  while true do
    at = text:match("^%s*()", at)
    if text:byte(at) == 35 then
      at = text:match("^[^\n]*()", at)
    else
      return text:byte(at) == 58 and at or nil
    end
  end
end

--- Builds the tree of the first document; nil alone when the text holds none.
---@param text string
---@return prov.YamlNode? root
---@return prov.Err? err
M.build = data.yaml_tree

--- Where a member begins: at its key, or at the '?' before it.
---@param text string
---@param member { key: prov.YamlNode }
---@return integer
function M.member_from(text, member)
  local at = member.key.from - 1
  while at > 0 and text:find("^[ \t]", at) do
    at = at - 1
  end
  return text:byte(at) == 63 and at < member.key.from - 1 and at or member.key.from
end

--- Where a member ends.
---@param text string
---@param member { key: prov.YamlNode, value: prov.YamlNode }
---@return integer
function M.member_to(text, member)
  return math.max(member.value.to, M.colon(text, member.key) or 0, member.key.to)
end

--- Where the dash of an item of a list in block style stands.
---@param text string
---@param list prov.YamlNode
---@param index integer
---@return integer?
function M.dash(text, list, index)
  local column = M.column(text, list.content)
  local at = list.items[index].from
  if index == 1 then
    return list.content
  end
  local start = M.line_start(text, at)
  while start > list.content do
    if text:byte(start + column) == 45 and start + column < at
      and text:sub(start, start + column - 1):find("^ *$") then
      return start + column
    end
    start = M.line_start(text, start - 1)
  end
end

return M
