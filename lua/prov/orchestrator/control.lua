--- Part of the orchestrator: what can be done with a job.

local clock = require("prov.clock")
local err = require("prov.err")
local jobs_of = require("prov.orchestrator.jobs")

---@class prov.Orchestrator
local M = {}

--- Cancels a job: one that waits never begins; one that runs is interrupted as by Ctrl-C, `now` as by two.
---@async
---@param id string
---@param now? boolean
---@return prov.Job?, prov.Err?
function M:cancel(id, now)
  local _ <close> = self:alone("job " .. id)
  local slot = self.running[id]
  if slot then
    slot.cancel = { now = now or slot.cancel and slot.cancel.now }
    if slot.sent then
      slot.worker.wire:send({ t = "cancel", id = id, now = now })
    end
    return slot.job
  end
  local job, e = self.jobs:find(id)
  if not job then
    return nil, e
  elseif jobs_of.ENDED[job.state] then
    return err.fail("conflict", "job %s is %s", id, job.state)
  end
  local batch, order, line = {}, jobs_of.order(job), job.run_at and "delayed_count" or "ready_count"
  jobs_of.unwait(batch, job)
  self.queue:remove(job.lane, order)
  job.events = (job.events or 0) + 1
  jobs_of.finish(batch, job, "canceled", self.jobs:now())
  local ok
  ok, e = self:commit_now(batch)
  self.queue:removed(job.lane, order)
  if not ok then
    if not job.run_at then
      self.queue:add(job.lane, order, id)
    end
    return nil, e
  end
  self[line] = self[line] - 1
  self.metrics:add("prov_jobs_ended_total", 1, "canceled")
  self.watches:tell(id, job.events, "ended")
  self:publish(job)
  return job
end

--- Lets a job that did not end well run again, with all its attempts.
---@async
---@param id string
---@return prov.Job?, prov.Err?
function M:retry(id)
  local _ <close> = self:alone("job " .. id)
  local job, e = self:find(id)
  if not job then
    return nil, e
  elseif not jobs_of.ENDED[job.state] or job.state == "done" then
    return err.fail("conflict", "job %s is %s: nothing to try again", id, job.state)
  end
  local _ <close> = job.key and self:alone("key " .. job.key) or nil
  local batch = {}
  jobs_of.reopen(batch, job)
  job.attempts, job.interruptions, job.run_at = 0, 0, nil
  if job.key then
    local other = self.store:get("dedup", job.key)
    if other then
      return err.fail("conflict", "job %s has the same key and has not ended", other)
    end
    batch[#batch + 1] = { "put", "dedup", job.key, id }
  end
  jobs_of.wait(batch, job)
  local ok
  ok, e = self:commit_now(batch)
  if not ok then
    return nil, e
  end
  self:admitted(job)
  return job
end

--- Answers the question a job has asked last.
---@return true?, prov.Err?
function M:answer(id, yes)
  local slot = self.running[id]
  if not (slot and slot.sent) then
    return err.fail("conflict", "job %s asks nothing", id)
  end
  slot.worker.wire:send({ t = "answer", id = id, yes = yes })
  return true
end

--- Waits until a job has ended, or for `ms`; the job as it is then.
---@async
---@param id string
---@param ms integer
---@return prov.Job?, prov.Err?
function M:wait(id, ms)
  local watch <close> = self:watch(id)
  local deadline = clock.monotonic() + ms
  while true do
    local job, e = self:find(id)
    if not job then
      return nil, e
    elseif jobs_of.ENDED[job.state] and not self.running[id] then
      return job
    end
    local left = math.floor(deadline - clock.monotonic())
    if left <= 0 or not watch:take(left) then
      return (self:find(id))
    end
  end
end

--- A page of jobs, newest first; those that run as they are now. See Jobs:page.
---@return prov.Job[]?, string|prov.Err|nil
function M:page(want)
  return self.jobs:page(want, function(job)
    return self:current(job)
  end)
end

--- How much waits and runs, in all and by lane.
---@return table
function M:overview()
  local lanes = require("core.data").list({})
  for name, lane in pairs(self.queue.lanes) do
    local count, kind = self.queue.share:count(lane.party), name:sub(1, 2)
    lanes[#lanes + 1] = {
      lane = name,
      workspace = (kind == "x:" or kind == "s:") and name:sub(3) or nil,
      exclusive = kind == "x:",
      waiting = count.waiting,
      more = lane.more or nil,
      running = count.running,
    }
  end
  table.sort(lanes, function(a, b)
    return a.lane < b.lane
  end)
  return {
    waiting = self.ready_count,
    delayed = self.delayed_count,
    running = self:count_running(),
    calls = self.calling,
    draining = self.draining or false,
    lanes = lanes,
  }
end

return M
