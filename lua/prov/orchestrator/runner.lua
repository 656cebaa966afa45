--- Part of the orchestrator: jobs begin, tell what happens, and end.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local jobs_of = require("prov.orchestrator.jobs")
local json = require("prov.json")
local log = require("prov.log")
local ops = require("prov.ops")
local pool = require("prov.orchestrator.pool")
local settings = require("prov.settings")
local uv = require("luv")
local worker_of = require("prov.orchestrator.worker")

---@class prov.Orchestrator
local M = {}

local AT_ONCE = 512 -- jobs begun in one commit
local TRANSIENT = { unavailable = true, timeout = true, locked = true }

--- What a worker is told of a job.
function M.call_of(job)
  return {
    t = "job",
    id = job.id,
    op = job.op,
    params = job.params,
    flags = job.flags,
    interactive = job.interactive,
    carries_files = job.carries_files,
    files = job.sent,
    began = job.started,
  }
end

local function begin(self, slot)
  local job = slot.job
  self.ready_count = self.ready_count - 1
  self.metrics:observe("prov_job_wait_seconds", math.max(0, slot.at - (job.ready_at or slot.at)) / 1000)
  if not slot.worker.ready then -- it has ended, and never heard of the job
    return self:settle(slot, "unbegun")
  end
  slot.worker.wire:send(M.call_of(job))
  slot.sent = true
  self:publish(job)
  if job.timeout then
    slot.timer = uv.new_timer()
    slot.timer:start(math.floor(job.timeout * 1000), settings.ms(settings.orchestrator.kill_after), function()
      self:expire(slot)
    end)
  end
  if slot.cancel then
    slot.worker.wire:send({ t = "cancel", id = job.id, now = slot.cancel.now })
  end
end

--- The deadline of a job: it is cancelled, and its worker killed when that does not help.
function M:expire(slot)
  if slot.expired then
    uv.kill(slot.worker.pid, "sigkill")
    slot.worker.killed = ("job %s did not end after its timeout"):format(slot.job.id)
    return
  end
  slot.expired = true
  slot.worker.wire:send({ t = "cancel", id = slot.job.id, now = true })
end

