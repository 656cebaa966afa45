--- Canonical YAML: two spaces for each level, lists below a key indented too, `{ a: 1 }` and `[a, b]`, double quotes
-- where quotes are and nothing has to be escaped. Line breaks in brackets and long texts stay where they are.

local data = require("core.data")
local documents = require("prov.fmt.yaml_documents")
local lines_of = require("prov.fmt.lines")
local scalars = require("prov.fmt.yaml_scalars")
local tree_of = require("prov.edit.yaml_tree")
local yaml = require("prov.yaml")

local M = {}

local STEP, GAP = 2, 2

---@class prov.YamlPrinter
---@field text string
---@field at integer the next byte to look at
---@field lines prov.FmtLines
---@field levels { column: integer, indent: integer }[] blocks, those that ended with the last word too
---@field depth integer how many of them are open
---@field high integer how many were open at the last word
---@field empty boolean the last word is a key or dash that has no value so far
local Printer = {}
Printer.__index = Printer

-- The next byte that is neither blank nor comment.
function Printer:peek()
  local at = self.at
  while true do
    at = self.text:match("^%s*()", at)
    if self.text:byte(at) ~= 35 then
      return at
    end
    at = self.text:match("^[^\n]*()", at)
  end
end

function Printer:push(column, indent)
  self.depth = self.depth + 1
  self.levels[self.depth] = { column = column, indent = indent }
end

function Printer:pop()
  self.depth = self.depth - 1
end

-- Adds a word to the line, behind a space if there is something; behind a comment to a new one.
function Printer:word(text, glued)
  if self.lines:is_closed() then
    local level = self.levels[self.depth]
    self.lines:open(level and level.indent or 0)
  end
  self.lines:put((glued or self.lines:is_fresh()) and text or " " .. text)
  self.high, self.empty = self.depth, false
end

-- How deep a comment stands: with the deepest block that it is not left of, of those that the words around it are in.
function Printer:comment_indent(column)
  local levels, at = self.levels, math.max(self.depth, 1)
  if not levels[at] or column <= levels[at].column then
    return levels[at] and levels[at].indent or 0
  end
  for i = at + 1, self.high do
    if levels[i].column <= column then
      at = i
    end
  end
  local below = self.empty and at == self.high and column > levels[at].column
  return levels[at].indent + (below and STEP or 0)
end

-- Goes on to a byte, over blanks and comments: whether there were comments, an empty line, a line break.
function Printer:gap(to)
  local text, at, breaks = self.text, self.at, 0
  local first, commented, broken = self.at, false, false
  while at < to do
    local byte = text:byte(at)
    if byte == 10 then
      breaks, broken, at = breaks + 1, true, at + 1
    elseif byte == 35 then
      local comment, behind = text:match("^([^\n]*)()", at)
      comment = comment:gsub("%s+$", "")
      if breaks == 0 and first > 1 and self.lines.list[1] then
        self.lines:comment(comment)
      else
        if breaks > 1 then
          self.lines:blank()
        end
        self.lines:open(self:comment_indent(tree_of.column(text, at)), comment, true)
      end
      commented, breaks, at = true, 0, behind
    else
      at = at + 1
    end
  end
  self.at = math.max(self.at, to)
  return commented, breaks > 1, broken
end

-- Anchor and tag.
function Printer:properties(node)
  if not node.properties_to then
    return
  end
  self.at = node.from
  for _, word in ipairs(scalars.properties(self.text, node)) do
    self:gap(word.from)
    self:word(word.text)
    self.at = word.from + #word.text
  end
end

function Printer:scalar(node, indent, glued)
  self:word(scalars.flow(self.text, node, indent), glued)
  self.at = node.to + 1
end

-- Whether a node can stand in front of a ':' without a '?'.
local function is_simple(self, key)
  local text = self.text:sub(key.from, key.to)
  return (key.kind == "alias" or key.kind == "scalar" and key.style ~= "literal" and key.style ~= "folded")
    and not text:find("\n", 1, true) and #text < 1000 and key.to >= key.from
end

-- Whether comments stand between two bytes that have only indicators between them.
local function has_comment(text, from, to)
  return (" " .. text:sub(from, to)):find("%s#") ~= nil
end

local function is_question(text, at)
  return text:find("^%?[%s]", at) ~= nil or text:byte(at) == 63 and at == #text
end

