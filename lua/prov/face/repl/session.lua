--- What the lines of a REPL see and do: its globals, operations as functions, printing.

local async = require("prov.async")
local commands = require("prov.face.repl.commands")
local err = require("prov.err")
local infra_view = require("prov.face.repl.infra_view")
local interrupt = require("prov.face.cli.interrupt")
local ops = require("prov.ops")
local params_of = require("prov.params")
local pretty = require("prov.face.repl.pretty")
local render = require("prov.render")
local report = require("prov.face.cli.report")

local M = {}

---@class prov.ReplSession
---@field ctx prov.Ctx
---@field env table globals of the lines
---@field kept string[] lines that worked, in order
---@field ended boolean?
local Session = {}
Session.__index = Session

--- The value of an operation remembers how it is shown.
local shown_as = setmetatable({}, { __mode = "k" })

--- Runs an operation, unless it would change something while the infra has changes in no file.
---@async
function Session:perform(op, params)
  local workspace = self.ctx.workspace
  local pending = workspace and workspace.what_if and #workspace.what_if.edits or 0
  if pending > 0 and op.permission and op.permission.action ~= "read" then
    return nil, err.new("conflict", ("the infra has %d change%s in no file; '%s' does not run with that")
      :format(pending, pending == 1 and "" or "s", op.name), {
      hint = ":changes lists them, :write puts them into the files, :revert drops them",
    })
  end
  return op.run(self.ctx, params)
end

--- Calls an operation: f{ name = ... }, or f(positional, ...).
local function call(self, name, ...)
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
    value, e = self:perform(op, params)
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

