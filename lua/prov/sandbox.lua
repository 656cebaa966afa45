--- Pure environments for Lua written by users: infra files, cluster templates, rules, extensions.
--
-- A whitelist of functions, text chunks only, no I/O, no clock, no way to load code. A call is stopped when
-- it passes a limit of instructions, memory, length of a text or processor time, and cannot catch that
-- (core.sandbox). What it hands back is plain data, so that nothing of it runs later without limits. Why it
-- is built like this: docs/decisions/0038-sandbox.md.

local bounded = require("core.sandbox")
local data = require("core.data")
local err = require("prov.err")
local settings = require("prov.settings")
local value = require("prov.value")
local view = require("prov.view")

local M = {}

local SELF = debug.getinfo(1, "S").short_src
local CODE = SELF:match("^(.*)sandbox%.lua$") -- where the files of prov are, as Lua's messages begin
local MESSAGE_MAX = 2000 -- bytes of an error that a file raises

local function copy(t, skip)
  local out = {}
  for k, v in pairs(t) do
    if not (skip and skip[k]) then
      out[k] = v
    end
  end
  return out
end

local function safe_rep(s, n, sep)
  local count = tonumber(n)
  if type(s) == "number" then
    s = tostring(s)
  elseif type(s) ~= "string" or not count or sep ~= nil and type(sep) ~= "string" then
    return string.rep(s, n, sep) -- says what is wrong
  end
  local size = #s + #(sep or "")
  if size == 0 then
    return "" -- Lua would count to n
  elseif count > 0 and size > settings.sandbox.string / count then
    error("string.rep: the result is too large", 2)
  end
  return string.rep(s, n, sep)
end

local function safe_string()
  local out = copy(string, { dump = true, pack = true, packsize = true, unpack = true })
  out.find, out.match, out.gmatch, out.gsub = bounded.find, bounded.match, bounded.gmatch, bounded.gsub
  out.rep, out.format = safe_rep, bounded.format
  return out
end

local function safe_table()
  local out = copy(table)
  for _, name in ipairs({ "concat", "insert", "move", "remove", "sort" }) do
    out[name] = bounded[name]
  end
  return out
end

-- Metatables that came from here, and, with what is wrong with their use, those of names that mean nothing; the others
-- are prov's.
local own = setmetatable({}, { __mode = "k" })

--- True for a metatable that a file of the sandbox made.
function M.is_own(mt)
  return mt ~= nil and own[mt] == true
end

local EVENTS = { "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__idiv", "__band", "__bor", "__bxor",
  "__shl", "__shr", "__bnot", "__concat", "__len", "__lt", "__le", "__call" }

--- Makes a table with this metatable one that stands for a name without a meaning: whoever calculates with it, calls it
-- or gives it back gets the error.
---@param mt table
---@param msg string
---@return table mt
function M.undefined(mt, msg)
  local function raise()
    error(msg, 2)
  end
  for _, event in ipairs(EVENTS) do
    mt[event] = raise
  end
  own[mt] = msg
  return mt
end

--- Why a value of a file means nothing; nil when it does.
---@param v any
---@return string?
function M.undefined_message(v)
  local msg = type(v) == "table" and own[debug.getmetatable(v)]
  return type(msg) == "string" and msg or nil
end

local function refuse_foreign(t, name)
  local mt = type(t) == "table" and debug.getmetatable(t)
  if mt and own[mt] ~= true then
    error(name .. ": this table is not one of your own", 3)
  end
end

local function safe_setmetatable(t, mt)
  for _, event in ipairs({ "__gc", "__close", "__mode" }) do
    if type(mt) == "table" and rawget(mt, event) ~= nil then
      error("a metatable here may have no " .. event, 2)
    end
  end
  refuse_foreign(t, "setmetatable")
  setmetatable(t, mt)
  if type(mt) == "table" then
    own[mt] = true
  end
  return t
end

local function safe_getmetatable(t)
  local mt = type(t) == "table" and debug.getmetatable(t)
  return own[mt] == true and mt or nil
end

-- A loop over what is not known yet would see how prov writes it down.
local function over_known(real)
  return function(t, ...)
    local why = M.undefined_message(t)
    if why or value.is_marked(t) then
      error(why or ("%s is %s, so no loop of Lua can go over it; '${[for x in ... => x]}' waits for it"):format(
        tostring(t), value.is_secret(t) and "secret" or "known only after apply"), 2)
    end
    return real(t, ...)
  end
