--- Pure environments for Lua written by users: infra files, cluster templates, extensions.
--
-- A whitelist of functions, text chunks only, no I/O, no clock, no way to load code. With
-- limits, a run is stopped after a number of instructions or when it takes too much memory.

local app = require("core.app")
local data = require("core.data")
local err = require("prov.err")
local settings = require("prov.settings")
local value = require("prov.value")
local view = require("prov.view")

local M = {}

local HOOK_EVERY = 10000

local LIMIT = {} -- raised when a limit is passed; pcall in the sandbox lets it through

local function copy(t, skip)
  local out = {}
  for k, v in pairs(t) do
    if not (skip and skip[k]) then
      out[k] = v
    end
  end
  return out
end

local function safe_string()
  local most = settings.sandbox.string
  local out = copy(string, { dump = true })
  function out.rep(s, n, sep)
    if (#tostring(s) + #tostring(sep or "")) * (tonumber(n) or 0) > most then
      error("string.rep: the result is too large", 2)
    end
    return string.rep(s, n, sep)
  end
  function out.gsub(s, pattern, repl, n)
    if type(s) == "string" and type(repl) == "string" and (#s + 1) * #repl > most then
      error("string.gsub: the result may be too large", 2)
    end
    return string.gsub(s, pattern, repl, n)
  end
  return out
end

local function through(ok, first, ...)
  if not ok and type(first) == "table" and rawequal(first.limit, LIMIT) then
    error(first, 0)
  end
  return ok, first, ...
end

local own = setmetatable({}, { __mode = "k" }) -- metatables that came from here; the others are prov's

local function safe_setmetatable(t, mt)
  if type(mt) == "table" and (rawget(mt, "__gc") ~= nil or rawget(mt, "__close") ~= nil) then
    error("a metatable here may have no __gc or __close", 2)
  end
  setmetatable(t, mt)
  if type(mt) == "table" then
    own[mt] = true
  end
  return t
end

local function safe_getmetatable(t)
  local mt = type(t) == "table" and getmetatable(t)
  return own[mt] and mt or nil
end

--- A fresh environment. Nothing in it is shared with another one.
---@return table env
function M.env()
  local env = {
    assert = assert,
    error = error,
    getmetatable = safe_getmetatable,
    ipairs = ipairs,
    next = view.next,
    pairs = pairs,
    pcall = function(fn, ...)
      return through(pcall(fn, ...))
    end,
    rawequal = rawequal,
    rawget = rawget,
    rawlen = rawlen,
    rawset = rawset,
    select = select,
    setmetatable = safe_setmetatable,
    tonumber = tonumber,
    tostring = tostring,
    type = type,
    math = copy(math, { random = true, randomseed = true }),
    string = safe_string(),
    table = copy(table),
    utf8 = copy(utf8),
    list = data.list,
    null = value.null,
    secret = value.secret,
    _VERSION = _VERSION,
  }
  env._G = env
  return env
end

--- Turns what a chunk raised into an error with the place in the file.
local function raised_error(raised, file)
  if err.is(raised) then
    return raised
  end
  if type(raised) == "table" and rawequal(raised.limit, LIMIT) then
    return err.new("limit", raised.message, { file = file })
  end
  local text = tostring(raised)
  if text == "not enough memory" then
    return err.new("limit", "stopped: it wants more memory than it may take", { file = file })
  end
  local at, line, msg = text:match("^(.-):(%d+): (.*)$")
  if at then
    if at:sub(1, 3) == "..." and file:sub(-#at + 3) == at:sub(4) then
      at = file -- Lua shortens long names
    end
    return err.new("invalid", msg, { file = at, line = math.tointeger(tonumber(line)) })
  end
  return err.new("invalid", text, { file = file })
end

--- Compiles a text chunk.
---@param source string
---@param file string name for messages
---@param env table
---@return function?, prov.Err?
function M.load(source, file, env)
  local chunk, message = load(source, "@" .. file, "t", env)
  if not chunk then
    local at, line, msg = tostring(message):match("^(.-):(%d+): (.*)$")
    return nil,
      err.new("invalid", msg or tostring(message), {
        file = at or file,
        line = math.tointeger(tonumber(line)),
      })
  end
  return chunk
end

local function with_limits(limits, fn, ...)
  local steps, most = 0, limits.instructions or settings.sandbox.instructions
  local memory = (limits.memory or settings.sandbox.memory) / 1024
  local start = collectgarbage("count")
  local string_mt = getmetatable("")
  local real = string_mt.__index
  local hook, mask, every = debug.gethook()
  debug.sethook(function()
    steps = steps + HOOK_EVERY
    if steps > most then
      error({ limit = LIMIT, message = ("stopped after %d million instructions"):format(most // 1000000) }, 0)
    end
    if collectgarbage("count") - start > memory then
      error({ limit = LIMIT, message = ("stopped after taking %d MiB of memory"):format(memory // 1024) }, 0)
    end
  end, "", HOOK_EVERY)
  string_mt.__index = limits.string or real
  app.limit_memory((memory * 1024) // 1 | 0) -- few instructions can take much
  local results = table.pack(pcall(fn, ...))
  app.limit_memory()
  string_mt.__index = real
  debug.sethook(hook, mask, every)
  return table.unpack(results, 1, results.n)
end

--- Calls a function of the sandbox under limits.
---@param file string name for messages
---@param limits { instructions: integer?, memory: integer?, string: table? }
---@return any value, prov.Err?
function M.call(file, limits, fn, ...)
  local results = table.pack(with_limits(limits, fn, ...))
  if not results[1] then
    return nil, raised_error(results[2], file)
  end
  return table.unpack(results, 2, results.n)
end

--- Runs a text chunk in `env` under limits and returns what it returns.
---@param source string
---@param file string
---@param env table made by M.env
---@param limits? { instructions: integer?, memory: integer? }
---@return any value, prov.Err?
function M.run(source, file, env, limits)
  local chunk, e = M.load(source, file, env)
  if not chunk then
    return nil, e
  end
  limits = limits or {}
  return M.call(
    file,
    { instructions = limits.instructions, memory = limits.memory, string = env.string },
    chunk
  )
end

return M
