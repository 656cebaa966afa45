--- `prov console`: expressions of the infra language, one on a command line or line by line.

local async = require("prov.async")
local complete = require("prov.face.repl.complete")
local console_of = require("prov.infra.console")
local functions = require("prov.expr.functions")
local input_of = require("prov.face.repl.input")
local plain = require("prov.plan.file").plain
local project_of = require("prov.project")
local report = require("prov.face.cli.report")
local session_of = require("prov.face.repl.session")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local value = require("prov.value")

local M = {}

-- The value as text: texts in quotes, so that "1" is no 1; lists and maps as JSON.
local function shown(v)
  if value.is_marked(v) and not value.is_time(v) then
    return plain(v)
  end
  return (assert(require("prov.json").encode(plain(v), { pretty = true })):gsub("\n*$", ""))
end

-- The help of a function, or the list of all.
local function help(name)
  local list = {}
  if name == "" then
    for _, one in ipairs(functions.names()) do
      list[#list + 1] = ("%-28s %s"):format(one .. "(" .. functions.LIST[one].takes .. ")", functions.LIST[one].doc)
    end
    return table.concat(list, "\n")
  end
  local one = functions.LIST[name]
  if not one then
    return nil, suggest.unknown("function", name, functions.names())
  end
  return ("%s(%s)\n  %s"):format(name, one.takes, one.doc)
end

local function tab(console, before)
  local typed, words = before:match("[%a_][%w_.-]*$") or "", {}
  for _, name in ipairs(console:names()) do
    if typed ~= "" and name:sub(1, #typed) == typed then
      words[#words + 1] = name
    end
  end
  return complete.choose(words, typed)
end

--- Prints the value of one expression.
---@async
---@param ctx prov.Ctx
---@param text string
---@return integer? exit_code, prov.Err?
local function once(ctx, text)
  local project <close>, e = project_of.open(ctx)
  if not project then
    return nil, e
  end
  local v
  v, e = console_of.open(project):value(text)
  if v == nil then
    return nil, e
  end
  if ctx.output == "json" or ctx.output == "yaml" then
    require("prov.face.cli.show").value(ctx, {}, plain(v))
  else
    io.stdout:write(type(v) == "string" and v or shown(v), "\n")
  end
  return 0
end

-- Answers a line; whether it was good.
local function answer(session, console, line)
  local text, e = session:attempt(function()
    if line:sub(1, 1) == "?" then
      return help(line:match("^%?%s*(.-)%s*$"))
    end
    local v, wrong = console:value(line)
    if v == nil then
      return nil, wrong
    end
    return shown(v)
  end)
  if text then
    io.stdout:write(text, "\n")
    io.stdout:flush()
    return true
  end
  io.stderr:write(report.text(e, session.ctx.term_err))
  return false
end

--- Runs the console until the end of input, or gives the value of one expression.
---@async
---@param ctx prov.Ctx
---@param text? string
---@return integer? exit_code
---@return prov.Err|prov.Err[]?
function M.run(ctx, text)
  if text then
    return once(ctx, text)
  end
  local project <close>, e = project_of.open(ctx)
  if not project then
    return nil, e
  end
  local console, session = console_of.open(project), session_of.new(ctx)
  local input <close>, why = input_of.open(ctx, {
    history = "console-history",
    complete = function(line, cursor)
      return tab(console, line:sub(1, cursor))
    end,
  })
  if not input then
    return nil, why
  end
  if ctx.interactive and settings.repl.banner then
    io.stdout:write(("%s: expressions of its infra; ? lists functions, Ctrl-D leaves.\n")
      :format(tostring(project.workspace.name)))
  end
  local failed = false
  while true do
    local line
    line, e = input:read(settings.repl.console_prompt)
    if line and line:match("%S") and line:match("^%s*exit%s*$") == nil then
      input:remember(line)
      if ctx.interactive then
        async.sleep(1) -- a Ctrl-C from before this line comes out of the loop now, while idle
      end
      failed = not answer(session, console, line:match("^%s*(.-)%s*$"))
    elseif line and line:match("%S") or not line and e.code == "closed" then
      break
    elseif not line and e.code ~= "canceled" then
      return nil, e
    end
  end
  return failed and not ctx.interactive and 1 or 0
end

return M
