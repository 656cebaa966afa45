--- The tokens of a Lua text, comments among them.

local M = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

---@class prov.LuaToken
---@field kind "comment"|"string"|"number"|"name"|"keyword"|"op"
---@field text string
---@field breaks integer line breaks in front of it
---@field is_line? boolean a comment that ends with its line
---@field from integer

local OPS = { "...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::" }

-- Byte behind the brackets of a long string or comment that begins here, or nil.
local function long(text, at)
  local level, behind = text:match("^%[(=*)%[()", at)
  if not level then
    return nil
  end
  local _, stop = text:find("]" .. level .. "]", behind, true)
  return (stop or #text) + 1
end

local function short_string(text, at)
  local quote = text:byte(at)
  at = at + 1
  while text:byte(at) ~= quote and at <= #text do
    at = at + (text:byte(at) == 92 and 2 or 1)
  end
  return at + 1
end

-- As Lua's own reader does: digits, letters and dots, and a sign behind the mark of an exponent.
local function number(text, at)
  local mark = text:find("^0[xX]", at) and "^[pP][+-]?()" or "^[eE][+-]?()"
  while true do
    local behind = text:match(mark, at) or text:match("^[%w.]()", at)
    if not behind then
      return at
    end
    at = behind
  end
end

local function read(text, at)
  local first = text:sub(at, at)
  if text:find("^%-%-", at) then
    local behind = long(text, at + 2)
    if behind then
      return "comment", behind
    end
    return "comment", text:find("\n", at, true) or #text + 1, true
  elseif first == '"' or first == "'" then
    return "string", short_string(text, at)
  elseif text:find("^%[=*%[", at) then
    return "string", long(text, at)
  elseif text:find("^%.?%d", at) then
    return "number", number(text, at)
  elseif first:find("[%a_]") then
    local word, behind = text:match("^([%w_]+)()", at)
    return KEYWORDS[word] and "keyword" or "name", behind
  end
  for _, op in ipairs(OPS) do
    if text:sub(at, at + #op - 1) == op then
      return "op", at + #op
    end
  end
  return "op", at + 1
end

--- Reads the tokens of a text that Lua accepts.
---@param text string with line breaks of one byte
---@return prov.LuaToken[]
function M.read(text)
  local out, at = {}, 1
  while true do
    local from = text:match("^%s*()", at)
    if from > #text then
      return out
    end
    local kind, behind, is_line = read(text, from)
    local _, breaks = text:sub(at, from - 1):gsub("\n", "")
    local word = text:sub(from, behind - 1)
    out[#out + 1] = {
      kind = kind,
      text = is_line and word:gsub("%s+$", "") or word,
      breaks = breaks,
      is_line = is_line,
      from = from,
    }
    at = behind
  end
end

return M
