--- Part of the orchestrator: taking jobs.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local jobs_of = require("prov.orchestrator.jobs")
local request_of = require("prov.orchestrator.request")
local settings = require("prov.settings")

---@class prov.Orchestrator
local M = {}


local KEY_MAX = 255 -- of an Idempotency-Key; keys of the store are short

local function print_of(job)
  return require("core.crypto").sha256(data.encode({ job.op, job.params, job.flags, job.lane, job.priority,
    job.delay or "", job.key or "", job.max_attempts, job.timeout or "", job.sent or {} }))
end

--- The job a request made before, when it is the same request; nil when there was none.
---@return prov.Job? job
---@return prov.Err? err "invalid": the key was used for another request
function M:replayed(key, print)
  local bytes, e = self.store:get("request", key)
  if not bytes then
    return nil, e
  end
  local past = data.decode(bytes)
  if past.print ~= print then
    return err.fail("invalid", "this Idempotency-Key was used for another request")
  end
  return self.jobs:find(past.id)
end

--- Who changes the same thing waits until the one before has; closing the returned value ends it.
---@async
---@param key string such as "job ID"
---@return table closable
function M:alone(key)
  self.keys[key] = self.keys[key] or async.semaphore(1)
  local held = self.keys[key]:acquire()
  return setmetatable({}, {
    __close = function()
      held = held and getmetatable(held).__close(held)
      if self.keys[key] and self.keys[key].free == 1 then
        self.keys[key] = nil
      end
    end,
  })
end

local function admit(self, job, batch)
  job.id = self.jobs:new_id()
  job.created, job.ready_at = clock.wall(), self.jobs:now()
  if job.delay and job.delay > 0 then
    job.run_at = job.ready_at + math.floor(job.delay * 1000)
  end
  job.delay = nil
  jobs_of.wait(batch, job)
  if job.key then
    batch[#batch + 1] = { "put", "dedup", job.key, job.id }
  end
end

--- A job is on disk: it stands in its line from now on.
function M:admitted(job)
  if job.run_at then
    self.delayed_count = self.delayed_count + 1
    self:hold(job.run_at, job.id)
  else
    self.ready_count = self.ready_count + 1
    -- a heavy one is read again when its turn comes
    local heavy = job.sent or #data.encode(job.params) > settings.orchestrator.held_params
    self.queue:add(job.lane, jobs_of.order(job), heavy and job.id or job)
  end
  self:publish(job)
  self:kick()
end

--- Why nothing is taken now, or nil.
---@return prov.Err?
function M:refusal()
  if self.draining then
    return err.new("unavailable", "the orchestrator is ending", { data = { retry_after = 5 } })
  elseif self.broken then
    return err.new("unavailable", "the store cannot be written: " .. tostring(self.broken), {
      data = { retry_after = 5 },
    })
  end
end

--- Takes a job; on disk when it returns. `again` tells that it was there already.
---@async
---@param request table see prov.orchestrator.request
---@param opts? { request: string?, schedule: string?, due: integer?, batch: table? } request: an Idempotency-Key
---@return prov.Job? job
---@return prov.Err|prov.Err[]|nil err
---@return boolean? again
function M:submit(request, opts)
  opts = opts or {}
  if opts.request and #opts.request > KEY_MAX then
    return err.fail("usage", "an Idempotency-Key has at most %d characters", KEY_MAX)
  end
  local job, e = request_of.job(request)
  if not job then
    return nil, e
  end
  e = self:refusal()
  if e then
    return nil, e
  end
  job.schedule, job.due = opts.schedule, opts.due
  local print = opts.request and print_of(job)
  local _ <close> = opts.request and self:alone("request " .. opts.request) or nil
  local _ <close> = job.key and self:alone("key " .. job.key) or nil
  local past
  if opts.request then
    past, e = self:replayed(opts.request, print)
  end
  if not past and not e and job.key then
    local id
    id, e = self.store:get("dedup", job.key)
    if id then
      past, e = self.jobs:find(id)
    end
  end
  if e then
    return nil, e
  end
  local batch = opts.batch or {}
  if past then
    if opts.batch then
      local ok
      ok, e = self:commit_now(batch)
      if not ok then
        return nil, self:refusal() or e
      end
    end
    return self:current(past), nil, true
  end
  admit(self, job, batch)
  if opts.request then
    batch[#batch + 1] = { "put", "request", opts.request, data.encode({
      id = job.id, print = print, time = job.ready_at,
    }) }
  end
  local ok
  ok, e = self:commit_now(batch)
  if not ok then
    return nil, self:refusal() or e
  end
  self.metrics:add("prov_jobs_submitted_total", 1)
  self:admitted(job)
  return job
end

--- A job as it is now: what runs is known here before it is on disk.
---@param job prov.Job
---@return prov.Job
function M:current(job)
  local slot = self.running[job.id]
  return slot and slot.job or job
end

--- A job by its id.
---@return prov.Job?, prov.Err?
function M:find(id)
  local slot = self.running[id]
  if slot then
    return slot.job
  end
  return self.jobs:find(id)
end

return M