-- A key, and the ':' behind it; how its value is to be written.
function Printer:key(member, indent)
  local key, text = member.key, self.text
  local explicit = is_question(text, self.at)
  local colon = tree_of.colon(text, key)
  if explicit then
    self.at = self.at + 1
    local is_plain = is_simple(self, key) and not has_comment(text, self.at, key.from - 1)
    if not is_plain or has_comment(text, key.to + 1, (colon or self.at) - 1) then
      self:word("?")
      self:value(key, indent, "dash")
      local at = self:peek()
      if text:byte(at) ~= 58 then
        return nil
      end
      self:gap(at)
      self.lines:open(indent, ":")
      self.at = at + 1
      return "dash"
    end
  end
  if key.to < key.from then
    self:word(":")
  else
    self:gap(key.from)
    self:properties(key)
    if key.content <= key.to then
      self:gap(key.content)
      self:scalar(key, indent)
    end
    self:word(":", key.kind ~= "alias" and key.content <= key.to)
  end
  self.at = colon and colon + 1 or self.at
  return "colon"
end

-- Begins the line of a member or item, unless it stands behind the dash of a list around it.
function Printer:begin(first, inline, indent)
  local commented, blank = self:gap(self:peek())
  if first and inline and not commented then
    return
  elseif blank and (commented or not first) then
    self.lines:blank()
  end
  self.lines:open(indent)
end

function Printer:map(node, indent, inline)
  self:push(tree_of.column(self.text, node.content), indent)
  for i, member in ipairs(node.members) do
    self:begin(i == 1, inline, indent)
    local how = self:key(member, indent)
    if how then
      self:value(member.value, indent, how)
    end
  end
  self:pop()
end

function Printer:list(node, indent, inline)
  self:push(tree_of.column(self.text, node.content), indent)
  for i, item in ipairs(node.items) do
    self:begin(i == 1, inline, indent)
    self.at = self.at + 1
    self:word("-")
    self:value(item, indent, "dash")
  end
  self:pop()
end

-- Goes on to what stands on the line; on the next one behind a comment.
function Printer:inline(node, indent)
  self:push(-1, indent)
  local _, blank, broken = self:gap(node.content)
  self:pop()
  local long = node.kind == "scalar" and self.text:sub(node.content, node.to):find("\n", 1, true)
    and node.style ~= "literal" and node.style ~= "folded"
  local closed = self.lines:is_closed()
  if closed and blank then
    self.lines:blank()
  end
  if closed or broken and long then
    self.lines:open(indent)
  end
end

-- A value of a block: behind a ':' ("colon"), behind a dash, or alone ("root").
function Printer:value(node, indent, how)
  if node.to < node.from and not node.properties_to then
    self.empty = true
    return
  end
  local deeper = how == "root" and indent or indent + STEP
  if node.properties_to then
    self:push(-1, deeper)
    self:gap(node.from)
    self:properties(node)
    self:pop()
    if node.content > node.to then
      return
    end
  end
  if node.style == "block" then
    local inline = how == "dash" and not node.properties_to
    return self[node.kind](self, node, deeper, inline)
  end
  self:inline(node, deeper)
  if node.kind == "list" or node.kind == "map" then
    self:flow(node, deeper)
  elseif node.style == "literal" or node.style == "folded" then
    local level = self.levels[self.depth]
    local code
    code, self.at = scalars.block(self.text, node, level and level.column or 0, indent + STEP)
    self:word(code)
  else
    self:scalar(node, indent + STEP)
  end
end

-- Whether what stands in brackets goes over several lines of its own.
local function is_broken(text, node)
  local at = node.content + 1
  local function crosses(to)
    return text:sub(at, to - 1):find("\n", 1, true) ~= nil
  end
  for _, item in ipairs(node.items or node.members) do
    local first = item.key or item
    local last = item.key and item.value or item
    if crosses(first.from) or first ~= last and has_comment(text, first.to + 1, last.from - 1) then
      return true
    end
    at = math.max(at, first.to + 1, last.to + 1)
  end
  return crosses(node.to)
end

-- A member of a map in brackets.
function Printer:pair(member, indent, glued)
  local text, key, value = self.text, member.key, member.value
  local has_key = key.to >= key.from
  if is_question(text, self.at) then
    self.at = self.at + 1
    if not has_key or text:sub(key.from, key.to):find("\n", 1, true) then
      self:word(has_key and "?" or "? ", glued)
      glued = false
    end
    self:gap(self:peek())
  end
  if has_key then
    self:flow_value(key, indent, glued)
  end
  local colon = self:peek()
  if text:byte(colon) ~= 58 then
    return
  end
  self:gap(colon)
  self.at = colon + 1
  self:word(":", has_key and key.kind ~= "alias" and key.content <= key.to or not has_key and glued)
  if value.to >= value.from then
    self:flow_value(value, indent)
  end