--- Operations by group and verb. Names with dashes are written with underscores; a name that is a group too
--- is a table that can be called.
local function operations(self)
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
    local function run(...)
      return call(self, name, ...)
    end
    self.names[run] = ("<operation %s; ?%s tells more>"):format(name, name)
    self.ops[run] = name
    local last = words[#words]
    if ops.names(name)[1] then
      at[last] = setmetatable(at[last] or {}, { __call = function(_, ...)
        return run(...)
      end })
    else
      at[last] = run
    end
  end
  return root
end

local HELP = [[
plan(), server.list{}  every operation is a function: parameters in a table, or
                       the positional ones in order
:<command line>        the same as on the shell: :server list -o wide
?name                  help for an operation, group, provider, taskserv,
                       setting or field (server.memory)
infra                  what is declared; infra.servers.web.count = 3 changes
                       it in no file, and plan() shows what that would do
ws                     the workspace, when there is one
_                      the last value
json(v), yaml(v)       a value as text
quit()                 leaves, as Ctrl-D does
]]

local function help_text()
  local out, names = { HELP }, {}
  for name in pairs(commands.OWN) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    out[#out + 1] = ("%-22s %s\n"):format(commands.OWN[name].usage, commands.OWN[name].doc)
  end
  return table.concat(out)
end

--- The help of one of the REPL's own commands: ":time".
function Session.own_help(text)
  local own = commands.OWN[text:match("^:(%w+)$") or ""]
  return own and ("%-22s %s\n"):format(own.usage, own.doc) or nil
end

local lazy = {}

function lazy.ws(ctx)
  return ctx.workspace
end

function lazy.infra(ctx)
  local workspace, e = ctx:need_workspace()
  if not workspace then
    error(e, 0)
  end
  return infra_view.new(workspace)
end

local function globals(self)
  local ctx = self.ctx
  local root = operations(self)
  local env = setmetatable({ prov = root }, {
    __index = function(_, name)
      if lazy[name] then
        return lazy[name](ctx)
      elseif root[name] ~= nil then
        return root[name]
      end
      return _G[name]
    end,
  })
  self.root = root
  function env.help(name)
    return name and assert(require("prov.face.repl.help").about(self, name)) or help_text()
  end
  function env.json(value)
    return assert(require("prov.json").encode(infra_view.path(value) and infra_view.value(value) or value,
      { pretty = true, sorted = true }))
  end
  function env.yaml(value)
    return assert(require("prov.yaml").encode(infra_view.path(value) and infra_view.value(value) or value))
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
---@return prov.ReplSession
function M.new(ctx)
  local self = setmetatable({ ctx = ctx, names = {}, ops = {}, kept = {} }, Session)
  self.env = globals(self)
  ctx.cancel.idle = true
  return self
end

--- Names a person can type at the beginning: operations, groups, what the REPL adds.
function Session:global_names()
  local names = { "ws", "infra" }
  for name in pairs(self.root) do
    names[#names + 1] = name
  end
  return names
end

--- Compiles a chunk: an expression when it is one, else statements.
---@param text string
---@param name? string of the chunk in messages
---@return function? chunk
---@return string? message ends in <eof> when more lines may make sense of it
function Session:compile(text, name)
  name = name or "=repl"
  local chunk, as_expression = load("return " .. text, name, "t", self.env)
  if chunk then
    return chunk
  end
  local message
  chunk, message = load(text, name, "t", self.env)
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

--- Prints a value: that of an operation as on the shell, others as Lua writes them.
function Session:print(value)
  local op = type(value) == "table" and shown_as[value]
  local term = self.ctx.term_out
  local text
  if op and op.view then
    text = require("prov.face.cli.view." .. op.view).render(value, term, self.ctx)
  elseif op then
    text = render.value(value, op.result, term)
  elseif infra_view.path(value) then
    text = pretty.text(infra_view.value(value), { width = term.width })
  elseif type(value) == "table" or type(value) == "function" then
    text = pretty.text(value, { width = term.width, names = self.names })
  else
    text = literal(value)
  end
  io.stdout:write((text:gsub("\n*$", "\n")))
  io.stdout:flush()
end

--- Prints a value in the form asked for with -o.
function Session:show(value)
  local ctx = self.ctx
  local op = type(value) == "table" and shown_as[value]
  if infra_view.path(value) then
    value = infra_view.value(value)
  end
  if op then
    require("prov.face.cli.show").value(ctx, op, value)
  elseif ctx.output == "table" or ctx.output == "wide" or ctx.output == "name" then
    self:print(value)
  else
    require("prov.face.cli.show").value(ctx, {}, value)
  end
end

--- Runs a line: Lua, `:command` or `?name`.
---@async
---@param text string
---@param traced? boolean errors say where they come from
---@return table? results as of table.pack; `said`: text that is printed as it is
---@return prov.Err?
function Session:evaluate(text, traced)
  local first = text:sub(1, 1)
  if first == ":" then
    return commands.run(self, text:sub(2))
  elseif first == "?" then
    local found, e = require("prov.face.repl.help").about(self, text:sub(2))
    return found and { n = 1, found, said = true }, e
  end
  local chunk, message = self:compile(text)
  if not chunk then
    return err.fail("invalid", "%s", (message:gsub("^repl:", "line ")))
  elseif not traced then
    return table.pack(chunk())
  end
  local results = table.pack(xpcall(chunk, function(raised)
    io.stderr:write(debug.traceback(tostring(raised), 2), "\n")
    return raised
  end))
  if not results[1] then
    error(results[2], 0)
  end
  return table.pack(table.unpack(results, 2, results.n))
end

--- A mistake of the person who types is no bug of prov.
local function of_person(e)
  return e.code == "bug" and err.new("invalid", (e.msg:match("^[^\n]*"))) or e
end

--- Calls fn in a task of its own, so that Ctrl-C ends only it.
---@async
---@param fn async fun(): any
---@return any, prov.Err?
function Session:attempt(fn)
  local cancel = self.ctx.cancel
  cancel.idle = nil
  local task = async.spawn(function()
    interrupt.guard()
    return fn()
  end)
  cancel.task = task
  local results, e = task:join()
  cancel.task, cancel.stop, cancel.kill, cancel.requested, cancel.killed = nil, nil, nil, nil, nil
  cancel.idle = true
  self.ctx.ui.close()
  return results, e and of_person(err.is(e) and e or e[1])
end

--- Runs a line and prints what comes of it.
---@async
---@param text string
---@return boolean ok
function Session:run(text)
  if self.ctx.interactive then
    async.sleep(1) -- a Ctrl-C from before this line comes out of the loop now, while idle
  end
  local results, e = self:attempt(function()
    return self:evaluate(text)
  end)
  if not results then
    io.stderr:write(report.text(e, self.ctx.term_err))
    return false
  end
  for i = 1, results.n do
    if results.said then
      io.stdout:write((results[i]:gsub("\n*$", "\n")))
      io.stdout:flush()
    elseif results[i] ~= nil or results.n > 1 then
      self:print(results[i])
    end
  end
  if results[1] ~= nil and not results.said then
    self.env._ = results[1]
  end
  if not text:match("^[:?]") then
    self.kept[#self.kept + 1] = text
  end
  return true
end

--- Runs a file in a session; `args` are what it finds in `arg`.
---@async
---@param path string
---@param args string[]
---@return true?, prov.Err?
function Session:run_file(path, args)
  local text, e = require("prov.fs").read(path)
  if not text then
    return nil, e
  end
  self.env.arg = { [0] = path, table.unpack(args) }
  local chunk, message = load((text:gsub("^#[^\n]*", "")), "@" .. path, "t", self.env)
  if not chunk then
    local line, msg = message:match(":(%d+): (.*)$")
    return nil, err.new("invalid", msg or message, { file = path, line = math.tointeger(tonumber(line)) })
  end
  local ok
  ok, e = self:attempt(function()
    chunk(table.unpack(args))
    return true
  end)
  return ok, e
end

--- The value of an expression.
---@async
---@param text string
---@return any value, prov.Err?
function Session:value(text)
  local results, e = self:attempt(function()
    return self:evaluate(text)
  end)
  if not results then
    return nil, e
  end
  return results
end

return M
