--- Canonical TOML: nothing indented but the items of arrays over several lines, one space around =, an empty line
-- before every table. Line breaks in arrays stay where they are.

local data = require("core.data")
local lines_of = require("prov.fmt.lines")
local settings = require("prov.settings")
local toml = require("prov.toml")

local M = {}


local Reader = {}
Reader.__index = Reader

-- Goes over blanks; then over line breaks and comments too: how many breaks there were, and the comments as
-- { text, own = on a line of its own, blank = an empty line above }.
function Reader:space(inside)
  local comments, breaks, in_row = {}, 0, 0
  while true do
    self.at = self.text:match("^[ \t\r]*()", self.at)
    local comment, behind = self.text:match("^(#[^\n]*)()", self.at)
    if comment then
      comments[#comments + 1] = { text = comment:gsub("%s+$", ""), own = breaks > 0, blank = in_row > 1 }
      self.at, in_row = behind, 0
    elseif inside and self.text:byte(self.at) == 10 then
      self.at, breaks, in_row = self.at + 1, breaks + 1, in_row + 1
    else
      return comments, breaks, in_row > 1
    end
    if not inside then
      return comments, breaks, false
    end
  end
end

-- A string from its opening quotes to its closing ones.
function Reader:string()
  local text, from = self.text, self.at
  local quote = text:sub(from, from)
  local long = text:sub(from, from + 2) == quote:rep(3)
  local at = from + (long and 3 or 1)
  while true do
    local char = text:sub(at, at)
    if char == "\\" and quote == '"' then
      at = at + 2
    elseif char ~= quote then
      at = at + 1
    elseif not long then
      break
    elseif text:sub(at, at + 2) == quote:rep(3) then
      at = text:match("^" .. quote .. "+()", at) - 1
      break
    else
      at = at + 1
    end
  end
  self.at = at + 1
  return text:sub(from, at)
end

-- A key with its dots, without blanks around them.
function Reader:key()
  local out = {}
  repeat
    self:space()
    local bare, behind = self.text:match("^([^%s.=%]\"']+)()", self.at)
    if bare then
      out[#out + 1], self.at = bare, behind
    else
      out[#out + 1] = self:string()
    end
    self:space()
    local dot = self.text:byte(self.at) == 46
    self.at = dot and self.at + 1 or self.at
  until not dot
  return table.concat(out, ".")
end

-- What stands in brackets: { open, close, items, broken, first, tail }.
function Reader:brackets()
  local open = self.text:sub(self.at, self.at)
  local box = { open = open, close = open == "[" and "]" or "}", items = {} }
  self.at = self.at + 1
  local comments, breaks, blank = self:space(true)
  box.broken = breaks > 0
  if comments[1] and not comments[1].own then
    box.comment = table.remove(comments, 1).text
  end
  while self.text:sub(self.at, self.at) ~= box.close do
    local item = { before = comments, breaks = breaks > 0, blank = blank, key = open == "{" and self:key() or nil }
    if item.key then
      self.at = self.at + 1 -- the =
      self:space()
    end
    item.value = self:value()
    comments, breaks, blank = self:space(true)
    if self.text:byte(self.at) == 44 then
      self.at = self.at + 1
      local more, n, empty = self:space(true)
      if breaks > 0 and more[1] and not more[1].own then
        more[1].own = true
      end
      table.move(more, 1, #more, #comments + 1, comments)
      breaks, blank = breaks + n, blank or empty
    end
    if comments[1] and not comments[1].own then
      item.comment = table.remove(comments, 1).text
    end
    box.broken = box.broken or breaks > 0
    box.items[#box.items + 1] = item
  end
  self.at = self.at + 1
  box.tail = comments
  return box
end

-- A value: its text, or brackets.
function Reader:value()
  local first = self.text:sub(self.at, self.at)
  if first == '"' or first == "'" then
    return self:string()
  elseif first == "[" or first == "{" then
    return self:brackets()
  end
  local text, behind = self.text:match("^(%d%d%d%d%-%d%d%-%d%d %d%d:[^%s,%]}#]*)()", self.at)
  if not text then
    text, behind = self.text:match("^([^%s,%]}#]+)()", self.at)
  end
  self.at = behind
  return text
end

local put

local function put_comments(lines, comments, indent)
  for _, comment in ipairs(comments) do
    if comment.blank then
      lines:blank()
    end
    lines:open(indent, comment.text)
  end
end

local function put_broken(lines, box, indent)
  local inner = indent + settings.fmt.toml_indent
  for i, item in ipairs(box.items) do
    if i == 1 then
      for _, comment in ipairs(item.before) do
        comment.blank = comment.blank and comment ~= item.before[1]
      end
    end
    put_comments(lines, item.before, inner)
    if i == 1 or item.breaks then
      if item.blank and (i > 1 or item.before[1]) then
        lines:blank()
      end
      lines:open(inner)
    else
      lines:put(" ")
    end
    put(lines, item, inner)
    lines:put(",")
    if item.comment then
      lines:comment(item.comment)
    end
  end
  if box.tail[1] and #box.items == 0 then
    box.tail[1].blank = false
  end
  put_comments(lines, box.tail, inner)
  lines:open(indent, box.close)
end

local function put_box(lines, box, indent)
  lines:put(box.open)
  if box.comment then
    lines:comment(box.comment)
  end
  if box.broken and (box.items[1] or box.comment or box.tail[1]) then
    return put_broken(lines, box, indent)
  end
  local pad = box.open == "{" and box.items[1] and " " or ""
  for i, item in ipairs(box.items) do
    lines:put(i == 1 and pad or ", ")
    put(lines, item, indent)
  end
  lines:put(pad .. box.close)
end

function put(lines, item, indent)
  if item.key then
    lines:put(item.key .. " = ")
  end
  if type(item.value) == "string" then
    lines:put(item.value)
  else
    put_box(lines, item.value, indent)
  end
end

-- A header, or a key and its value, and the comment behind.
local function put_statement(reader, lines)
  local brackets = reader.text:match("^%[%[?", reader.at)
  if brackets then
    reader.at = reader.at + #brackets
    lines:open(0, brackets .. reader:key() .. ("]"):rep(#brackets))
    reader.at = reader.at + #brackets
  else
    local item = { key = reader:key() }
    reader.at = reader.at + 1 -- the =
    reader:space()
    item.value = reader:value()
    lines:open(0)
    put(lines, item, 0)
  end
  for _, comment in ipairs(reader:space()) do
    lines:comment(comment.text)
  end
end

--- Why a text is none, or nil.
---@param text string
---@param file? string
---@return prov.Err?
function M.check(text, file)
  local v, e = toml.decode(text, { file = file })
  return v == nil and e or nil
end

--- The text in canonical form. It must be TOML: see check.
---@param text string
---@return string
function M.format(text)
  local reader, lines = setmetatable({ text = text, at = 1 }, Reader), lines_of.new(1)
  while true do
    local comments, _, blank = reader:space(true)
    local ends = reader.at > #text
    local is_header = text:byte(reader.at) == 91
    local attached = #comments -- the comments right above a header go with it
    while is_header and not blank and attached > 0 do
      attached = attached - 1
      if comments[attached + 1].blank then
        break
      end
    end
    for i, comment in ipairs(comments) do
      if comment.blank or is_header and i == attached + 1 then
        lines:blank()
      end
      lines:open(0, comment.text)
    end
    if ends then
      return lines:text()
    elseif is_header and attached == #comments or blank then
      lines:blank()
    end
    put_statement(reader, lines)
  end
end

-- Everything a text is made of, in order.
local function parts(text)
  local layout, out = assert(data.toml_layout(text)), {}
  for i, span in ipairs(layout.spans) do
    local node = layout.nodes[span.node]
    out[i] = span.kind .. " " .. tostring(node and node[2])
    if span.kind == "comment" then
      out[i] = text:sub(span.from, span.to):gsub("%s+$", "")
    end
  end
  return table.concat(out, "\n")
end

--- True when two texts say the same in the same order, with the same comments.
---@param a string
---@param b string
---@return boolean
function M.same(a, b)
  local v, w = toml.decode(a), toml.decode(b)
  return w ~= nil and data.encode(v) == data.encode(w) and parts(a) == parts(b)
end

return M
