--- The records of jobs in the orchestrator's store. Everything that changes them is a batch somebody commits.
--
-- Spaces: "job" id -> record; "ready" lane NUL order -> id and "delayed" time/id -> lane for what waits;
-- "running" id -> { worker, since, attempt, at }; "ended.failed", "ended.canceled", "ended.dead" id -> "" as
-- indexes; "event" id/number -> JSON; "dedup" key -> id while the job has not ended; "request" key ->
-- { id, print, time } for Idempotency-Key.

local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local log = require("prov.log")
local ops = require("prov.ops")
local settings = require("prov.settings")
local plain = require("prov.plan.file").plain
local steady = require("prov.orchestrator.steady")

local M = {}

---@class prov.Job
---@field id string sorts by time of creation
---@field op string name of the operation
---@field params table
---@field flags table { output, yes, quiet, verbose } and workspace, its folder
---@field workspace? string name
---@field lane string jobs of one lane wait in one line
---@field priority integer -100 to 100, higher goes first
---@field state "waiting"|"running"|"done"|"failed"|"canceled"|"dead"
---@field created integer milliseconds since 1970 by the wall's clock, as all times here but run_at, ready_at and left
---@field run_at? integer not before, on the steady clock
---@field ready_at? integer since when it waits for its turn only, on the steady clock
---@field key? string of deduplication
---@field attempts integer how often it was begun
---@field max_attempts integer
---@field interruptions integer how often a worker or the orchestrator died while it ran
---@field timeout? integer seconds
---@field started? integer
---@field ended? integer
---@field left? integer when it ended, on the steady clock
---@field result? string JSON
---@field error? string JSON { errors = { ... } }
---@field code? integer exit code of the operation
---@field files? table<string, string> what it wrote for its caller
---@field reason? string why it failed or is dead
---@field schedule? string
---@field due? integer when the schedule wanted it
---@field interactive? boolean

--- States a job does not leave by itself.
M.ENDED = { done = true, failed = true, canceled = true, dead = true }

--- All states.
M.STATES = { "waiting", "running", "done", "failed", "canceled", "dead" }

local INDEXED = { failed = true, canceled = true, dead = true }

---@class prov.Jobs
local Jobs = {}
Jobs.__index = Jobs

--- Opens the records of a store.
---@param store prov.Store
---@return prov.Jobs?, prov.Err?
function M.open(store)
  local rows, e = store:scan("job", "", { reverse = true, limit = 1 })
  if not rows then
    return nil, e
  end
  local last = rows[1] and rows[1][1] or ""
  local last_ms = tonumber(last:sub(2, 13), 16) or 0
  local time
  time, e = steady.open(store, last_ms)
  if not time then
    return nil, e
  end
  return setmetatable({ store = store, steady = time, last_ms = last_ms, last_n = 0xffff }, Jobs)
end

--- The steady clock: for what lasts, and is on disk.
---@return integer milliseconds
function Jobs:now()
  return self.steady:now()
end

--- A new id: "j", the time on the steady clock and a number; greater than all before.
---@return string
function Jobs:new_id()
  local ms = self:now()
  if ms > self.last_ms then
    self.last_ms, self.last_n = ms, 0
  elseif self.last_n < 0xffff then
    self.last_n = self.last_n + 1
  else
    self.last_ms, self.last_n = self.last_ms + 1, 0
  end
  return ("j%012x%04x"):format(self.last_ms, self.last_n)
end

--- Where a job stands in its lane: the smaller goes first.
---@param job prov.Job
---@return string
function M.order(job)
  return ("%02x"):format(100 - job.priority) .. job.id
end

local function ready_key(job)
  return job.lane .. "\0" .. M.order(job)
end

local function delayed_key(job)
  return ("%012x/%s"):format(job.run_at, job.id)
end

