--- What the lines of a REPL see and do: its globals, operations as functions, printing.

local async = require("prov.async")
local err = require("prov.err")
local ops = require("prov.ops")
local params_of = require("prov.params")
local render = require("prov.render")
local report = require("prov.face.cli.report")

local M = {}

local Session = {}
Session.__index = Session

--- The value of an operation remembers how it is shown.
local shown_as = setmetatable({}, { __mode = "k" })

--- Calls an operation: f{ name = ... }, or f(positional, ...).
local function call(ctx, name, ...)
  local op = ops.load(name)
  local first, given = ..., {}
  if type(first) == "table" then
    for key, value in pairs(first) do
      given[key] = value
    end
  else
    local positional = params_of.split(op.params)
    for i = 1, select("#", ...) do
      local param = positional[i]
      if not param then
        error(err.new("usage", ("%s takes %d positional parameters"):format(name, #positional)), 0)
      end
      local value = select(i, ...)
      given[param.name] = param.type == "list" and type(value) ~= "table" and { value } or value
    end
  end
  local params, e = params_of.complete(op, given)
  if params then
    local value
    value, e = op.run(ctx, params)
    if value ~= nil then
      if type(value) == "table" then
        shown_as[value] = op
      end
      return value
    elseif e == nil then
      return nil
    end
  end
  error(err.is(e) and e or e[1], 0)
end

--- `prov`: operations by group and verb. Names with dashes are written with underscores.
local function operations(ctx)
  local root = {}
  for _, name in ipairs(ops.names()) do
    local at, words = root, {}
    for word in name:gmatch("%S+") do
      words[#words + 1] = (word:gsub("-", "_"))
    end
    for i = 1, #words - 1 do
      at[words[i]] = at[words[i]] or {}
      at = at[words[i]]
    end
    at[words[#words]] = function(...)
      return call(ctx, name, ...)
    end
  end
  return root
end

local HELP = [[
prov.<group>.<verb>{ ... }   runs an operation and returns its value: prov.server.list{}
:<command line>              the same as on the shell: :server list -o wide
ws                           the workspace, when there is one
_                            the last value
json(v), yaml(v)             a value as text
help("server list")          help for an operation
quit()                       leaves, as Ctrl-D does
]]

local function globals(self)
  local ctx = self.ctx
  local env = setmetatable({ prov = operations(ctx) }, {
    __index = function(_, name)
      if name == "ws" then
        return ctx.workspace
      end
      return _G[name]
    end,
  })
  function env.help(name)
    return name and require("prov.face.cli.help").operation(name) or HELP
  end
  function env.json(value)
    return assert(require("prov.json").encode(value, { pretty = true, sorted = true }))
  end
  function env.yaml(value)
    return assert(require("prov.yaml").encode(value))
  end
  function env.quit()
    self.ended = true
  end
  function env.print(...)
    local out = {}
    for i = 1, select("#", ...) do
      out[i] = tostring((select(i, ...)))
    end
    io.stdout:write(table.concat(out, "\t"), "\n")
    io.stdout:flush()
  end
  return env
end

--- Makes a session.
---@param ctx prov.Ctx
function M.new(ctx)
  local self = setmetatable({ ctx = ctx }, Session)
  self.env = globals(self)
  ctx.cancel.idle = true
  return self
end

--- Compiles a chunk: an expression when it is one, else statements.
---@param text string
---@return function? chunk
---@return string? message ends in <eof> when more lines may make sense of it
function Session:compile(text)
  local chunk, as_expression = load("return " .. text, "=repl", "t", self.env)
  if chunk then
    return chunk
  end
  local message
  chunk, message = load(text, "=repl", "t", self.env)
  if not chunk and as_expression:match("<eof>['\"]?$") then
    message = as_expression
  end
  return chunk, message
end

local function literal(value)
  if type(value) == "string" then
    return value:find("\n") and value or ("%q"):format(value)
  end
  return render.scalar(value)
end

--- Prints a value: that of an operation as on the shell, a table as key: value.
function Session:print(value)
  local op = type(value) == "table" and shown_as[value]
  local text
  if op and op.view then
    text = require("prov.face.cli.view." .. op.view).render(value, self.ctx.term_out, self.ctx)
  elseif type(value) == "table" then
    text = next(value) == nil and not op and "{}" or render.value(value, op and op.result or nil, self.ctx.term_out)
  else
    text = literal(value)
  end
  io.stdout:write((text:gsub("\n*$", "\n")))
  io.stdout:flush()
end

local function command_line(self, text)
  local words = {}
  for word in text:sub(2):gmatch("%S+") do
    words[#words + 1] = word
  end
  local command, e = require("prov.face.cli.dispatch").parse(words, {})
  if not command then
    return nil, e
  elseif command.help then
    io.stdout:write((select(2, require("prov.face.cli.help").main(command.help))))
    return true
  elseif command.name == "repl" then
    return err.fail("usage", "this is the REPL already")
  end
  local value
  value, e = command.op.run(self.ctx, command.params)
  if value ~= nil then
    require("prov.face.cli.show").value(self.ctx, command.op, value)
  end
  return e == nil or nil, e
end

--- Runs a chunk or `:command`, as a task of its own so that Ctrl-C ends only it.
---@async
---@param text string
---@return boolean ok
function Session:run(text)
  if self.ctx.interactive then
    async.sleep(1) -- a Ctrl-C from before this line comes out of the loop now, while idle
  end
  self.ctx.cancel.idle = nil
  local task = async.spawn(function()
    if text:sub(1, 1) == ":" then
      local ok, e = command_line(self, text)
      return ok and { n = 0 }, e
    end
    local chunk, message = self:compile(text)
    if not chunk then
      return err.fail("invalid", "%s", (message:gsub("^repl:", "line ")))
    end
    return table.pack(chunk())
  end)
  self.ctx.cancel.task = task
  local results, e = task:join()
  local cancel = self.ctx.cancel
  cancel.task, cancel.stop, cancel.kill, cancel.requested, cancel.killed = nil, nil, nil, nil, nil
  cancel.idle = true
  self.ctx.ui.close()
  if not results then
    if e.code == "bug" then -- most likely of the person who types
      e = err.new("invalid", (e.msg:match("^[^\n]*")))
    end
    io.stderr:write(report.text(e, self.ctx.term_err))
    return false
  end
  for i = 1, results.n do
    if results[i] ~= nil or results.n > 1 then
      self:print(results[i])
    end
  end
  if results[1] ~= nil then
    self.env._ = results[1]
  end
  return true
end

return M
