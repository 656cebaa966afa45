--- Canonical Lua: two spaces for each block or bracket that is open, one space between tokens where they are not
-- bound. Line breaks, quotes, commas and brackets stay as they are.

local err = require("prov.err")
local lines_of = require("prov.fmt.lines")
local settings = require("prov.settings")
local tokens_of = require("prov.fmt.lua_tokens")

local M = {}

local function set(words)
  local out = {}
  for word in words:gmatch("%S+") do
    out[word] = true
  end
  return out
end

local BINARY = set("+ - * / // % ^ .. < > <= >= == ~= & | ~ << >> and or =")
local CLOSES = set("end until else elseif ) ] }")
local POPS = set("end until ) ] }")
local OPENS = set("( [ {")
local NO_SPACE_BEHIND = set("( [ . : #")
local NO_SPACE_BEFORE = set(") ] , ; . :")
-- Behind these an expression goes on in the next line.
local GOES_ON = set("+ - * / // % ^ .. < > <= >= == ~= & | ~ << >> and or = . : not # local return in goto")

-- Whether a value ends with the token: what comes next can call it, index it or be its operand.
local function ends_value(token)
  return token ~= nil
    and (
      token.kind == "name"
      or token.kind == "string"
      or token.kind == "number"
      or token.text == ")"
      or token.text == "]"
      or token.text == "}"
      or token.text == "..."
      or token.text == "end"
      or token.text == "nil"
      or token.text == "true"
      or token.text == "false"
    )
end