--- Writes a record.
function M.put(batch, job)
  batch[#batch + 1] = { "put", "job", job.id, data.encode(job) }
end

--- Lets a job wait, for its time or for its turn.
---@param batch table
---@param job prov.Job
function M.wait(batch, job)
  job.state = "waiting"
  M.put(batch, job)
  if job.run_at then
    batch[#batch + 1] = { "put", "delayed", delayed_key(job), job.lane }
  else
    batch[#batch + 1] = { "put", "ready", ready_key(job), job.id }
  end
end

--- Takes a waiting job out of its line.
function M.unwait(batch, job)
  if job.run_at then
    batch[#batch + 1] = { "del", "delayed", delayed_key(job) }
  else
    batch[#batch + 1] = { "del", "ready", ready_key(job) }
  end
end

--- The time of a delayed job has come: it waits for its turn now.
function M.release(batch, job)
  M.unwait(batch, job)
  job.run_at = nil
  M.wait(batch, job)
end

--- Notes that a job begins, on which worker, and when on the steady clock; durable before the worker hears of it.
function M.claim(batch, job, worker, at)
  batch[#batch + 1] = { "del", "ready", ready_key(job) }
  batch[#batch + 1] = { "put", "running", job.id, data.encode({
    worker = worker,
    since = job.started,
    attempt = job.attempts,
    at = at,
  }) }
end

--- Ends a job.
---@param batch table
---@param job prov.Job
---@param state string
---@param at integer now, on the steady clock
function M.finish(batch, job, state, at)
  job.state, job.ended, job.left = state, clock.wall(), at
  M.put(batch, job)
  if INDEXED[state] then
    batch[#batch + 1] = { "put", "ended." .. state, job.id, "" }
  end
  if job.key then
    batch[#batch + 1] = { "del", "dedup", job.key }
  end
end

--- A job is no longer running.
function M.stop(batch, job)
  batch[#batch + 1] = { "del", "running", job.id }
end

--- Takes an ended job out of the index of its state.
function M.reopen(batch, job)
  if INDEXED[job.state] then
    batch[#batch + 1] = { "del", "ended." .. job.state, job.id }
  end
  job.ended, job.left, job.result, job.error, job.code, job.reason, job.files = nil, nil, nil, nil, nil, nil, nil
end

--- A job by its id; nil when there is none.
---@return prov.Job?, prov.Err?
function Jobs:get(id)
  local bytes, e = self.store:get("job", id)
  if not bytes then
    return nil, e
  end
  return data.decode(bytes)
end

--- A job by its id, or the error that there is none.
---@return prov.Job?, prov.Err?
function Jobs:find(id)
  local job, e = self:get(id)
  if job then
    return job
  end
  return nil, e or err.new("notfound", ("no job '%s'"):format(id), { hint = "'prov job list' lists them" })
end

--- The jobs that were running when the store was written last: { job, entry = { worker, since, attempt, at } }.
---@return table[]?, prov.Err?
function Jobs:running()
  local rows, e = self.store:scan("running")
  if not rows then
    return nil, e
  end
  local out = {}
  for _, row in ipairs(rows) do
    local job
    job, e = self:get(row[1])
    if e then
      return nil, e
    elseif job then
      out[#out + 1] = { job = job, entry = data.decode(row[2]) }
    else -- the others are not to wait for it
      log.error("a job that ran has no record", { job = row[1] })
    end
  end
  return out
end

--- The lanes that have something ready.
---@return string[]?, prov.Err?
function Jobs:lanes()
  local lanes, after = {}, nil
  while true do
    local rows, e = self.store:scan("ready", "", { after = after, limit = 1 })
    if not rows then
      return nil, e
    elseif not rows[1] then
      return lanes
    end
    local lane = rows[1][1]:match("^(.-)%z")
    lanes[#lanes + 1] = lane
    after = lane .. "\1" -- behind all keys of the lane
  end
end

--- What is ready in a lane, from behind an order on: { order, id }.
---@return table[]?, prov.Err?
function Jobs:ready(lane, after, limit)
  local rows, e = self.store:scan("ready", lane .. "\0", { after = after and lane .. "\0" .. after, limit = limit })
  if not rows then
    return nil, e
  end
  for _, row in ipairs(rows) do
    row[1] = row[1]:sub(#lane + 2)
  end
  return rows
end

--- The delayed jobs whose time comes first: { time, id }.
---@return table[]?, prov.Err?
function Jobs:delayed(limit)
  local rows, e = self.store:scan("delayed", "", { limit = limit })
  if not rows then
    return nil, e
  end
  for i, row in ipairs(rows) do
    rows[i] = { tonumber(row[1]:sub(1, 12), 16), row[1]:sub(14) }
  end
  return rows
end


--- A page of jobs, newest first, and the cursor of the next one when there may be more.
---@param want { state: string?, workspace: string?, op: string?, after: string?, limit: integer }
---@param current? fun(job: prov.Job): prov.Job the job as it is now
---@return prov.Job[]?, string|prov.Err|nil
function Jobs:page(want, current)
  local space = INDEXED[want.state] and "ended." .. want.state or "job"
  local out, after, seen = data.list({}), want.after, 0
  while true do
    local rows, e = self.store:scan(space, "", { reverse = true, after = after, limit = want.limit + 1 })
    if not rows then
      return nil, e
    end
    for _, row in ipairs(rows) do
      local job = space == "job" and data.decode(row[2]) or self:get(row[1])
      if job then
        job = current and current(job) or job
        if (not want.state or job.state == want.state) and (not want.workspace or job.workspace == want.workspace)
          and (not want.op or job.op == want.op) then
          if #out == want.limit then
            return out, after
          end
          out[#out + 1] = job
        end
      end
      after, seen = row[1], seen + 1
    end
    if #rows <= want.limit then
      return out
    elseif seen >= settings.orchestrator.page_reads then
      return out, after
    end
  end
end

--- The number of the last event of a job; 0 when there is none.
---@return integer
function Jobs:last_event(id)
  local rows = self.store:scan("event", id .. "/", { reverse = true, limit = 1 })
  return rows and rows[1] and math.tointeger(tonumber(rows[1][1]:sub(-8))) or 0
end

--- How many there are in a space, read in pages.
---@param space "ready"|"delayed"
---@return integer?, prov.Err?
function Jobs:count(space)
  local count, after = 0, nil
  while true do
    local rows, e = self.store:scan(space, "", { after = after, limit = 5000 })
    if not rows then
      return nil, e
    end
    count = count + #rows
    if #rows < 5000 then
      return count
    end
    after = rows[#rows][1]
  end
end

--- Removes a job that ended before a time of the steady clock, with all that belongs to it; row is { id, bytes }
--- of its record.
function Jobs.forget(_, batch, row, before)
  local job = data.decode(row[2])
  if M.ENDED[job.state] and (job.left or job.ended) < before then -- older records have one time only
    batch[#batch + 1] = { "del", "job", job.id }
    batch[#batch + 1] = { "del_range", "event", job.id .. "/" }
    if INDEXED[job.state] then
      batch[#batch + 1] = { "del", "ended." .. job.state, job.id }
    end
  end
end

--- The batch that forgets requests whose Idempotency-Key was remembered long enough.
---@return table batch
function Jobs:forget_requests(now)
  local batch, oldest = {}, now - settings.ms(settings.orchestrator.remember_keys)
  for _, row in ipairs(self.store:scan("request") or {}) do
    if data.decode(row[2]).time < oldest then
      batch[#batch + 1] = { "del", "request", row[1] }
    end
  end
  return batch
end

--- Events of a job behind a number: { number, JSON }.
---@return table[]?, prov.Err?
function Jobs:events(id, after, limit)
  local key = after and ("%s/%08d"):format(id, after)
  local rows, e = self.store:scan("event", id .. "/", { after = key, limit = limit })
  if not rows then
    return nil, e
  end
  for i, row in ipairs(rows) do
    rows[i] = { math.tointeger(tonumber(row[1]:sub(-8))), row[2] }
  end
  return rows
end

--- Writes an event of a job.
function M.event(batch, id, number, text)
  batch[#batch + 1] = { "put", "event", ("%s/%08d"):format(id, number), text }
end

--- "2026-11-27T09:30:00.123Z".
---@param ms integer
---@return string
function M.stamp(ms)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

local CONCEALED = "(not shown)"

--- Parameters as everybody may see them: without values that may be secrets, as those of a workflow's inputs.
---@param name string of the operation
---@param params table
---@return table
function M.shown_params(name, params)
  local op, out = ops.load(name), plain(params)
  for key, spec in pairs(op and op.params or {}) do
    for item in pairs(spec.concealed and out[key] or {}) do
      out[key][item] = CONCEALED
    end
  end
  return out
end

local function stamp(ms)
  return ms and M.stamp(ms) or nil
end

--- A job as everybody sees it.
---@param job prov.Job
---@param whole? boolean with params, result and error
---@return table
function Jobs:public(job, whole)
  local out = {
    id = job.id,
    operation = job.op,
    workspace = job.workspace,
    state = job.state,
    priority = job.priority,
    created = stamp(job.created),
    run_at = job.run_at and M.stamp(self.steady:to_wall(job.run_at)),
    started = stamp(job.started),
    ended = stamp(job.ended),
    attempts = job.attempts,
    max_attempts = job.max_attempts,
    exit_code = job.code,
    key = job.key,
    schedule = job.schedule,
    reason = job.reason,
  }
  if whole then
    out.params = M.shown_params(job.op, job.params)
    out.timeout = job.timeout
    out.result = job.result and json.decode(job.result) or nil
    out.errors = job.error and json.decode(job.error).errors or nil
    for name, bytes in pairs(job.files or {}) do
      out.files = out.files or {}
      out.files[name] = require("core.base").base64(bytes)
    end
  end
  return out
end

return M
