--- Tokens of HCL 2 text.
--
-- A token is `{ kind, at, text? }`, where `at` is its first byte. Kinds:
--   name number newline end   and every sign under its own text: "(" "==" "..." ...
--   quote unquote             the quotes around a text
--   heredoc unheredoc         the lines around one; `flush` when it was <<-
--   chars                     what stands in a text, as written (escapes are the parser's)
--   ${ %{ }                   around expressions in a text; `strip` when a ~ is with them
-- Comments are no tokens; they are kept aside with the line they stand on.

local M = {}

---@class prov.hcl.Token
---@field kind string
---@field at integer
---@field text? string
---@field flush? boolean
---@field strip? boolean

local MAX_NESTED = 200

local SIGNS = {}
for sign in ("... && || == != <= >= => :: { } [ ] ( ) + - * / % ! < > = ? : . ,"):gmatch("%S+") do
  SIGNS[#sign] = SIGNS[#sign] or {}
  SIGNS[#sign][sign] = true
end

local Lexer = {}
Lexer.__index = Lexer

local function problem(at, fmt, ...)
  return nil, { at = at, msg = fmt:format(...) }
end

function Lexer:add(kind, at, text)
  local token = { kind = kind, at = at, text = text }
  self.tokens[#self.tokens + 1] = token
  return token
end

--- A character as it may be shown in a message.
local function shown(text, at)
  local one = text:match("^" .. utf8.charpattern, at) or ""
  if utf8.len(one) and not one:match("^%c") and one ~= "" then
    return "'" .. one .. "'"
  end
  return ("byte 0x%02x"):format(text:byte(at) or 0)
end

--- Goes into a text, an expression in one, or braces.
function Lexer:enter(at, mode)
  if #self.modes >= MAX_NESTED then
    return problem(at, "this is nested deeper than %d levels", MAX_NESTED)
  end
  self.modes[#self.modes + 1] = mode
  return true
end

--- The text between quotes or of a heredoc, up to what ends or interrupts it.
function Lexer:template(mode)
  local text, from, i = self.text, self.at, self.at
  while true do
    if mode.marker and (i == 1 or text:byte(i - 1) == 10) then -- the line that ends it?
      local stop = text:match("^[ \t]*" .. mode.marker .. "()[ \t]*\r?%f[\n\0]", i)
      if stop then
        return self:piece("unheredoc", from, i, text:match("^[ \t]*()", i), stop)
      end
    end
    local at = text:find(mode.marker and "[$%%\n]" or "[$%%\n\\\"]", i)
    if not at then
      return problem(mode.at, mode.marker and "the heredoc that begins here has no line with its end, %s"
        or "the text that begins here is not closed%s", mode.marker or "")
    end
    local c = text:sub(at, at)
    if c == "\n" then
      if not mode.marker then
        return problem(mode.at, "the text that begins here is not closed on its line")
      end
      i = at + 1
    elseif c == '"' then
      return self:piece("unquote", from, at, at, at + 1)
    elseif c == "\\" then
      i = at + 2
    elseif text:sub(at + 1, at + 1) == "{" then
      local strip = text:sub(at + 2, at + 2) == "~"
      return self:piece(c .. "{", from, at, at, at + (strip and 3 or 2), strip)
    elseif text:sub(at + 1, at + 2) == c .. "{" then -- $${ is no expression
      i = at + 3
    else
      i = at + 1
    end
  end
end

--- What stood since `from`, and the token that ended it.
function Lexer:piece(kind, from, chars_stop, at, stop, strip)
  if chars_stop > from then
    self:add("chars", from, self.text:sub(from, chars_stop - 1))
  end
  self:add(kind, at).strip = strip or nil
  self.at = stop
  if kind == "unquote" or kind == "unheredoc" then
    self.modes[#self.modes] = nil
    return true
  end
  return self:enter(at, { close = true, at = at })
end

function Lexer:comment(at, stop)
  self.comments[#self.comments + 1] = { at = at, text = self.text:sub(at, stop - 1) }
  self.at = stop
  return true
end

--- A heredoc's first line, or nil when << begins none.
function Lexer:heredoc()
  local flush, marker, stop = self.text:match("^<<(%-?)([%w_-]+)[ \t]*\r?\n()", self.at)
  if not marker then
    return problem(self.at, "<< is followed by a name and the end of the line, as in <<EOT")
  end
  local token = self:add("heredoc", self.at)
  token.flush = flush == "-"
  local ok, wrong = self:enter(self.at, { template = true, at = self.at, marker = (marker:gsub("%-", "%%-")) })
  self.at = stop
  return ok, wrong
end

--- A closing brace: of the text it interrupts, or of a block or object.
function Lexer:brace(strip)
  local mode = self.modes[#self.modes]
  if not mode then
    return problem(self.at, "this } closes nothing")
  end
  self.modes[#self.modes] = nil
  self:add("}", self.at).strip = strip or nil
  self.at = self.at + (strip and 2 or 1)
  return true
end

function Lexer:sign()
  local text, at = self.text, self.at
  for length = 3, 1, -1 do
    local sign = text:sub(at, at + length - 1)
    if SIGNS[length][sign] and #sign == length then
      self:add(sign, at)
      self.at = at + length
      if sign == "{" then
        return self:enter(at, { at = at })
      end
      return true
    end
  end
  local single = text:sub(at, at) == "'" and "; texts stand between double quotes" or ""
  return problem(at, "%s is not expected here%s", shown(text, at), single)
end

--- The next token of code.
function Lexer:code(mode)
  local text, at = self.text, self.at
  local c = text:sub(at, at)
  if c == "\n" then
    self:add("newline", at)
    self.at = at + 1
    return true
  end
  local two = text:sub(at, at + 1)
  if c == "#" or two == "//" then
    return self:comment(at, text:match("^[^\n]*()", at))
  elseif two == "/*" then
    local _, stop = text:find("*/", at + 2, true)
    if not stop then
      return problem(at, "the comment that begins here is not closed")
    end
    return self:comment(at, stop + 1)
  elseif c == '"' then
    self:add("quote", at)
    self.at = at + 1
    return self:enter(at, { template = true, at = at })
  elseif two == "<<" then
    return self:heredoc()
  elseif c == "}" or two == "~}" and mode and mode.close then
    return self:brace(c == "~")
  end
  -- A name may hold letters of any script; - may stand in it, but not in front.
  local stop = text:match("^[%a_\x80-\xff][%w_\x80-\xff-]*()", at)
  if stop then
    self:add("name", at, text:sub(at, stop - 1))
    self.at = stop
    return true
  end
  stop = text:match("^%d+%.%d+[eE][+-]?%d+()", at) or text:match("^%d+[eE][+-]?%d+()", at)
    or text:match("^%d+%.%d+()", at) or text:match("^%d+()", at)
  if stop then
    self:add("number", at, text:sub(at, stop - 1))
    self.at = stop
    return true
  end
  return self:sign()
end

--- The tokens of a text, the last of kind "end".
---@param text string
---@param template? boolean the text is what stands between the quotes of one
---@return prov.hcl.Token[]? tokens
---@return { at: integer, text: string }[]|{ at: integer, msg: string } comments, or the problem
function M.read(text, template)
  local self = setmetatable({ text = text, at = 1, tokens = {}, comments = {}, modes = {} }, Lexer)
  if template then
    -- A text of JSON has its quotes and escapes behind it: it is read as a heredoc is.
    self.modes[1] = { template = true, at = 1, marker = "\1", all = true }
  elseif text:sub(1, 3) == "\xef\xbb\xbf" then
    self.at = 4
  end
  while true do
    local mode = self.modes[#self.modes]
    local ok, wrong
    if mode and mode.all and not text:find("[$%%]{", self.at) then
      if self.at <= #text then
        self:add("chars", self.at, text:sub(self.at))
      end
      self:add("end", #text + 1)
      return self.tokens, self.comments
    elseif mode and mode.template then
      ok, wrong = self:template(mode)
      if not ok and mode.all then -- only escaped signs are left
        self:add("chars", self.at, text:sub(self.at))
        self:add("end", #text + 1)
        return self.tokens, self.comments
      end
    else
      self.at = text:match("^[ \t\r]*()", self.at)
      if self.at > #text then
        if mode then
          return problem(mode.at, "what begins here is not closed: a } is missing")
        end
        break
      end
      ok, wrong = self:code(mode)
    end
    if not ok then
      return nil, wrong
    end
  end
  self:add("end", #text + 1)
  return self.tokens, self.comments
end

return M