-- Marks what a token alone does not tell: unary operators, `<const>`, the ends of parameter lists.
local function mark(list)
  local code, parens, is_params = {}, {}, false
  for _, token in ipairs(list) do
    if token.kind ~= "comment" then
      code[#code + 1] = token
    end
  end
  for i, token in ipairs(code) do
    local text, before = token.text, code[i - 1]
    token.before = before
    if (text == "-" or text == "~") and token.kind == "op" then
      token.unary = not ends_value(before)
    elseif text == "function" and token.kind == "keyword" then
      is_params = true
    elseif text == "(" then
      parens[#parens + 1] = is_params
      is_params = false
    elseif text == ")" then
      token.starts_body = table.remove(parens)
    elseif text == "<" and token.kind == "op" and before.kind == "name" and before.declares then
      token.attribute, code[i + 2].attribute = "open", "close"
    elseif text == "::" then
      token.label = not (before and before.kind == "name" and before.before and before.before.label) and "open" or nil
    end
    if token.kind == "name" and before then
      local again = before.text == "," and before.before
      token.declares = before.text == "local" or again and (again.declares or again.attribute == "close") or false
    end
  end
end

-- Whether a space stands between two tokens of a line.
local function spaced(a, b)
  local x, y = a.text, b.text
  if a.kind == "comment" or b.kind == "comment" then
    return true
  elseif a.attribute == "open" or b.attribute == "close" or a.label == "open" or y == "::" and not b.label then
    return false
  elseif a.kind == "op" and (NO_SPACE_BEHIND[x] or a.unary) then
    return a.unary and y:sub(1, 1) == "-" or x == "[" and y:sub(1, 1) == "["
  elseif b.kind == "op" and NO_SPACE_BEFORE[y] then
    return false
  elseif x == "{" and y == "}" then
    return false
  elseif y == "(" and b.kind == "op" then
    return not (x == "function" or a.kind == "name" or a.kind == "string" or x == ")" or x == "]" or x == "}")
  elseif y == "[" and b.kind == "op" then
    return not (a.kind == "name" or a.kind == "string" or x == ")" or x == "]")
  end
  return true
end

local Layout = {}
Layout.__index = Layout

-- Whether the token goes on with what the lines before it began.
local function goes_on(token, in_brackets)
  local before = token.before
  if not before or OPENS[before.text] and before.kind == "op" or before.starts_body then
    return false
  elseif before.kind == "op" or before.kind == "keyword" then
    if before.text == "," or before.text == ";" then
      return before.text == "," and not in_brackets
    elseif GOES_ON[before.text] then
      return true
    end
  end
  local text = token.text
  if token.kind == "op" and (BINARY[text] or text == "." or text == ":" or text == ",") then
    return not token.unary
  elseif token.kind == "keyword" then
    return text == "and" or text == "or"
  end
  return ends_value(before) and before.kind ~= "number" and before.kind ~= "keyword"
    and (token.kind == "string" or text == "(" or text == "{")
end

-- How deep a line stands that begins with a token.
function Layout:level(token, is_comment)
  local stack = self.stack
  local top = stack[#stack]
  local base = top and top.level + 1 or 0
  if top and top.condition and (token.text == "then" or token.text == "do") and not is_comment then
    return top.level
  elseif top and top.condition then
    return base
  elseif token.kind ~= "string" and CLOSES[token.text] then
    return is_comment and base or top.level
  end
  if not goes_on(token, top and top.bracket) then
    if top and not is_comment then
      top.own_line = true
    end
    return base
  elseif top and top.bracket and not top.own_line then
    return base -- what goes on began behind the bracket or the comma
  end
  return base + 1
end

-- Keeps what is open.
function Layout:step(token)
  local stack, text = self.stack, token.text
  local top = stack[#stack]
  if token.kind ~= "op" and token.kind ~= "keyword" then
    return
  elseif (text == "," or text == ";") and top then
    top.own_line = false
  elseif POPS[text] then
    stack[#stack] = nil
  elseif text == "then" or text == "do" and top and top.condition then
    top.condition = false
  elseif text == "elseif" then
    top.condition = true
  elseif OPENS[text] then
    stack[#stack + 1] = { level = self.line_level, bracket = true }
  elseif text == "if" or text == "while" or text == "for" then
    stack[#stack + 1] = { level = self.line_level, condition = true }
  elseif text == "do" or text == "repeat" or text == "function" then
    stack[#stack + 1] = { level = self.line_level }
  end
end

-- Whether what follows a token is the beginning of a block or of brackets.
local function begins(token)
  local text = token.text
  return token.starts_body or token.kind == "op" and OPENS[text]
    or token.kind == "keyword" and (text == "then" or text == "do" or text == "else" or text == "repeat")
end

-- The next token that is no comment, or one that ends everything.
local function next_code(list, i)
  while list[i] and list[i].kind == "comment" do
    i = i + 1
  end
  return list[i]
end

local function wants_blank(last, token)
  return token.breaks > 1 and not (last and last.kind ~= "string" and begins(last))
    and not (token.kind ~= "string" and CLOSES[token.text])
end

local END = { kind = "end", text = "" }

function Layout:run(list, lines)
  for i, token in ipairs(list) do
    local last = list[i - 1]
    local own_line = not last or token.breaks > 0
    if own_line then
      local is_comment = token.kind == "comment"
      self.line_level = self:level(is_comment and (next_code(list, i) or END) or token, is_comment)
      if wants_blank(last, token) then
        lines:blank()
      end
      lines:open(self.line_level * self.step_width, token.text)
    elseif token.is_line then
      lines:comment(token.text)
    else
      lines:put((spaced(last, token) and " " or "") .. token.text)
    end
    self:step(token)
  end
end

-- Line breaks as Lua's reader has them, and the first line of a script apart.
local function split(text)
  text = text:gsub("\r\n?", "\n")
  local script = text:match("^#[^\n]*\n?") or ""
  return script, text:sub(#script + 1)
end

-- Where on its line Lua stumbled: at the first of the words it names up to which the text has the same mistake.
local function column_of(rest, from, near, message)
  local source = rest:match("^[^\n]*", from)
  if not near then -- at the end
    return #source + 1
  end
  local at = 1
  while true do
    local first, last = source:find(near, at, true)
    if not first then
      return source:find(near, 1, true) or source:find("%S") or 1
    elseif select(2, load(rest:sub(1, from + last - 1), "=x", "t")) == message then
      return first
    end
    at = first + 1
  end
end

--- Why a text is none, or nil.
---@param text string
---@param file? string
---@return prov.Err?
function M.check(text, file)
  local script, rest = split(text)
  local chunk, message = load(rest, "=x", "t", {})
  if chunk then
    return nil
  end
  local number, what = message:match("^x:(%d+): (.*)$")
  local line, from = math.tointeger(tonumber(number)), 1
  for _ = 2, line do
    from = (rest:find("\n", from, true) or #rest) + 1
  end
  local column = column_of(rest, from, what:match("near '(.*)'$"), message)
  return err.new("invalid", what, { file = file, line = line + (script ~= "" and 1 or 0), column = column })
end

--- The text in canonical form. It must be Lua: see check.
---@param text string
---@return string
function M.format(text)
  local script, rest = split(text)
  local list, lines = tokens_of.read(rest), lines_of.new(1)
  mark(list)
  setmetatable({ stack = {}, line_level = 0, step_width = settings.fmt.lua_indent }, Layout):run(list, lines)
  return script:gsub("%s*$", script ~= "" and "\n" or "") .. lines:text()
end

local function words(text)
  local script, rest = split(text)
  local out = { (script:gsub("%s+$", "")) }
  for _, token in ipairs(tokens_of.read(rest)) do
    out[#out + 1] = token.text
  end
  return table.concat(out, "\0")
end

--- True when two texts are the same tokens and comments.
---@param a string
---@param b string
---@return boolean
function M.same(a, b)
  return words(a) == words(b)
end

return M
