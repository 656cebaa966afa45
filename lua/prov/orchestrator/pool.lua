--- The worker processes: started, watched, replaced.

local app = require("core.app")
local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local log = require("prov.log")
local settings = require("prov.settings")
local uv = require("luv")
local wire = require("prov.orchestrator.wire")

local M = {}

local LAST_WORDS_MS = 500 -- for which what a dead worker has said is still listened to

---@class prov.Pool
---@field on_message fun(worker: table, message: table)
---@field on_gone fun(worker: table, why: string) a worker has ended; what it ran has no outcome
---@field on_ready fun() a worker can take work
local Pool = {}
Pool.__index = Pool

local function close(handle)
  if handle and not handle:is_closing() then
    handle:close()
  end
end

local function why_ended(worker, code, signal)
  if worker.killed then
    return worker.killed
  elseif signal ~= 0 then
    return ("the worker was killed by signal %d"):format(signal)
  end
  return ("the worker ended with code %d"):format(code)
end

local function first_pause()
  return settings.ms(settings.orchestrator.worker_pause)
end

local function longer(pause)
  return math.min(pause * 2, settings.ms(settings.orchestrator.longest_worker_pause))
end

local start

--- Starts the workers that are missing, after a pause; again and again while they cannot be started.
local function refill(self)
  self.starter:start(self.pause, 0, function()
    local ok, e = self:fill()
    if not ok then
      log.error("a worker is missing", { error = tostring(e) })
      self.pause = longer(self.pause)
      refill(self)
    end
  end)
end

local function ended(self, worker, code, signal)
  worker.dead = true
  worker.last.close()
  close(worker.handle)
  worker.wire:stop()
  self.workers[worker.pid] = nil
  local why = why_ended(worker, code, signal)
  if not (worker.retiring and code == 0) and not self.closed then
    log.warn("a worker has ended", { pid = worker.pid, why = why })
  end
  self.on_gone(worker, why)
  if self.closed or worker.retiring then
    return
  end
  -- What ends before it is ready ends so again; what a job took with it does not.
  self.pause = worker.identity and first_pause() or longer(self.pause)
  refill(self)
end

function start(self)
  local pipe = uv.new_pipe(false)
  local worker = { load = 0, workspaces = {}, heard = clock.monotonic() }
  local handle, pid = uv.spawn(app.exe, {
    args = { "worker", "--data", self.data },
    stdio = { nil, 2, 2, pipe },
    detached = true, -- signals of a terminal are for the orchestrator
  }, function(code, signal)
    worker.ready = false
    function worker.gone()
      worker.gone = nil
      ended(self, worker, code, signal)
    end
    worker.last = clock.after(LAST_WORDS_MS, worker.gone) -- a child of its may keep the pipe open
    if worker.wire.over then
      worker.gone()
    end
  end)
  if not handle then
    pipe:close()
    return nil, err.uv(pid, "cannot start a worker")
  end
  worker.handle, worker.pid = handle, pid
  worker.wire = wire.new(pipe, function(message)
    worker.heard = clock.monotonic()
    if message.t == "hello" then
      worker.identity, worker.ready = message.identity, not worker.last -- it may have ended since
      self.on_ready()
    elseif message.t ~= "pong" then
      self.on_message(worker, message)
    end
  end, function(e)
    if e then
      log.error("the connection to a worker is broken", { pid = worker.pid, error = tostring(e) })
    end
    worker.ready, worker.wire.over = false, true
    if worker.gone then
      worker.gone()
    end
  end)
  self.workers[pid] = worker
  return worker
end

--- Starts workers until there are as many as wanted.
---@return true?, prov.Err?
function Pool:fill()
  local count = 0
  for _, worker in pairs(self.workers) do
    count = count + (worker.retiring and 0 or 1)
  end
  for _ = count + 1, self.wanted do
    local worker, e = start(self)
    if not worker then
      return nil, e
    end
  end
  return true
end

--- Bytes of memory a process has resident; nil when it is gone.
---@param pid integer
---@return integer?
function M.resident(pid)
  local file = io.open(("/proc/%d/statm"):format(pid))
  if not file then
    return nil
  end
  local _, pages = file:read("n", "n")
  file:close()
  return pages and math.tointeger(pages) * 4096
end

