--- Calls of the functions and operators of expressions. All are pure: the same arguments give the same value.
--
-- A call with a reference or an unknown among its arguments is kept as a value (value.call) and made
-- when they are known; with a secret among them its result is secret.

local data = require("core.data")
local err = require("prov.err")
local library = require("prov.expr.library")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

local null = value.null
local CHECKS, is_list, kind_of, number, equal = library.CHECKS, library.is_list, library.kind_of, library.number,
  library.equal
local plain_text = library.text_of

---@type table<string, prov.Function>
M.LIST = library.LIST
M.text_of = plain_text

-- Operators -------------------------------------------------------------------------------------

local OPERATORS = {}

local function arithmetic(sign, run)
  OPERATORS[sign] = function(a, b)
    if type(a) ~= "number" or type(b) ~= "number" then
      return nil, ("%s %s %s cannot be calculated: two numbers are needed"):format(kind_of(a), sign, kind_of(b))
    elseif b == 0 and (sign == "/" or sign == "//" or sign == "%") then
      return nil, "division by zero"
    end
    local done = run(a, b)
    if done - done ~= 0 then
      return nil, ("%s %s %s is too large"):format(kind_of(a), sign, kind_of(b))
    end
    return done
  end
end

arithmetic("+", function(a, b)
  return a + b
end)
arithmetic("-", function(a, b)
  return a - b
end)
arithmetic("*", function(a, b)
  return a * b
end)
arithmetic("/", function(a, b)
  return number(a / b)
end)
arithmetic("//", function(a, b)
  return number(a // b)
end)
arithmetic("%", function(a, b)
  return a % b
end)

local function ordered(sign, run)
  OPERATORS[sign] = function(a, b)
    if type(a) ~= type(b) or type(a) ~= "number" and type(a) ~= "string" then
      return nil, ("%s %s %s cannot be answered: two numbers or two texts are compared"):format(kind_of(a), sign,
        kind_of(b))
    end
    return run(a, b)
  end
end

ordered("<", function(a, b)
  return a < b
end)
ordered("<=", function(a, b)
  return a <= b
end)
ordered(">", function(a, b)
  return a > b
end)
ordered(">=", function(a, b)
  return a >= b
end)

OPERATORS["=="] = equal
OPERATORS["!="] = function(a, b)
  return not equal(a, b)
end
OPERATORS[".."] = function(a, b)
  return plain_text(a) .. plain_text(b)
end
OPERATORS["not"] = function(a)
  return not M.truth(a)
end
OPERATORS.index = function(v, key)
  if v == nil or v == null then
    return nil, ("there is nothing that could have a '%s'"):format(plain_text(key))
  elseif type(v) ~= "table" then
    return nil, ("%s has no '%s'"):format(kind_of(v), plain_text(key))
  end
  local found = v[key]
  if found == nil and type(key) == "string" then
    found = v[math.tointeger(tonumber(key))]
  end
  if found == nil then
    local names = {}
    for name in next, v do
      names[#names + 1] = tostring(name)
    end
    table.sort(names)
    return nil, ("there is no '%s'"):format(plain_text(key)), suggest.hint(tostring(key), names)
      or is_list(v) and #v > 0 and ("it has the items 1 to %d"):format(#v) or nil
  end
  return found
end

local SHALLOW = { index = true, list = true, map = true }

--- Everything but null and false holds.
---@return boolean
function M.truth(v)
  return v ~= nil and v ~= null and v ~= false
end

--- What the outermost loop that is being worked off has cost so far, nil outside of loops: { rounds and sizes of what
-- was made }. Expressions do not wait, so there is one at a time.
M.meter = nil

local function measure(v)
  local meter = M.meter
  if meter then
    local kind = type(v)
    meter[1] = meter[1] + (kind == "table" and rawlen(v) or kind == "string" and #v // 64 or 0) + 1
  end
end

--- Checks the arguments of a function and calls it: value, or nil, what is wrong and what to do.
local function run(name, args, n)
  local operator = OPERATORS[name]
  if operator then
    return operator(args[1], args[2])
  end
  local fn = M.LIST[name]
  if not fn then
    return nil, ("there is no function '%s'"):format(name)
  end
  if n < fn.least or not fn.rest and n > #fn.params then
    return nil, ("%s takes (%s), not %d values"):format(name, fn.takes, n)
  end
  for i = 1, n do
    local kind = fn.params[i] or fn.rest
    if args[i] == null then
      args[i] = nil
    end
    if not (args[i] == nil and i > fn.least) and kind ~= "any" and not CHECKS[kind](args[i]) then
      return nil, ("%s: value %d must be a %s, not %s"):format(name, i, kind, kind_of(args[i]))
    elseif kind == "text" and type(args[i]) == "number" then
      args[i] = tostring(args[i])
    end
  end
  local done, why, hint = fn.run(table.unpack(args, 1, n))
  measure(done)
  if why and done == nil then
    return nil, name .. ": " .. why, hint
  end
  return done
end

local function is_later(v, shallow)
  if type(v) ~= "table" then
    return false
  elseif shallow then
    local kind = value.marked(v)
    return kind ~= nil and kind ~= "secret" and value.has_unknown(v)
  end
  return value.has_unknown(v)
end

local function nulls(args, n)
  local out = {}
  for i = 1, n do
    out[i] = args[i] == nil and null or args[i]
  end
  return out
end

-- What is wrong with secret arguments, in words that do not show them.
local function veiled(name, args, n)
  local kinds = {}
  for i = 1, n do
    local v = args[i]
    kinds[i] = value.has_secret(v) and "something secret" or type(v) == "string" and "a text" or kind_of(v)
  end
  return ("%s cannot be done with %s"):format(name, table.concat(kinds, ", "))
end

--- Calls a function or operator with evaluated arguments. The result is a value; a call that waits, when an
-- argument is known only later; a secret, when one was given.
---@param name string
---@param args any[]
---@param n? integer number of arguments
---@return any value
---@return string? wrong
---@return string? hint
function M.call(name, args, n)
  n = n or #args
  local shallow = SHALLOW[name] or M.LIST[name] and M.LIST[name].shallow
  local later, secret = false, false
  for i = 1, n do
    local v = args[i]
    if type(v) == "table" then
      later = later or is_later(v, shallow)
      secret = secret or (shallow and value.is_secret(v) or not shallow and value.has_secret(v))
    end
  end
  if later then
    return value.call(name, nulls(args, n))
  end
  local given = {}
  for i = 1, n do
    local v = args[i]
    given[i] = secret and type(v) == "table" and (shallow and value.is_secret(v) and v[1] or not shallow
      and value.reveal(v)) or v
  end
  local done, why, hint = run(name, given, n)
  if why and done == nil and secret then
    return nil, veiled(name, args, n), "what exactly is wrong would show the secret"
  elseif why and done == nil then
    return nil, why, hint
  end
  if secret and done ~= nil and done ~= null then
    return value.secret(done)
  end
  return done
end

--- Chooses: `if`, `and`, `or` with evaluated sides; a call that waits while the condition is not known.
---@param name "if"|"and"|"or"
---@param args any[]
---@return any
function M.choose(name, args)
  local condition = args[1]
  if is_later(condition) then
    return value.call(name, nulls(args, name == "if" and 3 or 2))
  elseif value.is_secret(condition) then
    condition = condition[1]
  end
  if name == "if" then
    return args[M.truth(condition) and 2 or 3]
  elseif (name == "and") == M.truth(condition) then
    return args[2]
  end
  return args[1]
end

--- Makes a call that waited, its arguments resolved; raises what is wrong.
---@param name string
---@param args any[]
---@return any
function M.resume(name, args)
  local n = #args
  for i = 1, n do
    if args[i] == null then
      args[i] = nil
    end
  end
  if name == "for" then
    local text, over, given, texts = table.unpack(args, 1, 4)
    if is_later(over) or is_later(given) then
      return value.call(name, nulls(args, n))
    end
    local secret = value.has_secret(over) or value.has_secret(given)
    local done, why = require("prov.expr").resume(text, value.reveal(over), value.reveal(given), texts or {})
    if done == nil then
      error(err.new("invalid", secret and "the loop cannot be done: what is wrong would show a secret" or why), 0)
    end
    return secret and value.secret(done) or done
  elseif name == "if" or name == "and" or name == "or" then
    local chosen = M.choose(name, args)
    return chosen == nil and null or chosen
  end
  local done, why, hint = M.call(name, args, n)
  if why and done == nil then
    error(err.new("invalid", why, { hint = hint }), 0)
  end
  return done == nil and null or done
end

--- The functions for Lua files: the same, raising what is wrong.
---@return table<string, function>
function M.lua()
  local out = {}
  local undefined = require("prov.sandbox").undefined_message
  for name in pairs(M.LIST) do
    out[name] = function(...)
      for i = 1, select("#", ...) do
        local why = undefined((select(i, ...)))
        if why then
          error(why, 2)
        end
      end
      local done, why, hint = M.call(name, { ... }, select("#", ...))
      if why and done == nil then
        error(why .. (hint and "; " .. hint or ""), 2)
      end
      return done
    end
  end
  out.when = function(condition, yes, no)
    return M.choose("if", { condition, yes, no })
  end
  for name, operator in pairs({ equal = "==", differs = "!=", less = "<", at_most = "<=" }) do
    out[name] = function(a, b)
      local done, why = M.call(operator, { a, b }, 2)
      if why and done == nil then
        error(why, 2)
      end
      return done
    end
  end
  return out
end

--- Names of all functions, sorted.
---@return string[]
function M.names()
  return data.keys(M.LIST)
end

return M