end

-- A value in brackets.
function Printer:flow_value(node, indent, glued)
  self:gap(node.from)
  if node.properties_to then
    for i, word in ipairs(scalars.properties(self.text, node)) do
      self:gap(word.from)
      self:word(word.text, i == 1 and glued)
      self.at = word.from + #word.text
    end
    glued = false
    if node.content > node.to then
      return
    end
    self:gap(node.content)
  end
  if node.kind == "list" or node.kind == "map" then
    self:flow(node, indent, glued)
  else
    self:scalar(node, indent + STEP, glued)
  end
end

-- A list or map in brackets, whose lines are indented.
function Printer:flow(node, indent, glued)
  local text = self.text
  local open = text:sub(node.content, node.content)
  local items = node.items or node.members
  self.at = math.max(self.at, node.content)
  if open ~= (node.kind == "list" and "[" or "{") then -- the one pair of `[a: 1]`
    return self:pair(items[1], indent, glued)
  end
  local broken = is_broken(text, node)
  local inner = broken and indent + STEP or indent
  self:word(open, glued)
  self.at = node.content + 1
  self:push(-1, inner)
  for i, item in ipairs(items) do
    local commented, blank, cut = self:gap(self:peek())
    local fresh = broken and (i == 1 or cut or commented)
    if fresh then
      if blank and (i > 1 or commented) then
        self.lines:blank()
      end
      self.lines:open(inner)
    end
    local tight = fresh or i == 1 and open == "["
    if node.members then
      self:pair(item, inner, tight)
    else
      self:flow_value(item, inner, tight)
    end
    local comma = self:peek()
    if broken or i < #items then
      self.lines:put(",")
    end
    if text:byte(comma) == 44 then
      self:gap(comma)
      self.at = comma + 1
    end
  end
  self:gap(node.to)
  self:pop()
  if broken then
    self.lines:open(indent)
  end
  self:word(node.kind == "list" and "]" or "}", broken or node.kind == "list" or not items[1])
  self.at = node.to + 1
end

-- Anchor and tag in front of the first key of a map may be those of the key.
local function settle(node, text)
  if node.to < node.from then
    node.properties_to, node.content = nil, node.from -- what stands there is another's
    return
  end
  local first = node.members and node.members[1]
  if first and node.style == "block" or first and text:byte(node.content) ~= 123 then
    local from = tree_of.member_from(text, first)
    if first.key.to < first.key.from then
      from = math.min(from, node.content)
    end
    if node.content > from or from <= node.from then
      node.content = math.max(from, node.from)
      node.properties_to = node.content > node.from and node.content - 1 or nil
    end
  end
  for _, item in ipairs(node.items or {}) do
    settle(item, text)
  end
  for _, member in ipairs(node.members or {}) do
    settle(member.key, text)
    settle(member.value, text)
  end
end

-- One document.
local function print_document(text)
  local root, e = tree_of.build(text)
  if not root and e then
    return text -- it is none without the others
  elseif root then
    settle(root, text)
  end
  local self = setmetatable({
    text = text,
    at = 1,
    lines = lines_of.new(GAP),
    levels = {},
    depth = 0,
    high = 0,
    empty = false,
  }, Printer)
  if root then
    self:value(root, 0, "root")
  end
  self:gap(#text + 1)
  return self.lines:text()
end

--- Why a text is none, or nil.
---@param text string
---@param file? string
---@return prov.Err?
function M.check(text, file)
  local v, e = yaml.decode(text, { file = file, all = true })
  return v == nil and e or nil
end

--- The text in canonical form. It must be YAML: see check.
---@param text string
---@return string
function M.format(text)
  local out = {}
  for _, document in ipairs(documents.split(text)) do
    out[#out + 1] = document.marker and document.marker .. "\n" or ""
    out[#out + 1] = document.verbatim and document.body or print_document(document.body)
  end
  return table.concat(out)
end

--- True when two texts say the same in the same order, with the same comments.
---@param a string
---@param b string
---@return boolean
function M.same(a, b)
  local v, w = yaml.decode(a, { all = true }), yaml.decode(b, { all = true })
  return w ~= nil and data.encode(v) == data.encode(w) and documents.parts(a) == documents.parts(b)
end

return M
