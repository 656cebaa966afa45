--- Part of the orchestrator: jobs that come again and again.
--
-- A schedule is written together with the job it makes: each of its times makes one job, or none, whatever
-- happens. What was missed (the orchestrator did not run, the machine slept) is made up for as `missed` says.

local clock = require("prov.clock")
local cron = require("prov.cron")
local data = require("core.data")
local err = require("prov.err")
local jobs_of = require("prov.orchestrator.jobs")
local log = require("prov.log")
local request_of = require("prov.orchestrator.request")
local settings = require("prov.settings")
local suggest = require("prov.suggest")
local zone = require("prov.zone")

---@class prov.Orchestrator
local M = {}

local LOOK_MS = 1000 -- between looks at the clock, for it may jump

---@class prov.Schedule
---@field name string
---@field cron string
---@field zone string
---@field missed "skip"|"once"|"all"
---@field overlap "skip"|"allow"
---@field paused boolean
---@field request table what is submitted
---@field version integer grows with each change of a person
---@field seen integer seconds since 1970: all times until then are dealt with
---@field dealt? integer when the clock was set back: what `seen` was
---@field next? integer
---@field last? integer the last time a job was made
---@field last_job? string
---@field last_error? string why no job could be made the last time
---@field skipped integer times left out because the job before had not ended

--- Reads what a schedule needs to tell its times.
local function read(schedule)
  local spec, e = cron.parse(schedule.cron)
  local in_zone
  if spec then
    in_zone, e = zone.open(schedule.zone)
  end
  if not in_zone then
    return nil, e
  end
  return { spec = spec, zone = in_zone, schedule = schedule }
end

local function seconds()
  return clock.wall() // 1000
end

