--- Settings of what people see and type: each changes what it says it does.

local context = require("prov.face.cli.context")
local diff = require("prov.fmt.diff")
local fs = require("prov.fs")
local graph_text = require("prov.graph_text")
local input = require("prov.face.repl.input")
local log = require("prov.log")
local pretty = require("prov.face.repl.pretty")
local project = require("support.project")
local render = require("prov.render")
local settings = require("prov.settings")
local show = require("prov.face.cli.show")
local support = require("support.settings")
local tmp = require("support.tmp")
local uv = require("luv")

-- Flags of a command whose line has none.
local function flag(name)
  return function()
    local flags = {}
    local config = settings.current()
    require("prov.config").of(flags)._flags = config._flags
    context.new(flags)
    return { flags[name] }
  end
end

local ROWS = {
  { name = ("first-"):rep(8), note = ("second "):rep(8), created = "2026-01-02T03:04:05.678Z" },
}

local function table_at(columns)
  return function()
    return render.table(ROWS, { "name", "note" }, columns and { width = columns, paint = function(_, _, cell)
      return cell
    end })
  end
end

-- The prompts of a REPL that is given lines.
local function prompts(lines, run)
  local open, seen = input.open, {}
  input.open = function()
    return setmetatable({
      read = function(_, prompt)
        seen[#seen + 1] = prompt
        local line = table.remove(lines, 1)
        if line then
          return line
        end
        return require("prov.err").fail("closed", "end of input")
      end,
      remember = function() end,
    }, { __close = function() end })
  end
  local ctx = project.ctx({ ["infra.yaml"] = "items: {}\n" })
  ctx.workspace, ctx.interactive = ctx.need_workspace(), true
  ctx.term_err = require("prov.face.cli.term").open(2, false)
  ctx.term_out = ctx.term_err
  ctx.ui = setmetatable({ close = function() end }, { __index = ctx.ui })
  local ok, text = pcall(support.written, function()
    assert(run(ctx))
  end)
  input.open = open
  assert(ok, text)
  return { seen, text }
end

local function repl(...)
  local lines = { ... }
  return function()
    return prompts({ table.unpack(lines) }, require("prov.face.repl").run)
  end
end

local function console()
  return prompts({}, require("prov.face.repl.console").run)
end

local function texts(run)
  return function()
    return run()[2]
  end
end

local function all_prompts(run)
  return function()
    return run()[1]
  end
end

local function paged()
  local ctx = { output = "table", interactive = true, term_out = { tty = true, height = 2 } }
  return support.written(function()
    show.value(ctx, {}, "1\n2\n3\n")
  end)
end

local function edited()
  local dir = tmp.dir()
  local ctx = { interactive = true, ui = { info = function() end, warn = function() end, confirm = function() end } }
  ctx.config = require("prov.config").open({ workspace = dir, env = function() end })
  local before = os.getenv("EDITOR")
  uv.os_setenv("EDITOR", "true")
  local value = require("prov.config.ops").edit(ctx, {})
  uv.os_setenv("EDITOR", before or "")
  if not before then
    uv.os_unsetenv("EDITOR")
  end
  return { value ~= nil }
end

local function editor()
  local path = tmp.dir() .. "/editor"
  tmp.write(path, "#!/bin/sh\necho 'parallelism: 7' >> \"$1\"\n")
  return "sh " .. path
end

local function logged()
  local flags = {}
  require("prov.config").of(flags)._flags = settings.current()._flags
  context.new(flags)
  log.error("# a line of the log")
  log.configure("warn")
  local file = settings.log_file
  return { file and fs.read(file):match("a line of the log") or nil }
end

local function history()
  local before, size = package.loaded["core.edit"], nil
  package.loaded["core.edit"] = { open = function(opts)
    size = opts.size
    return {}
  end }
  input.open({ interactive = true, workspace = { state_dir = tmp.dir() } }, { history = "h" })
  package.loaded["core.edit"] = before
  return size
end

local DEEP = { { { 1, 2, 3 } } }

local STARTUP = tmp.dir() .. "/start.lua"
tmp.write(STARTUP, "answer = 42\n")

describe("the settings", function()
  local long = {}
  for i = 1, 9 do
    long[i] = "line " .. i .. "\n"
  end
  local old = table.concat(long)
  support.tests(it, {
    ["log_file"] = { tmp.dir() .. "/prov.log", logged },
    ["ui.quiet"] = { true, flag("quiet") },
    ["ui.verbose"] = { true, flag("verbose") },
    ["ui.progress"] = { false, flag("progress") },
    ["ui.pager"] = { "cat >/dev/null", paged },
    ["ui.editor"] = { editor(), edited },
    ["ui.width"] = { 30, table_at() },
    ["ui.narrowest"] = { 4, table_at(12) },
    ["ui.first_column"] = { 10, table_at(40) },
    ["ui.times"] = { "age", function()
      return render.table(ROWS, { "created" })
    end },
    ["ui.diff_context"] = { 0, function()
      return diff.unified(old, (old:gsub("line 5", "line five")), "x")
    end },
    ["ui.graph_name"] = { 8, function()
      return graph_text.render({ { address = "server." .. ("x"):rep(30), needs = {} } }, "svg")
    end },
    ["repl.prompt"] = { "# >", all_prompts(repl("1")) },
    ["repl.more"] = { "# ..", all_prompts(repl("function f()", "end")) },
    ["repl.console_prompt"] = { "# c>", all_prompts(console) },
    ["repl.banner"] = { false, texts(repl()) },
    ["repl.startup"] = { STARTUP, texts(repl("answer")) },
    ["repl.history"] = { 5, history },
    ["repl.depth"] = { 1, function()
      return pretty.text(DEEP)
    end },
    ["repl.items"] = { 2, function()
      return pretty.text({ 1, 2, 3 })
    end },
  })

  it("show times in the zone of the machine", function()
    local text = support.with({ ["ui.times"] = "local" }, render.table, ROWS, { "created" })
    assert.matches("2026%-01%-0%d %d%d:04:05", text)
    assert.matches("2026-01-02T03:04:05Z", render.table(ROWS, { "created" }), 1, true)
  end)
end)
