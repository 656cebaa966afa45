--- In which quotes a place of a text stands, and how a value is written there: `"{{ x }}"` in a template for the shell,
-- YAML or JSON means the value between those quotes.

local err = require("prov.err")
local json = require("prov.json")

local M = {}

local function refuse(msg, hint)
  error(err.new("invalid", msg, { hint = hint }), 0)
end

-- The shell ---------------------------------------------------------------------------------------

--- Follows a script; `stack` has what is open: `"`, `'`, `#`, "`", `(`, `((`, and tables for here-documents.
local Shell = {}
Shell.__index = Shell

function Shell:top()
  return self.stack[#self.stack]
end

function Shell:push(what)
  self.stack[#self.stack + 1] = what
end

function Shell:pop()
  self.stack[#self.stack] = nil
end

--- A line has ended: a comment too, and here-documents that were announced begin.
function Shell:end_line()
  local top = self:top()
  if top == "#" then
    self:pop()
  elseif type(top) == "table" and (top.tabs and top.line:gsub("^\t+", "") or top.line) == top.word then
    self:pop()
  elseif type(top) == "table" then
    top.line = ""
  end
  if self.next_document and type(self:top()) ~= "table" then
    self:push(self.next_document)
    self.next_document = nil
  end
end

-- What a character does where words are; the position behind it.
function Shell:word(text, at, c)
  local before = text:sub(at - 1, at - 1)
  local tabs, mark, word, stop = text:match("^<<(%-?)%s*([\\'\"]?)([%w_]+)['\"]?()", at)
  local double = text:sub(at, at + 1)
  if word and before ~= "<" and self:top() ~= "((" then
    self.next_document = { word = word, plain = mark ~= "", tabs = tabs ~= "", line = "" }
    return stop
  elseif double == "((" or double == "))" and self:top() == "((" then -- arithmetic, in which << is none
    if double == "((" then
      self:push("((")
    else
      self:pop()
    end
    return at + 2
  elseif c == "#" and (before == "" or before:match("[%s;(]")) then
    self:push("#")
  elseif c == "'" or c == '"' then
    self:push(c)
  elseif c == "`" then
    if self:top() == "`" then
      self:pop()
    else
      self:push("`")
    end
  elseif c == "(" then
    self:push("(")
  elseif c == ")" and self:top() == "(" then
    self:pop()
  end
  return at + 1
end

--- Goes on over what was written.
function Shell:feed(text)
  local at = 1
  while at <= #text do
    local c, top = text:sub(at, at), self:top()
    if c == "\n" and top ~= "'" and top ~= '"' then
      self:end_line()
      at = at + 1
    elseif type(top) == "table" then
      top.line = top.line .. c
      at = at + 1
    elseif top == "#" then
      at = at + 1
    elseif top == "'" then
      if c == "'" then
        self:pop()
      end
      at = at + 1
    elseif c == "\\" then
      at = at + 2
    elseif top == '"' then
      if c == '"' then
        self:pop()
      elseif c == "`" then
        self:push(c)
      elseif text:sub(at, at + 1) == "$(" then
        at = self:word(text, at + 1, "(") - 1
      end
      at = at + 1
    else
      at = self:word(text, at, c)
    end
  end
end

--- How a text is written here; nil where it brings its own quotes.
function Shell:quote(text)
  local top = self:top()
  for _, open in ipairs(self.stack) do
    if open == "`" then
      refuse("a value cannot be escaped between ` and `", "write $( ) instead")
    end
  end
  if top == "'" then
    return (text:gsub("'", "'\\''"))
  elseif top == '"' then
    return (text:gsub('[$`"\\]', "\\%0"))
  elseif top == "#" then
    return (text:gsub("\n", "\n# "))
  elseif type(top) ~= "table" then
    return nil
  end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if line == top.word then
      refuse(("a line of the value would end the here-document: %s"):format(line))
    end
  end
  return top.plain and text or (text:gsub("[$`\\]", "\\%0"))
end

-- YAML and JSON -----------------------------------------------------------------------------------

-- Line ends of older YAML, and the mark of byte orders.
local ODD = { ["\u{85}"] = "\\u0085", ["\u{2028}"] = "\\u2028", ["\u{2029}"] = "\\u2029", ["\u{feff}"] = "\\ufeff" }

--- A value as JSON that every reader of YAML understands.
---@param v any
---@return string
function M.json(v)
  return (assert(json.encode(v)):gsub("[\xc2\xe2\xef][\x80-\xbf]+", function(one)
    return one:gsub(utf8.charpattern, ODD)
  end))
end

--- Follows a line of YAML or JSON, in which a quote opens where a value may begin.
local Data = {}
Data.__index = Data

function Data:feed(text)
  local at = 1
  while at <= #text do
    local c = text:sub(at, at)
    if c == "\n" then
      self.open, self.before = nil, ""
    elseif self.open == '"' and c == "\\" then
      at = at + 1
    elseif self.open then
      if c == self.open then
        self.open, self.before = nil, c
      end
    else
      if (c == '"' or c == "'" and self.single) and (self.before == "" or self.before:match("[%s%[{,:%-]")) then
        self.open = c
      end
      self.before = c
    end
    at = at + 1
  end
end

function Data:quote(text)
  if self.open == '"' then
    return M.json(text):sub(2, -2)
  elseif self.open and text:find("[%c\127]") then
    refuse("a text with line ends or control characters cannot stand between ' and '", 'write " "')
  end
  return self.open and (text:gsub("'", "''"))
end

--- Something that is fed what is written so far, and asked how to write a text there; nil for a target without quotes.
---@param target string
---@return { feed: fun(self: table, text: string), quote: fun(self: table, text: string): string? }?
function M.of(target)
  if target == "shell" then
    return setmetatable({ stack = {} }, Shell)
  elseif target == "yaml" or target == "json" then
    return setmetatable({ before = "", single = target == "yaml" }, Data)
  end
end

return M
