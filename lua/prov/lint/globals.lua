--- Globals that a Lua text sets: names that are assigned to, or that a function gets, where no local has them.

local tokens_of = require("prov.fmt.lua_tokens")

local M = {}

local BRACKETS = { ["("] = true, ["["] = true, ["{"] = true }
local CLOSES = { [")"] = true, ["]"] = true, ["}"] = true, ["end"] = true, ["until"] = true }

local Scan = {}
Scan.__index = Scan

function Scan:push(is_bracket, waits)
  self.stack[#self.stack + 1] = { names = {}, is_bracket = is_bracket, waits = waits }
end

function Scan:declare(name)
  self.stack[#self.stack].names[name] = true
end

function Scan:is_local(name)
  for i = #self.stack, 1, -1 do
    if self.stack[i].names[name] then
      return true
    end
  end
  return false
end

function Scan:set(token)
  if not self:is_local(token.text) then
    self.found[#self.found + 1] = { name = token.text, from = token.from + self.shift }
  end
end

-- Declares the names from a place on, past commas and attributes; the place behind them.
function Scan:names(at)
  local code = self.code
  while code[at] and code[at].kind == "name" do
    self:declare(code[at].text)
    at = at + 1
    if code[at] and code[at].text == "<" then
      at = at + 3
    end
    if not code[at] or code[at].text ~= "," then
      break
    end
    at = at + 1
  end
  return at
end

-- A function: its name, when it is a global one, and its parameters.
function Scan:fn(at)
  local code = self.code
  local before, name = code[at - 1], code[at + 1]
  if name.kind == "name" then
    if before and before.text == "local" then
      self:declare(name.text)
    elseif code[at + 2].text == "(" then
      self:set(name)
    end
  end
  while code[at].text ~= "(" do
    at = at + 1
  end
  self:push()
  return self:names(at + 1)
end

-- Names in front of a "=" that begin a statement.
function Scan:assigned(at)
  local code, from = self.code, at
  while code[from - 1] and code[from - 1].text == "," and code[from - 2] and code[from - 2].kind == "name" do
    from = from - 2
  end
  local before = code[from - 1]
  if before and (before.text == "local" or before.text == "for") then
    return
  end
  for i = from, at, 2 do
    local last = code[i - 1]
    if not (last and (last.text == "." or last.text == ":")) then
      self:set(code[i])
    end
  end
end

function Scan:step(at)
  local code, token = self.code, self.code[at]
  local text, top = token.text, self.stack[#self.stack]
  if token.kind == "name" then
    if code[at + 1] and code[at + 1].text == "=" and not top.is_bracket then
      self:assigned(at)
    end
  elseif token.kind ~= "keyword" and token.kind ~= "op" then
    return at + 1
  elseif text == "function" then
    return self:fn(at)
  elseif text == "local" and code[at + 1].kind == "name" then
    return self:names(at + 1)
  elseif text == "for" then
    self:push(false, true)
    return self:names(at + 1)
  elseif text == "while" then
    self:push(false, true)
  elseif text == "do" and top.waits then
    top.waits = false
  elseif text == "do" or text == "repeat" or text == "if" then
    self:push()
  elseif text == "elseif" or text == "else" then
    self.stack[#self.stack].names = {}
  elseif BRACKETS[text] then
    self:push(true)
  elseif CLOSES[text] and not (text == ")" and not top.is_bracket) then -- the end of parameters closes nothing
    self.stack[#self.stack] = nil
  end
  return at + 1
end

--- The globals that a text sets.
---@param text string that Lua accepts
---@return { name: string, from: integer }[] from: byte of the text
function M.of(text)
  local script = text:match("^#[^\n]*") or ""
  local code = {}
  for _, token in ipairs(tokens_of.read(text:sub(#script + 1))) do
    if token.kind ~= "comment" then
      code[#code + 1] = token
    end
  end
  local self = setmetatable({ code = code, stack = {}, found = {}, shift = #script }, Scan)
  self:push()
  local at = 1
  while code[at] do
    at = self:step(at)
  end
  return self.found
end

return M
