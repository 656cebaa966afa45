--- A worker: runs the operations the orchestrator sends, each in a task, and tells what happens.
--
-- When the orchestrator dies, jobs that run are brought to their end all the same; what became of them
-- waits in a folder for the next orchestrator, and so does what the orchestrator may not have heard.

local async = require("prov.async")
local clock = require("prov.clock")
local context = require("prov.context")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local log = require("prov.log")
local ops = require("prov.ops")
local remote_ui = require("prov.orchestrator.remote_ui")
local settings = require("prov.settings")
local uv = require("luv")
local wire = require("prov.orchestrator.wire")

local M = {}

--- A pipe to the orchestrator is this file descriptor.
M.FD = 3

local NOTE_AGAIN_MS = 1000 -- from an outcome that could not be written to the next attempt

---@class prov.Worker
local Worker = {}
Worker.__index = Worker

--- Files that came with a call are written to a folder, and paths to fill are given there.
local function place_files(call, op, params)
  local folder
  local given = {} -- parameter -> what its caller wrote
  for name, spec in pairs(op.params or {}) do
    local sent = spec.file == "out" or (call.files or {})[name]
    if spec.file and params[name] ~= nil and sent and call.carries_files then
      if not folder then
        local e
        folder, e = fs.tempdir("prov-call")
        if not folder then
          return nil, e
        end
      end
      local path = folder .. "/" .. name
      if spec.file == "in" then
        local ok, e = fs.write_atomic(path, call.files[name], { mode = 384, sync = false })
        if not ok then
          return nil, e
        end
      end
      given[name], params[name] = params[name], path
    end
  end
  return setmetatable({ folder = folder, given = given }, {
    __close = function()
      if folder then
        fs.remove(folder, { recursive = true })
      end
    end,
  })
end

--- What the operation wrote into paths of its caller.
local function written_files(op, params, placed)
  local files
  for name, spec in pairs(placed.folder and op.params or {}) do
    if spec.file == "out" and type(params[name]) == "string" then
      local bytes = fs.read(params[name])
      if bytes then
        files = files or {}
        files[name] = bytes
      end
    end
  end
  return files
end

--- An outcome that fits, or the error that it does not.
---@param done { result: string?, code: integer, files: table<string, string>? }
---@return table?, prov.Err?
function M.fitting(done)
  local size = #(done.result or "")
  for _, bytes in pairs(done.files or {}) do
    size = size + #bytes
  end
  if size > settings.orchestrator.result_size then
    return err.fail("limit", "it was done, but what came out of it has %d bytes; %d are kept", size,
      settings.orchestrator.result_size)
  end
  return done
end

--- Runs the operation: { result?, code, files? }, or nil and its error.
---@async
local function perform(call, ctx)
  local op = ops.load(call.op)
  if not op then
    return err.fail("notfound", "no operation '%s'", call.op)
  end
  local placed <close>, e = place_files(call, op, call.params)
  if not placed then
    return nil, e
  end
  local value
  value, e = op.run(ctx, call.params)
  if value == nil and e ~= nil then
    return nil, e
  end
  for name, path in pairs(placed.given) do -- its caller knows the file by another name
    for key, item in pairs(type(value) == "table" and value or {}) do
      value[key] = item == call.params[name] and path or item
    end
  end
  local text
  if value ~= nil then
    text, e = json.encode_said(value)
    if not text then
      return nil, e
    end
  end
  return M.fitting({
    result = text,
    code = op.exit_code and value ~= nil and op.exit_code(value) or 0,
    files = written_files(op, call.params, placed),
  })
end

--- Begins a call; its end is told by a message.
function Worker:start(call)
  local flags = call.flags or {}
  local slot = { job = call.t == "job" }
  self.running[call.id], self.count = slot, self.count + 1
  slot.ui = remote_ui.new(flags, function(event)
    self:tell({ t = "event", id = call.id, event = event })
  end, call.interactive)
  slot.task = async.spawn(function()
    local ctx <close> = context.new(flags, {
      ui = slot.ui,
      output = flags.output or "json",
      interactive = call.interactive,
      job = slot.job and call.id or nil,
    })
    ctx:settle()
    slot.cancel = ctx.cancel
    return perform(call, ctx)
  end)
  async.spawn(function()
    local done, e = slot.task:join()
    if not done then
      e = e or err.new("bug", call.op .. " gives no value")
      done = { error = json.encode_said(err.data(e)), code = err.exit_code(e), why = err.list(e)[1].code }
    end
    slot.ui.close()
    self:finish(call, done)
  end)
end

--- Writes down what became of a job, however long it takes until the disk has room; not when the whole folder
--- is gone, for nobody will look there.
---@async
local function note(dir, done)
  local ok, e = M.write_outcome(dir, done)
  while not ok and fs.exists(dir .. "/outcomes") do
    log.error("the end of a job cannot be written down", { job = done.id, error = tostring(e) })
    async.sleep(NOTE_AGAIN_MS)
    ok, e = M.write_outcome(dir, done)
  end
