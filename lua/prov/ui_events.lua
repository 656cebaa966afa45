--- prov.Ui as events: every call becomes plain data, which is written as lines of JSON or sent to another
-- process, and played there with the same calls. The format is described in docs/guides/output.md; VERSION
-- grows when a field changes its meaning.

local clock = require("prov.clock")

local M = {}

M.VERSION = 1

--- A time as RFC 3339, in UTC and to the millisecond.
---@param ms integer since 1970
---@return string
function M.time(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
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
  self.write("start", of_step(address, action, {}))
end

function Progress:event(address, action, event)
  self.write("event", of_step(address, action, { title = event.title }))
end

function Progress:wait(address, action, wait)
  self.write("wait", of_step(address, action, { ms = wait.ms, reason = wait.reason }))
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
  self.write("done", of_step(address, action, { ms = took(self, address, action, done.ms) }))
end

function Progress:fail(address, action, problem)
  self.failed_count = self.failed_count + 1
  self.write("fail", of_step(address, action, {
    ms = took(self, address, action, problem.ms),
    code = problem.code,
    msg = problem.msg,
    hint = problem.hint,
  }))
end

function Progress:skip(address, action, why)
  self.skipped_count = self.skipped_count + 1
  self.write("skip", of_step(address, action, { reason = why and why.reason }))
end

function Progress:estimate(ms)
  self.write("estimate", { run = self.work.run, ms = ms })
end

function Progress:close(outcome)
  if self.closed then
    return
  end
  self.closed = true
  self.write("end", {
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

local function progress(work, write)
  write("begin", { run = work.run, what = work.what, steps = work.total })
  return setmetatable({
    work = work,
    write = write,
    at = clock.monotonic(),
    began = {}, -- step id -> when
    done_count = 0,
    failed_count = 0,
    skipped_count = 0,
  }, Progress)
end

--- Makes a ui whose words become events.
---@param flags table quiet, verbose, yes
---@param write fun(kind: string, fields: table) takes an event
---@param ask fun(question: string, otherwise: string?): true?, prov.Err? when not all answers are yes
---@return prov.Ui
function M.ui(flags, write, ask)
  local ui, now = {}, nil

  local function note(level)
    return function(fmt, ...)
      write(level, { msg = select("#", ...) > 0 and fmt:format(...) or fmt })
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
    return ask(question, otherwise)
  end

  function ui.show(view, value)
    write("show", { view = view, value = value })
  end

  function ui.progress(work)
    now = progress(work, write)
    return now
  end

  function ui.close()
    if now then
      now:close({ status = "failed" }) -- unless it is closed already
    end
  end

  return ui
end

--- Plays an event on another ui.
---@param ui prov.Ui
---@param kind string
---@param fields table
---@param state table starts empty; what the events before have left
function M.play(ui, kind, fields, state)
  if kind == "info" or kind == "warn" or kind == "debug" then
    ui[kind]("%s", fields.msg)
  elseif kind == "show" then
    ui.show(fields.view, fields.value)
  elseif kind == "begin" then
    state.progress = ui.progress({ total = fields.steps, run = fields.run, what = fields.what })
  elseif kind == "end" then
    state.progress:close({ status = fields.status })
  elseif kind == "estimate" then
    state.progress:estimate(fields.ms)
  elseif state.progress and fields.address then
    state.progress[kind](state.progress, fields.address, fields.action, fields)
  end
end

return M