end

local function safe_rawset(t, key, v)
  refuse_foreign(t, "rawset")
  return rawset(t, key, v)
end

--- A fresh environment. Nothing in it is shared with another one.
---@return table env
function M.env()
  local env = {
    assert = assert,
    error = error,
    getmetatable = safe_getmetatable,
    ipairs = over_known(ipairs),
    next = over_known(view.next),
    pairs = over_known(pairs),
    pcall = function(...)
      return bounded.after(pcall(...))
    end,
    rawequal = rawequal,
    rawget = rawget,
    rawlen = rawlen,
    rawset = safe_rawset,
    select = select,
    setmetatable = safe_setmetatable,
    tonumber = tonumber,
    tostring = bounded.tostring,
    type = type,
    math = copy(math, { random = true, randomseed = true }),
    string = safe_string(),
    table = safe_table(),
    utf8 = copy(utf8),
    list = data.list,
    null = value.null,
    sensitive = value.secret,
    _VERSION = _VERSION,
  }
  env._G = env
  return env
end

local function amount(n)
  return n >= 1000000 and n % 1000000 == 0 and ("%d million"):format(n // 1000000) or tostring(n)
end

local function size(n)
  return n >= 1 << 20 and ("%d MiB"):format(n >> 20) or ("%d bytes"):format(n)
end

local PASSED = {
  instructions = function(limits)
    return ("stopped after %s instructions"):format(amount(limits.instructions)), "look for a loop that does not end"
  end,
  memory = function(limits)
    return ("stopped after taking %s of memory"):format(size(limits.memory)), "look for a table that only grows"
  end,
  string = function(limits)
    return ("stopped: a text would be longer than %s"):format(size(limits.string)), "look for a text that only grows"
  end,
  seconds = function(limits)
    return ("stopped after %g s of processor time"):format(limits.seconds), "look for work on large texts or tables"
  end,
}

-- An error of prov as it was made: a file may catch one, put something else into it, and raise it again.
local function is_whole(e)
  for name, kind in pairs({ code = "string", msg = "string", hint = "string", file = "string", line = "number" }) do
    if e[name] ~= nil and type(e[name]) ~= kind then
      return false
    end
  end
  return err.CODES[e.code] and e.msg and not bounded.flaw(e, own, settings.sandbox.output) and true or false
end

--- Turns what a chunk raised into an error with the place in the file.
local function raised_error(raised, line, file)
  if err.is(raised) then
    return is_whole(raised) and raised or err.new("invalid", "it raised an error that it had changed", { file = file })
  end
  local text = #raised > MESSAGE_MAX and raised:sub(1, MESSAGE_MAX) .. "..." or raised
  local at, place, msg = text:match("^(.-):(%d+): (.*)$")
  if at and at:sub(1, #CODE) == CODE then -- of prov's own, which the file called
    at, place = nil, nil
    text = msg
  end
  if at then
    if at:sub(1, 3) == "..." and file:sub(-#at + 3) == at:sub(4) then
      at = file -- Lua shortens long names
    end
    return err.new("invalid", msg, { file = at, line = math.tointeger(tonumber(place)) })
  end
  return err.new("invalid", text, { file = file, line = line > 0 and line or nil })
end

local FLAWS = {
  metatable = "a table in a result may have no metatable; copy its fields into a plain table",
  deep = "the result holds itself, or is nested deeper than 200 tables",
  utf8 = "a text must be UTF-8; fn.base64 makes such a text of any bytes",
  finite = "a number must be finite",
}

-- What makes v no plain data, as an error.
local function check_result(v, file)
  local most = settings.sandbox.output
  local flaw, keys, culprit = bounded.flaw(v, own, most)
  if flaw == "large" then
    return err.new("limit", ("the result is larger than %s"):format(size(most)), {
      file = file,
      hint = "a table that stands in many places counts in each of them",
    })
  end
  local where = keys[1] and table.concat(keys, ".") .. ": " or ""
  if flaw == "key" then
    local key = value.is_marked(culprit) and tostring(culprit) .. ", which is known only after apply" or "a "
      .. (math.type(culprit) or type(culprit))
    return err.new("invalid", ("%sa key must be a text or a whole number, not %s"):format(where, key), {
      file = file,
      keys = keys,
    })
  end
  return flaw and err.new("invalid", where .. (M.undefined_message(culprit) or FLAWS[flaw]), {
    file = file,
    keys = keys,
  })
end

-- Methods of strings inside of calls: what a file does to its own `string` can add to them, no more.
local added = {}
local methods = setmetatable(safe_string(), added)

local function with_limits(limits, fn, ...)
  local string_mt = debug.getmetatable("")
  local real, outer = string_mt.__index, added.__index
  string_mt.__index, added.__index = methods, limits.methods
  local results = table.pack(bounded.call(limits, fn, ...))
  string_mt.__index, added.__index = real, outer
  return results
end

--- Calls a function of the sandbox under limits.
---@param file string name for messages
---@param limits { instructions: integer?, memory: integer?, seconds: number?, methods: table?, loose: boolean? }
-- methods: of strings, beside those of Lua; loose: the result may be other than plain data
---@return any value, prov.Err?
function M.call(file, limits, fn, ...)
  local all = {
    file = file,
    instructions = limits.instructions or settings.sandbox.instructions,
    memory = limits.memory or settings.sandbox.memory,
    string = settings.sandbox.string,
    seconds = limits.seconds or settings.sandbox.seconds,
    methods = limits.methods,
  }
  local results = with_limits(all, fn, ...)
  local ok, raised, limit, line = table.unpack(results, 1, 4)
  if not ok and limit then
    collectgarbage()
    local message, hint = PASSED[limit](all)
    return nil, err.new("limit", message, { file = file, line = line > 0 and line or nil, hint = hint })
  elseif not ok then
    return nil, raised_error(raised, line, file)
  end
  local e = not limits.loose and check_result(raised, file)
  if e then
    return nil, e
  end
  return table.unpack(results, 2, results.n)
end

local CHECK_LIMITS = { instructions = 1000000 }

local guarded = setmetatable({}, { __mode = "k" }) -- guard -> the function it runs

--- The function behind a guard of guard_checks, to find where it is written; another one is itself.
---@param fn function
---@return function
function M.original(fn)
  return guarded[fn] or fn
end

local function guard(file, fn)
  local function guarding(...)
    local ok, message, hint = M.call(file, CHECK_LIMITS, fn, ...)
    if err.is(message) then
      return false, tostring(message)
    end
    return ok, message, hint
  end
  guarded[guarding] = fn
  return guarding
end

--- Makes the `check` functions in a schema run under limits; what they raise is why the value is refused.
---@param schema any plain data, with functions; types may hold themselves
---@param file string
---@param seen? table<table, true> what is done
function M.guard_checks(schema, file, seen)
  seen = seen or {}
  if type(schema) ~= "table" or seen[schema] then
    return
  end
  seen[schema] = true
  for key, field in next, schema do
    if key == "check" and type(field) == "function" then
      schema.check = guard(file, field)
    else
      M.guard_checks(field, file, seen)
    end
  end
end

--- Compiles a text chunk, from inside of a call; in pieces, so that a limit can stop the compiler too. Raises what is
--- wrong with it.
---@param source string
---@param file string
---@param env table
---@return function
function M.chunk(source, file, env)
  local at = 1
  local chunk, message = load(function()
    at = at + (1 << 16)
    return source:sub(at - (1 << 16), at - 1)
  end, "@" .. file, "t", env)
  return chunk or error(message, 0)
end

local function run(source, file, env)
  return M.chunk(source, file, env)()
end

--- Runs a text chunk in `env` under limits and returns what it returns.
---@param source string
---@param file string
---@param env table made by M.env
---@param limits? { instructions: integer?, memory: integer?, seconds: number?, loose: boolean? }
---@return any value, prov.Err?
function M.run(source, file, env, limits)
  limits = limits or {}
  local v, e = M.call(
    file,
    {
      instructions = limits.instructions,
      memory = limits.memory,
      seconds = limits.seconds,
      methods = env.string,
      loose = limits.loose,
    },
    run,
    source,
    file,
    env
  )
  local next_word = e and e.msg:match("^'}' expected.* near '?([^']*)")
  if next_word then
    e.hint = next_word == "<eof>" and "a '{' is not closed" or ("is a ',' missing before %s?"):format(next_word)
  end
  return v, e
end

return M