end

--- Tells the end of a call, or writes it down when there is nobody to tell.
function Worker:finish(call, done)
  local slot = self.running[call.id]
  self.running[call.id] = nil
  done.t, done.id = "end", call.id
  done.began = call.began
  if not self.orphan then
    self.untold[call.id] = slot.job and done or nil -- until the orchestrator has written it down
    self.wire:send(done)
  elseif slot.job then
    note(self.data, done)
  end
  self:less()
end

--- Ends the process when nothing is left to do: what an orchestrator has heard, but not written down, would be
--- lost with both.
function Worker:end_if_idle()
  if self.count == 0 and (self.orphan or self.retiring and next(self.untold) == nil) then
    self.ended:put(true)
  end
end

--- One thing less is to be done before this process may end: a call, outcomes that are being written.
function Worker:less()
  self.count = self.count - 1
  self:end_if_idle()
end

--- Where what became of a job waits for the next orchestrator.
---@param dir string data folder of the orchestrator
---@param id string
---@return string
function M.outcome_path(dir, id)
  return dir .. "/outcomes/" .. id
end

--- What a worker leaves that ended in order after the orchestrator had died: of the jobs that were meant for it,
-- those without an outcome never reached it.
---@param dir string data folder of the orchestrator
---@param identity string of the worker
---@return string
function M.farewell_path(dir, identity)
  return dir .. "/outcomes/" .. identity:match("pid (%d+/%w+)"):gsub("/", "-")
end

--- Writes down what became of a job; durable when it returns.
---@async
---@param dir string
---@param done table
---@return true?, prov.Err?
function M.write_outcome(dir, done)
  return fs.write_atomic(M.outcome_path(dir, done.id), require("core.data").encode(done), { mode = 384 })
end

--- Tells the orchestrator something about a call.
function Worker:tell(message)
  if not self.orphan then
    self.wire:send(message)
  end
end

local on = {}

function on.job(self, call)
  self:start(call)
end

on.call = on.job

--- Interrupts a call as Ctrl-C does: once for no new steps, `now` for the running ones too.
function on.cancel(self, message)
  local slot = self.running[message.id]
  if not slot then
    return
  end
  local cancel = slot.cancel or {}
  cancel.requested = true
  cancel.killed = cancel.killed or message.now
  if not cancel.stop then
    (cancel.task or slot.task):cancel()
    return
  end
  if message.now and cancel.kill then
    cancel.kill()
  end
  cancel.stop()
end

function on.answer(self, message)
  local slot = self.running[message.id]
  if slot and slot.ui then
    slot.ui.answered(message.yes)
  end
end

--- The orchestrator has written down the ends of jobs.
function on.noted(self, message)
  for _, id in ipairs(message.ids) do
    self.untold[id] = nil
  end
  self:end_if_idle()
end

function on.ping(self)
  self.wire:send({ t = "pong" })
end

--- No more calls come: the worker ends when those it has are done.
function on.retire(self)
  self.retiring = true
  self:end_if_idle()
end

--- Calls fn at each signal of a kind until the value is closed.
local function signal(name, fn)
  local handle = uv.new_signal()
  handle:start(name, fn)
  return setmetatable({}, {
    __close = function()
      handle:close()
    end,
  })
end

--- Takes back the pipe and works until the orchestrator has no more use for this process.
---@async
---@param dir string data folder of the orchestrator
---@return true?, prov.Err?
function M.serve(dir)
  local _ <close> = signal("sigint", require("prov.engine.locks").heed_cancel) -- `prov run cancel` sends it
  local pipe = uv.new_pipe(false)
  local ok, e = pipe:open(M.FD)
  if not ok then
    return nil, err.uv(e, "a worker is started by the orchestrator")
  end
  local self = setmetatable({ running = {}, count = 0, untold = {}, data = dir, ended = async.queue() }, Worker)
  local messages = async.queue()
  self.wire = wire.new(pipe, function(message)
    messages:put(message)
  end, function()
    messages:put({ t = "gone" })
  end)
  function on.gone()
    self.orphan, self.count = true, self.count + 1
    for _, slot in pairs(self.running) do
      if slot.job then
        slot.ui.left_alone()
      else
        slot.task:cancel()
      end
    end
    for _, done in pairs(self.untold) do -- told, but perhaps not heard; nothing is added any more
      note(dir, done)
    end
    self:less()
  end
  async.spawn(function()
    while true do
      local message = messages:take()
      on[message.t](self, message)
    end
  end)
  self.wire:send({ t = "hello", identity = clock.identity() })
  self.ended:take()
  if self.orphan then
    fs.write_atomic(M.farewell_path(dir, clock.identity()), "", { mode = 384 })
  end
  self.wire:finish()
  return true
end

return M
