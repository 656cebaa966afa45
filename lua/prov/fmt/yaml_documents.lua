--- The documents of a YAML text as they are written, each with the line that begins or ends it.

local tree = require("prov.edit.yaml_tree")

local M = {}

local NONE = {}

---@class prov.FmtDocument
---@field marker? string the line in front: "---" or "...", with its comment
---@field body string
---@field verbatim boolean what is not formatted: directives, and a document that begins on the line of its "---"

-- A line that is a marker: what it says, and whether something stands behind it that is no comment.
local function marker_of(line)
  local mark, rest = line:match("^(%-%-%-)(.*)$")
  if not mark then
    mark, rest = line:match("^(%.%.%.)(.*)$")
  end
  if not mark or not rest:find("^%s") and rest ~= "" then
    return nil
  end
  rest = rest:match("^%s*(.-)%s*$")
  return rest == "" and mark or mark .. " " .. rest, rest ~= "" and rest:sub(1, 1) ~= "#"
end

--- Splits a text at its "---" and "...".
---@param text string
---@return prov.FmtDocument[]
function M.split(text)
  text = text:gsub("\r\n?", "\n")
  local out = { { body = {}, verbatim = false } }
  for line in (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("([^\n]*)\n") do
    local marker, filled = marker_of(line)
    local last = out[#out]
    if marker then
      out[#out + 1] = { marker = filled and line or marker, body = {}, verbatim = filled or false }
    else
      last.body[#last.body + 1] = line
      last.verbatim = last.verbatim or line:sub(1, 1) == "%" and #last.body == 1 and last.marker ~= "---"
    end
  end
  for _, document in ipairs(out) do
    local body = table.concat(document.body, "\n") .. "\n"
    document.body = body:find("%S") and body or ""
  end
  return out
end

-- The parts of a document, and the comments between them.
local function parts(text, out)
  local root, e = tree.build(text)
  if e then
    out[#out + 1] = text
    return
  end
  local at = 1
  local function comments(to)
    for comment in ("\n" .. text:sub(at, to)):gmatch("[%s,:%[{](#[^\n]*)") do
      out[#out + 1] = comment:gsub("%s+$", "")
    end
  end
  local function walk(node)
    comments(node.from - 1)
    local list = node.items or node.members
    local is_flow = node.style == "flow"
    at = math.max(at, list and (node.properties_to or node.from - 1) + (is_flow and 2 or 1) or node.raw_to + 1)
    if list or node.to >= node.from then -- comments stand before or behind what is nothing
      local style = (is_flow or node.style == "literal" or node.style == "folded") and node.style or ""
      out[#out + 1] = table.concat({ node.kind, style, node.value }, " ")
    end
    for _, one in ipairs(list or NONE) do
      if one.key then
        walk(one.key)
      end
      walk(one.key and one.value or one)
    end
    if list then
      if is_flow then
        comments(node.to - 1)
        at = math.max(at, node.to + 1)
      end
      out[#out + 1] = "end"
    end
  end
  if root then
    walk(root)
  end
  comments(#text)
end

--- Everything a text is made of, in order.
---@param text string
---@return string
function M.parts(text)
  local out = {}
  for _, document in ipairs(M.split(text)) do
    out[#out + 1] = document.marker or "start"
    if document.verbatim then
      out[#out + 1] = document.body
    elseif document.body ~= "" then
      parts(document.body, out)
    end
  end
  return table.concat(out, "\0")
end

return M
