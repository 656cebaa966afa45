--- Templates of the names of users, as Vault has them (a part of Go's):
---   v-{{ .RoleName | truncate 8 | lowercase }}-{{ random 20 }}

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local tokens = require("prov.vault.tokens")

local M = {}

local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local LONGEST = 200 -- of what is random

local function fail(fmt, ...)
  error(err.new("usage", "username_template: " .. fmt:format(...)), 0)
end

local function number(v, what)
  local n = math.tointeger(v)
  if not n or n < 1 then
    fail("%s wants a number from 1 on", what)
  end
  return n
end

-- 248 is the largest multiple of 62 in a byte.
local function random(length)
  local out = {}
  while #out < length do
    for byte in assert(crypto.random(length)):gmatch(".") do
      local n = byte:byte()
      if n < 248 and #out < length then
        out[#out + 1] = LETTERS:sub(n % 62 + 1, n % 62 + 1)
      end
    end
  end
  return table.concat(out)
end

local function sha256(text)
  return crypto.hex(assert(crypto.hash("sha256", text)))
end

-- Functions: what they get, and the value that was piped in comes last.
local FUNCTIONS = {
  random = function(_, length)
    return random(math.min(number(length, "random"), LONGEST))
  end,
  truncate = function(_, length, text)
    return tostring(text):sub(1, number(length, "truncate"))
  end,
  truncate_sha256 = function(_, length, text)
    length, text = number(length, "truncate_sha256"), tostring(text)
    return #text <= length and text or text:sub(1, math.max(length - 8, 0)) .. sha256(text):sub(1, 8)
  end,
  uppercase = function(_, text)
    return tostring(text):upper()
  end,
  lowercase = function(_, text)
    return tostring(text):lower()
  end,
  replace = function(_, from, to, text)
    local literal = tostring(from):gsub("%W", "%%%0")
    return (tostring(text):gsub(literal, (tostring(to):gsub("%%", "%%%%"))))
  end,
  sha256 = function(_, text)
    return sha256(tostring(text))
  end,
  base64 = function(_, text)
    return base.base64(tostring(text))
  end,
  unix_time = function(values)
    return values.now
  end,
  unix_time_millis = function(values)
    return values.now * 1000
  end,
  uuid = function()
    return tokens.uuid()
  end,
  printf = function(_, format, ...)
    local given, at = table.pack(...), 0
    return (tostring(format):gsub("%%(.)", function(what)
      if what == "%" then
        return "%"
      end
      at = at + 1
      if not what:find("[sdv]") or given[at] == nil then
        fail("printf knows %%s, %%d and %%v, one value each")
      end
      return tostring(given[at])
    end))
  end,
}

-- "(.A | f 8)" -> a list of { kind, value }
local function tokenize(text)
  local out, at = {}, 1
  local KINDS = {
    { "^%s+()" }, { '^"([^"]*)"()', "string" }, { "^%.(%a%w*)()", "field" }, { "^(%d+)()", "number" },
    { "^([%a_][%w_]*)()", "name" }, { "^([()|])()", "sign" },
  }
  while at <= #text do
    local found
    for _, kind in ipairs(KINDS) do
      local value, after = text:match(kind[1], at)
      if value then
        found = after or value
        out[#out + 1] = kind[2] and { kind = kind[2], value = value } or nil
        break
      end
    end
    if not found then
      fail("'%s' is not understood", text:sub(at))
    end
    at = found
  end
  return out
end

local pipeline

-- One operand of a command; nil when there is none.
local function operand(state, values)
  local token = state.tokens[state.at]
  if not token or token.value == "|" or token.value == ")" and token.kind == "sign" then
    return nil
  end
  state.at = state.at + 1
  if token.kind == "string" then
    return token.value
  elseif token.kind == "number" then
    return tonumber(token.value)
  elseif token.kind == "field" then
    local value = values[token.value]
    if value == nil then
      fail("there is no .%s, only .DisplayName and .RoleName", token.value)
    end
    return value
  elseif token.kind == "name" then
    return FUNCTIONS[token.value] or fail("there is no function '%s'", token.value)
  end
  local value = pipeline(state, values)
  local close = state.tokens[state.at]
  if not close or close.value ~= ")" then
    fail("a ')' is missing")
  end
  state.at = state.at + 1
  return value
end

local function command(state, values, piped)
  local head, args = operand(state, values), {}
  if head == nil then
    fail("something is missing beside '|' or in '()'")
  end
  if type(head) ~= "function" then
    if piped ~= nil then
      fail("'|' leads into a function")
    end
    return head
  end
  repeat
    local value = operand(state, values)
    if type(value) == "function" then
      value = value(values)
    end
    args[#args + 1] = value
  until value == nil
  args[#args + 1] = piped
  local ok, out = pcall(head, values, table.unpack(args))
  if not ok then
    error(err.is(out) and out or err.new("usage", "username_template: a function has the wrong values"), 0)
  end
  return out
end

function pipeline(state, values)
  local value = command(state, values)
  while state.tokens[state.at] and state.tokens[state.at].value == "|" do
    state.at = state.at + 1
    value = command(state, values, value)
  end
  return value
end

local function render(text, values)
  return (text:gsub("{{(.-)}}", function(expression)
    local state = { tokens = tokenize(expression), at = 1 }
    local value = pipeline(state, values)
    if state.tokens[state.at] then
      fail("'%s' is not understood", expression)
    end
    return tostring(value)
  end))
end

--- The name of a user. What could mean something in a statement becomes "_".
---@param text string
---@param values { DisplayName: string, RoleName: string, now: integer }
---@return string?, prov.Err? err "usage": the template is none
function M.render(text, values)
  local ok, out = pcall(render, text, values)
  if not ok then
    if err.is(out) then
      return nil, out
    end
    error(out, 0)
  end
  out = out:gsub("[^%w_.@+-]", "_")
  if out == "" then
    return err.fail("usage", "username_template: it gives an empty name")
  end
  return out
end

return M
