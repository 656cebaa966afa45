--- Runs one operation for the command line: parse, call, render, exit code.

local args = require("prov.face.cli.args")
local err = require("prov.err")
local ops = require("prov.ops")
local params_of = require("prov.params")
local report = require("prov.face.cli.report")

local M = {}

--- Prints errors on stderr in the form asked for; returns the exit code.
local function fail(e, global, term)
  local text
  if global.events == "json" then
    require("prov.face.cli.events").fail(e)
    return err.exit_code(e)
  elseif global.output == "json" then
    text = require("prov.json").encode(err.data(e), { sorted = true }) .. "\n"
  else
    text = report.text(e, term, global.verbose)
  end
  io.stderr:write(text)
  return err.exit_code(e)
end

local function find(words)
  local plain = {}
  for i, word in ipairs(words) do
    if word:sub(1, 1) == "-" then
      break
    end
    plain[i] = word
  end
  local name, used = ops.find(plain)
  if not name then
    return nil, plain
  end
  return name, table.move(words, used + 1, #words, 1, {})
end

--- Parses a command line down to the operation and its parameters.
-- A table with only `help` in it asks for that help screen.
---@param words string[]
---@param global table filled
---@return { name: string?, op: table?, params: table?, help: string[]? }? command
---@return prov.Err? err
function M.parse(words, global)
  local rest, e = args.leading(words, global)
  if not rest then
    return nil, e
  end
  if #rest == 0 or global.help then
    return { help = rest }
  end
  local name, more = find(rest)
  if not name then
    if #more == 1 and ops.names(more[1])[1] then
      local asked = rest[2] == "--help" or rest[2] == "-h"
      return { help = more, usage = not asked }
    end
    return nil, args.unknown_command(more)
  end
  if #more == 0 and ops.names(name)[1] then
    return { help = { name }, usage = true } -- a group that is an operation too
  end
  local op = ops.load(name)
  local params
  params, e = args.parse(op, more, global)
  if global.help then
    return { help = { name } }
  elseif not params then
    return nil, e
  end
  local config = require("prov.config").of(global)
  e = global.config and config:check_flags()
  if not e and config:mentions("flags") then
    e = select(2, config:fill_flags(op, params))
  end
  if e then
    return nil, e
  end
  params, e = params_of.complete(op, params)
  if not params then
    return nil, e
  end
  return { name = name, op = op, params = params }
end

--- Runs an operation here, or lets an orchestrator do it.
local function run(ctx, op, params)
  if op.where or ctx.flags.remote or ctx.config:get("remote") ~= "" then
    local remote, e = require("prov.face.cli.remote").of(ctx, op)
    if remote then
      return (op.where and remote.ask or remote.run)(remote, ctx, op, params)
    elseif e then
      return nil, e
    end
  end
  return op.run(ctx, params)
end

local function execute(command, global)
  local async = require("prov.async")
  local context = require("prov.face.cli.context")
  local interrupt = require("prov.face.cli.interrupt")
  local ctx = context.new(global)
  local value, e
  local signals
  local ok, raised = async.run(function()
    signals = interrupt.open(ctx)
    value, e = run(ctx, command.op, command.params)
    return true
  end)
  if signals then
    signals:close()
  end
  ctx.ui.close()
  async.settle()
  if not ok then
    value, e = nil, raised
  end
  if signals and signals.interrupted and value == nil then
    local first = err.list(e)[1]
    if e ~= nil and first.msg ~= "canceled" then
      fail(e, global, ctx.term_err)
    else
      fail(err.new("canceled", "interrupted"), global, ctx.term_err)
    end
    return 130
  end
  if value == nil and e ~= nil then
    return fail(e, global, ctx.term_err)
  end
  return require("prov.face.cli.show").value(ctx, command.op, value)
end

--- Runs a command line; returns the exit code.
---@param words string[]
---@return integer
function M.run(words)
  local global = {}
  local command, e = M.parse(words, global)
  local term = require("prov.face.cli.term")
  if not command then
    if (" " .. table.concat(words, " ") .. " "):find(" %-%-events[= ]json ") then
      global.events = "json" -- also when it stands behind what was wrong
    end
    return fail(e, global, term.open(2, global.color))
  end
  if command.help then
    local code, text = require("prov.face.cli.help").main(command.help)
    local good = code == 0 and not command.usage
    local columns = term.open(good and 1 or 2).width
    local out = good and io.stdout or io.stderr
    out:write(columns and require("prov.face.cli.help").fit(text, columns) or text)
    return command.usage and 2 or code
  end
  return execute(command, global)
end

return M
