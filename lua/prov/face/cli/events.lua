--- prov.Ui and prov.Progress (lua/meta/ui.lua) for programs: every line on stderr is one event as JSON.
-- The format is described in docs/guides/output.md; VERSION grows when a field changes its meaning.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")

local M = {}

local VERSION = 1

--- A time as RFC 3339, in UTC and to the millisecond.
---@param ms integer since 1970
---@return string
function M.time(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

--- Writes one event.
---@param kind string
---@param fields table
function M.write(kind, fields)
  fields.v, fields.time, fields.type = VERSION, M.time(clock.wall()), kind
  io.stderr:write(json.encode(fields), "\n")
end

--- Writes the errors a command ended with.
---@param e prov.Err|prov.Err[]
function M.fail(e)
  M.write("error", { errors = data.list(require("prov.face.cli.report").data(e).errors) })
end

---@class prov.EventProgress: prov.Progress
local Progress = {}
Progress.__index = Progress

local function of_step(address, action, fields)
  fields.step, fields.address, fields.action = action .. " " .. address, address, action
  return fields
end

function Progress:start(address, action)
  self.began[action .. " " .. address] = clock.monotonic()
  M.write("start", of_step(address, action, {}))
end

function Progress:event(address, action, event)
  M.write("event", of_step(address, action, { title = event.title }))
end

function Progress:wait(address, action, wait)
  M.write("wait", of_step(address, action, { ms = wait.ms, reason = wait.reason }))
end

--- Milliseconds since the step began; it has ended.
local function took(self, address, action, ms)
  local id = action .. " " .. address
  local began = self.began[id]
  self.began[id] = nil
  return ms or began and math.floor(clock.monotonic() - began)
end

function Progress:done(address, action, done)
  self.done_count = self.done_count + 1
  M.write("done", of_step(address, action, { ms = took(self, address, action, done.ms) }))
end

function Progress:fail(address, action, problem)
  self.failed_count = self.failed_count + 1
  M.write("fail", of_step(address, action, {
    ms = took(self, address, action, problem.ms),
    code = problem.code,
    msg = problem.msg,
    hint = problem.hint,
  }))
end

function Progress:skip(address, action)
  self.skipped_count = self.skipped_count + 1
  M.write("skip", of_step(address, action, {}))
end

function Progress:estimate(ms)
  M.write("estimate", { run = self.work.run, ms = ms })
end

function Progress:close(outcome)
  if self.closed then
    return
  end
  self.closed = true
  M.write("end", {
    run = self.work.run,
    what = self.work.what,
    status = outcome and outcome.status or self.failed_count > 0 and "failed" or "done",
    steps = self.work.total,
    done = self.done_count,
    failed = self.failed_count,
    skipped = self.skipped_count,
    ms = math.floor(clock.monotonic() - self.at),
  })
end

local function progress(work)
  M.write("begin", { run = work.run, what = work.what, steps = work.total })
  return setmetatable({
    work = work,
    at = clock.monotonic(),
    began = {}, -- step id -> when
    done_count = 0,
    failed_count = 0,
    skipped_count = 0,
  }, Progress)
end

--- Makes the ui of a command.
---@param ctx { flags: table, output: string }
---@return prov.Ui
function M.ui(ctx)
  local flags = ctx.flags
  local ui, now = {}, nil

  local function note(level)
    return function(fmt, ...)
      M.write(level, { msg = select("#", ...) > 0 and fmt:format(...) or fmt })
    end
  end

  local function nothing() end

  ui.info = flags.quiet and nothing or note("info")
  ui.warn = note("warn")
  ui.debug = flags.verbose and note("debug") or nothing

  function ui.confirm(question, otherwise)
    if flags.yes then
      return true
    end
    return err.fail("usage", "with --events json nobody answers: %s Add --yes%s", question,
      otherwise and ", or " .. otherwise or "")
  end

  function ui.show(view, value)
    M.write("show", { view = view, value = value })
  end

  function ui.progress(work)
    now = progress(work)
    return now
  end

  function ui.close()
    if now then
      now:close({ status = "failed" }) -- unless it is closed already
    end
  end

  return ui
end

return M