local function put(batch, schedule)
  batch[#batch + 1] = { "put", "schedule", schedule.name, data.encode(schedule) }
  return batch
end

--- Loads the schedules at the start.
function M:load_schedules()
  self.schedules = {}
  for _, row in ipairs(assert(self.store:scan("schedule"))) do
    local entry, e = read(data.decode(row[2]))
    if entry then
      self.schedules[row[1]] = entry
    else
      log.error("a schedule does not work any more", { schedule = row[1], error = tostring(e) })
    end
  end
  self.ticker = clock.every(LOOK_MS, function()
    self:look_at_schedules()
  end)
end

--- Times of an entry that are due, the oldest first, as its `missed` wants them.
local function due_of(entry, now)
  local schedule, back = entry.schedule, settings.orchestrator.late
  local due
  repeat -- only the last ones count: a schedule of seconds has missed millions after a year
    local from = math.max(schedule.seen, now - back)
    due, back = {}, back * 8
    for time in entry.spec:each(entry.zone, from, now) do
      due[#due + 1] = time
    end
  until from == schedule.seen or #due >= settings.orchestrator.made_up
  due = table.move(due, math.max(1, #due - settings.orchestrator.made_up + 1), #due, 1, {})
  if schedule.missed == "all" then
    return due
  end
  local last = due[#due]
  return last and (schedule.missed == "once" or now - last <= settings.orchestrator.late) and { last } or {}
end

--- Makes the job of one time.
local function make(self, entry, time)
  local schedule = entry.schedule
  local request = {}
  for key, value in pairs(schedule.request) do
    request[key] = value
  end
  request.key = schedule.overlap == "skip" and "schedule " .. schedule.name or nil
  schedule.last, schedule.last_error = time, nil
  local batch = put({}, schedule)
  local job, e, again = self:submit(request, { schedule = schedule.name, due = time * 1000, batch = batch })
  if not job then
    schedule.last_error = tostring(err.list(e)[1])
    log.warn("a schedule could not make its job", { schedule = schedule.name, error = schedule.last_error })
  elseif again then
    schedule.skipped = schedule.skipped + 1
  else
    schedule.last_job = job.id
  end
  if e and (self.broken or err.list(e)[1].code == "unavailable") then
    return false -- nothing is taken now: the time is not dealt with
  end
  return true
end

local function deal_with(self, name, now)
  local _ <close> = self:alone("schedule " .. name)
  local entry = self.schedules[name]
  if not entry or entry.schedule.paused then
    return
  end
  local schedule = entry.schedule
  for _, time in ipairs(due_of(entry, now)) do
    local before = schedule.seen
    schedule.seen = time
    if not make(self, entry, time) then
      schedule.seen = before
      return
    end
  end
  schedule.seen = now
  schedule.next = entry.spec:next(entry.zone, now)
  self:commit_now(put({}, schedule))
end

--- Brings an entry in line with a clock that was set back, or that `jumped` forward again.
local function follow_clock(entry, now, jumped)
  local schedule = entry.schedule
  local seen = schedule.seen
  if seen > now + settings.orchestrator.late then
    local last = entry.spec.fixed and schedule.last or 0
    schedule.dealt = math.max(schedule.dealt or 0, seen)
    -- it has had its job
    schedule.seen = last <= now + settings.orchestrator.clock_correction and math.max(last, now) or now
  elseif schedule.dealt and schedule.dealt <= now then
    schedule.seen = jumped and math.max(seen, schedule.dealt) or seen -- nothing of that was missed
    schedule.dealt = nil
  end
  if schedule.seen ~= seen then
    schedule.next = entry.spec:next(entry.zone, schedule.seen)
  end
end

--- Makes the jobs that are due.
function M:look_at_schedules()
  local now = seconds()
  if self.draining or self.closed then
    return
  end
  local jumped = now - (self.looked or 0) > settings.orchestrator.late
  self.looked = now
  for name, entry in pairs(self.schedules) do
    local schedule = entry.schedule
    follow_clock(entry, now, jumped)
    if not schedule.paused and not entry.busy and schedule.next and schedule.next <= now then
      entry.busy = true
      self:later(function()
        local _ <close> = setmetatable({}, {
          __close = function()
            entry.busy = false
          end,
        })
        deal_with(self, name, seconds())
      end)
    end
  end
end

-- ---- For the operations ----

local function stamp(time)
  return time and jobs_of.stamp(time * 1000) or nil
end

local function public(entry, times)
  local schedule = entry.schedule
  local out = {
    name = schedule.name,
    cron = schedule.cron,
    zone = schedule.zone,
    words = entry.spec:describe(entry.zone),
    missed = schedule.missed,
    overlap = schedule.overlap,
    paused = schedule.paused,
    operation = schedule.request.operation,
    workspace = schedule.request.workspace,
    params = schedule.request.params and jobs_of.shown_params(schedule.request.operation, schedule.request.params),
    priority = schedule.request.priority,
    max_attempts = schedule.request.max_attempts,
    timeout = schedule.request.timeout,
    version = schedule.version,
    next = not schedule.paused and stamp(schedule.next) or nil,
    last = stamp(schedule.last),
    last_job = schedule.last_job,
    last_error = schedule.last_error,
    skipped = schedule.skipped,
  }
  if times then
    out.times = data.list({})
    local time = seconds()
    for _ = 1, times do
      time = entry.spec:next(entry.zone, time)
      if not time then
        break
      end
      table.insert(out.times, stamp(time))
    end
  end
  return out
end

--- A schedule as everybody sees it; with its next `times`.
---@return table?, prov.Err?
function M:schedule(name, times)
  local entry = self.schedules[name]
  if not entry then
    local names = {}
    for known in pairs(self.schedules) do
      names[#names + 1] = known
    end
    return nil, suggest.unknown("schedule", name, names)
  end
  return public(entry, times)
end

--- All of them, by name.
---@return table[]
function M:list_schedules()
  local out = data.list({})
  for _, entry in pairs(self.schedules) do
    out[#out + 1] = public(entry)
  end
  table.sort(out, function(a, b)
    return a.name < b.name
  end)
  return out
end

--- The version of a schedule, when it is the one somebody has seen.
local function check_version(schedule, wanted)
  if not wanted or wanted:match("^%s*%*%s*$") and schedule then
    return true
  end
  local version = schedule and schedule.version or 0
  if wanted:find('"' .. version .. '"', 1, true) then
    return true
  end
  return nil, err.new("conflict", schedule and "the schedule was changed since" or "there is no such schedule", {
    data = { version = version },
    hint = "read it again",
  })
end

--- Makes or replaces a schedule.
---@async
---@param p table name, cron, zone, missed, overlap, paused, and what a submission has
---@param if_match? string entity tags it must have
---@return table?, prov.Err|prov.Err[]|nil
function M:set_schedule(p, if_match)
  local _ <close> = self:alone("schedule " .. p.name)
  local old = self.schedules[p.name] and self.schedules[p.name].schedule
  local ok, e = check_version(old, if_match)
  if not ok then
    return nil, e
  end
  local request = {
    operation = p.operation,
    workspace = p.workspace,
    params = p.params,
    priority = p.priority,
    max_attempts = p.max_attempts,
    timeout = p.timeout,
  }
  local job
  job, e = request_of.job(request) -- what cannot be submitted now is refused now
  if not job then
    return nil, e
  end
  local now = seconds()
  local entry
  entry, e = read({
    name = p.name,
    cron = p.cron,
    zone = p.zone,
    missed = p.missed,
    overlap = p.overlap,
    paused = p.paused,
    request = request,
    version = (old and old.version or 0) + 1,
    seen = now,
    last = old and old.last,
    last_job = old and old.last_job,
    skipped = old and old.skipped or 0,
  })
  if not entry then
    return nil, e
  end
  entry.schedule.next = entry.spec:next(entry.zone, now)
  if not entry.schedule.next then
    return err.fail("invalid", "'%s' never comes", p.cron)
  end
  ok, e = self:commit_now(put({}, entry.schedule))
  if not ok then
    return nil, e
  end
  self.schedules[p.name] = entry
  return public(entry)
end

--- Stops a schedule for a while, or lets it go on; what it missed meanwhile is left out.
---@async
---@return table?, prov.Err?
function M:pause_schedule(name, paused)
  local _ <close> = self:alone("schedule " .. name)
  local known, e = self:schedule(name)
  if not known then
    return nil, e
  end
  local entry = self.schedules[name]
  local schedule = entry.schedule
  schedule.paused, schedule.version, schedule.seen = paused, schedule.version + 1, seconds()
  schedule.next = entry.spec:next(entry.zone, schedule.seen)
  local ok
  ok, e = self:commit_now(put({}, schedule))
  if not ok then
    return nil, e
  end
  return public(entry)
end

--- Removes a schedule; jobs it has made stay.
---@async
---@return table?, prov.Err?
function M:delete_schedule(name, if_match)
  local _ <close> = self:alone("schedule " .. name)
  local known, e = self:schedule(name)
  if not known then
    return nil, e
  end
  local ok
  ok, e = check_version(self.schedules[name].schedule, if_match)
  if ok then
    ok, e = self:commit_now({ { "del", "schedule", name } })
  end
  if not ok then
    return nil, e
  end
  self.schedules[name] = nil
  return known
end

--- Makes the job of a schedule now, beside its times.
---@async
---@return prov.Job?, prov.Err|prov.Err[]|nil
---@param request? string an Idempotency-Key
function M:run_schedule(name, request)
  local known, e = self:schedule(name)
  if not known then
    return nil, e
  end
  return self:submit(self.schedules[name].schedule.request, { schedule = name, request = request })
end

return M