local function kill(worker, why)
  worker.killed = why
  uv.kill(worker.pid, "sigkill")
end

--- Tells a worker that takes no more calls to end, once it has none: not while one is on its way to it.
local function dismiss(worker)
  if worker.retiring and worker.load == 0 then
    worker.wire:send({ t = "retire" })
  end
end

--- Lets a worker end when it has done what it runs, and another take its place.
function Pool:retire(worker)
  worker.retiring = true
  dismiss(worker)
  refill(self)
end

local function beat(self)
  local now = clock.monotonic()
  local stood = now - self.beaten - self.beat_ms -- this process was stopped or busy: no worker could be heard meanwhile
  self.beaten = now
  for pid, worker in pairs(self.workers) do
    worker.heard = worker.heard + math.max(0, stood)
    worker.resident = M.resident(pid)
    local starting = not worker.identity and settings.ms(settings.orchestrator.worker_start) or 0
    if now - worker.heard > math.max(self.silent, starting) then
      kill(worker, ("the worker did not answer for %g s"):format(self.silent / 1000))
    elseif (worker.resident or 0) > self.memory then
      kill(worker, ("the worker used more than %d MiB of memory"):format(self.memory >> 20))
    elseif (worker.resident or 0) > self.memory // 2 and not worker.retiring then
      self:retire(worker)
    else
      worker.wire:send({ t = "ping" })
    end
  end
end

--- Starts the workers.
---@param opts { count: integer, memory: integer, silent: integer, data: string, on_message: function,
---  on_gone: function, on_ready: function } memory: bytes a worker may have; one with half of it is replaced when
---  it can be; silent: milliseconds after which one that answers nothing is killed
---@return prov.Pool?, prov.Err?
function M.open(opts)
  local self = setmetatable({
    wanted = opts.count,
    memory = opts.memory,
    silent = opts.silent,
    data = opts.data,
    on_message = opts.on_message,
    on_gone = opts.on_gone,
    on_ready = opts.on_ready,
    workers = {},
    pause = first_pause(),
    beat_ms = settings.ms(settings.orchestrator.beat),
    beaten = clock.monotonic(),
    starter = uv.new_timer(),
  }, Pool)
  local ok, e = self:fill()
  if not ok then
    self:close()
    return nil, e
  end
  self.beat = clock.every(self.beat_ms, function()
    beat(self)
  end)
  return self
end

--- The worker for a call: the one that serves its workspace now, else the one with the least to do.
---@param workspace? string
---@return table? worker nil when none is ready
function Pool:pick(workspace)
  local best
  for _, worker in pairs(self.workers) do
    if worker.ready and not worker.retiring then
      if workspace and (worker.workspaces[workspace] or 0) > 0 then
        return worker
      elseif not best or worker.load < best.load or worker.load == best.load and worker.pid < best.pid then
        best = worker
      end
    end
  end
  return best
end

--- Counts a call as the worker's; M.release() takes it off again.
---@param worker table
---@param workspace? string
function M.load(worker, workspace)
  worker.load = worker.load + 1
  if workspace then
    worker.workspaces[workspace] = (worker.workspaces[workspace] or 0) + 1
  end
end

--- A call of the worker has ended.
function M.release(worker, workspace)
  worker.load = worker.load - 1
  if workspace then
    local left = worker.workspaces[workspace] - 1
    worker.workspaces[workspace] = left > 0 and left or nil
  end
  dismiss(worker)
end

--- Ends the workers: those that run something have `within_ms`, then they are left alone.
---@async
---@param within_ms integer
function Pool:shut(within_ms)
  self.closed = true
  for _, worker in pairs(self.workers) do
    worker.retiring = true
    worker.wire:send({ t = "retire" })
  end
  local until_ms = clock.monotonic() + within_ms
  while next(self.workers) and clock.monotonic() < until_ms do
    async.sleep(20)
  end
  self:close()
end

--- Leaves the workers alone: they bring to its end what they run, write it down, and end.
function Pool:close()
  self.closed = true
  close(self.starter)
  if self.beat then
    self.beat.close()
  end
  for _, worker in pairs(self.workers) do
    if worker.last then
      worker.last.close()
    end
    close(worker.handle)
    worker.gone = nil
    worker.wire:stop()
  end
  self.workers = {}
end

return M