local function pick(self, batch)
  local picked, now = {}, self.jobs:now()
  while #picked < AT_ONCE do
    local lane, order, item = self.queue:next()
    if not lane then
      break
    end
    local job = item
    if type(item) == "string" then
      job = self.jobs:get(item)
    end
    local worker = self.pool:pick(job and job.flags.workspace)
    if not job then -- the others are not to wait for a record that cannot be read
      log.error("a job that waits cannot be read", { job = item })
      self.queue:done(lane)
      goto continue
    elseif not worker then -- between the death of the last one and the start of the next
      self.queue:undo(lane, order, item)
      break
    end
    job.attempts, job.started, job.state = job.attempts + 1, clock.wall(), "running"
    jobs_of.claim(batch, job, worker.identity, now)
    local slot = { job = job, lane = lane, order = order, worker = worker, events = job.events or 0, at = now }
    picked[#picked + 1] = slot
    self.running[job.id] = slot
    pool.load(worker, job.flags.workspace)
    ::continue::
  end
  return picked
end

--- Starts what may start, and writes what has ended.
function M:turn()
  self:write_ends()
  if self.draining or self.broken or self.closed or not self.pool:pick() then
    return
  end
  local batch = {}
  local picked = pick(self, batch)
  if #picked == 0 then
    return
  end
  self:commit(batch, function(e)
    for _, slot in ipairs(picked) do
      if e then
        slot.job.attempts, slot.job.state = slot.job.attempts - 1, "waiting"
        self.running[slot.job.id] = nil
        pool.release(slot.worker, slot.job.flags.workspace)
        self.queue:undo(slot.lane, slot.order, slot.job)
        self:cancel_again(slot)
      else
        self.queue:claimed(slot.lane, slot.order)
        begin(self, slot)
      end
    end
  end)
  if #picked == AT_ONCE then
    self:kick()
  end
end

-- ---- Ending ----

local function timeout_of(job)
  return json.encode(err.data(err.new("timeout", ("not done after %g s"):format(job.timeout))))
end

--- Decides what becomes of a job that ran: how its record ends, or that it waits again.
local function conclude(slot, done)
  local job, why = slot.job, done.why
  slot.done = done
  if why == "canceled" or done.code == 130 then -- an error, or a result that says so
    if slot.cancel then
      return "canceled"
    elseif slot.expired then
      why, done.error = "timeout", timeout_of(job)
    elseif slot.drained then
      slot.why = "the orchestrator ended in order"
      return "interrupted"
    end
  end
  if not done.error then
    return (done.code == 0 or done.code == 3) and "done" or "failed"
  elseif not TRANSIENT[why] or job.max_attempts == 1 then
    return "failed"
  elseif job.attempts < job.max_attempts then
    return "again"
  end
  slot.reason = ("%d attempts failed"):format(job.attempts)
  return "dead"
end

--- Writes down what has become of a job, in the next commit.
function M:settle(slot, outcome)
  local job = slot.job
  if slot.timer then
    slot.timer:close()
    slot.timer = nil
  end
  if outcome == "interrupted" then
    job.interruptions = job.interruptions + (slot.drained and 0 or 1) -- it was not the job's doing
    self.metrics:add("prov_jobs_interrupted_total", 1)
    local op = ops.load(job.op)
    if slot.cancel then
      outcome = "canceled"
    elseif not (op and ops.again(op, job.params, true)) then
      outcome = "dead"
      slot.reason = ("it was interrupted (%s), and what it had done by then is not known"):format(slot.why)
    elseif slot.expired then
      outcome, slot.done = "failed", { error = timeout_of(job) }
    elseif job.interruptions >= settings.orchestrator.interruptions then
      outcome = "dead"
      slot.reason = ("it was interrupted %d times, the last time: %s"):format(job.interruptions, slot.why)
    end
  end
  slot.outcome = outcome
  self.ends[#self.ends + 1] = slot
  self:kick()
end

function M:interrupted(slot, why)
  slot.why = why
  self:settle(slot, "interrupted")
end

--- Why a job failed, on one line: its first error, or what its result says, or its exit code.
local function why_failed(done)
  local first = done.error and json.decode(done.error).errors[1]
  if first then
    return tostring(err.of_data({ errors = { first } })[1])
  end
  local result = done.result and json.decode(done.result)
  local failure = type(result) == "table" and type(result.failures) == "table" and result.failures[1]
  if type(failure) == "table" and failure.step and failure.error then
    return ("%s: %s"):format(failure.step, failure.error)
  end
  return ("exit code %d"):format(done.code or 1)
end

--- The job as it is once the batch is on disk; nobody is told before.
local function write_end(self, batch, slot, now)
  local job, outcome, done = {}, slot.outcome, slot.done or {}
  for name, value in pairs(slot.job) do
    job[name] = value
  end
  job.result, job.error, job.code, job.files = done.result, done.error, done.code, done.files
  job.reason, job.events = slot.reason or outcome == "failed" and why_failed(done) or nil, slot.events
  jobs_of.stop(batch, job)
  if outcome == "unbegun" then
    job.attempts = job.attempts - 1
  end
  if outcome == "again" or outcome == "interrupted" or outcome == "unbegun" then
    if outcome == "again" then
      self.metrics:add("prov_jobs_retried_total", 1)
      local longest = settings.orchestrator.retry * 2 ^ (job.attempts - 1)
      longest = settings.ms(math.min(longest, settings.orchestrator.longest_retry))
      job.run_at = now + math.floor(math.random() * longest)
    end
    jobs_of.wait(batch, job)
    return job
  end
  job.sent = outcome ~= "done" and job.sent or nil -- it may be let run again
  job.events = slot.events + 1
  jobs_of.finish(batch, job, outcome, now)
  return job
end

--- A job that was to be cancelled waits again: it is taken out of its line.
function M:cancel_again(slot)
  if slot.cancel then
    self:later(function()
      while not self:cancel(slot.job.id, slot.cancel.now) and self.broken and not self.closed do
        async.sleep(settings.ms(settings.orchestrator.retry))
      end
    end)
  end
end

local function told_end(self, slot)
  local job, outcome = slot.ended, slot.outcome
  self.running[job.id] = nil
  self.queue:done(slot.lane)
  os.remove(worker_of.outcome_path(self.dir, job.id))
  if job.state == "waiting" then
    self:admitted(job)
    self:cancel_again(slot)
    return
  end
  self.metrics:add("prov_jobs_ended_total", 1, outcome)
  self.metrics:observe("prov_job_run_seconds", math.max(0, job.left - slot.at) / 1000)
  self.watches:tell(job.id, job.events, "ended")
  self:publish(job)
end

--- Lets workers forget the ends that are on disk.
local function tell_workers(ends)
  local ids = {}
  for _, slot in ipairs(ends) do
    local worker = slot.worker
    if slot.sent and not worker.dead then
      ids[worker] = ids[worker] or data.list({})
      table.insert(ids[worker], slot.job.id)
    end
  end
  for worker, list in pairs(ids) do
    worker.wire:send({ t = "noted", ids = list })
  end
end

--- Writes events and ends that have come since the last turn.
function M:write_ends()
  local ends, events = self.ends, self.events
  if #ends == 0 and #events == 0 then
    return
  end
  self.ends, self.events = {}, {}
  local batch, now = {}, self.jobs:now()
  for _, event in ipairs(events) do
    jobs_of.event(batch, event.id, event.number, event.text)
  end
  for _, slot in ipairs(ends) do
    slot.ended = write_end(self, batch, slot, now)
  end
  self:commit(batch, function(e)
    if e then -- full disk: what is known is kept, and tried again
      table.move(self.ends, 1, #self.ends, #ends + 1, ends)
      table.move(self.events, 1, #self.events, #events + 1, events)
      self.ends, self.events = ends, events
      return
    end
    for _, event in ipairs(events) do
      self.watches:tell(event.id, event.number, event.text)
    end
    for _, slot in ipairs(ends) do
      told_end(self, slot)
    end
    tell_workers(ends)
    self:kick()
  end)
end

--- Takes what a worker wrote down of a job while there was no orchestrator; true when there was something.
function M:collect(slot)
  local bytes = fs.read(worker_of.outcome_path(self.dir, slot.job.id))
  local done = bytes and data.decode(bytes)
  if not done or done.began ~= slot.job.started then
    return false
  end
  self:settle(slot, conclude(slot, done))
  return true
end

local on = {}

function on.event(self, _, message)
  local call = self.calls[message.id]
  if call then
    if call.on_event then
      call.on_event(message.event)
    end
    return
  end
  local slot = self.running[message.id]
  if slot and not slot.outcome then
    slot.events = slot.events + 1
    self.events[#self.events + 1] = { id = message.id, number = slot.events,
      text = message.event.kind .. "\n" .. message.event.json }
    self:kick()
  end
end

on["end"] = function(self, worker, message)
  local call = self.calls[message.id]
  if call then
    self.calls[message.id], self.calling = nil, self.calling - 1
    pool.release(worker, call.workspace)
    return call.resume(message)
  end
  local slot = self.running[message.id]
  if slot and slot.worker == worker then
    pool.release(worker, slot.job.flags.workspace)
    self:settle(slot, conclude(slot, message))
  end
end

--- A message of a worker.
function M:heard(worker, message)
  on[message.t](self, worker, message)
end

--- A worker has ended, with all it ran.
function M:worker_gone(worker, why)
  if not worker.retiring and not self.closed then
    self.metrics:add("prov_worker_restarts_total", 1)
  end
  for _, slot in pairs(self.running) do
    if slot.worker == worker and slot.sent and not slot.outcome and not self:collect(slot) then
      self:interrupted(slot, why)
    end
  end
  local ended = {}
  for id, call in pairs(self.calls) do
    ended[id] = call.worker == worker and call or nil
  end
  for id, call in pairs(ended) do -- what they resume may begin other calls
    self.calls[id], self.calling = nil, self.calling - 1
    call.resume(nil, err.new("unavailable", why))
  end
end

return M
