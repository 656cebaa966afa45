--- The orchestrator: takes jobs, keeps them, lets workers run them, and loses none.
--
-- A job is on disk before its submission is answered, its beginning before a worker hears of it, its
-- end before anybody is told. After a crash, a job that was running is either still brought to its end
-- by its worker (whose note is waited for), or it was interrupted with it: then it runs again when that
-- does no harm, and is dead, with the reason, when nobody can say what became of it.

local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local feed = require("prov.orchestrator.feed")
local fs = require("prov.fs")
local jobs_of = require("prov.orchestrator.jobs")
local log = require("prov.log")
local metrics = require("prov.orchestrator.metrics")
local pool = require("prov.orchestrator.pool")
local queue = require("prov.orchestrator.queue")
local request_of = require("prov.orchestrator.request")
local settings = require("prov.settings")
local worker_of = require("prov.orchestrator.worker")
local uv = require("luv")

local M = {}

---@class prov.Orchestrator
---@field dir string
---@field store prov.Store
---@field jobs prov.Jobs
---@field queue prov.JobQueue
---@field pool prov.Pool
---@field metrics prov.Metrics
---@field feed prov.Feed
---@field running table<string, table> id -> slot: { job, lane, order, worker, sent, cancel, ... }
---@field calls table<string, table>
---@field broken? prov.Err the store cannot be written
---@field draining? boolean no job begins any more
local Orchestrator = {}
Orchestrator.__index = Orchestrator

for _, part in ipairs({ "submit", "runner", "calls", "control", "delays", "schedules" }) do
  for name, method in pairs(require("prov.orchestrator." .. part)) do
    Orchestrator[name] = method
  end
end

---@class prov.OrchestratorOptions
---@field dir string data folder
---@field workers integer
---@field places integer jobs running at once
---@field calls integer reading operations running at once
---@field memory integer bytes a worker may have
---@field silent integer milliseconds after which a worker that answers nothing is killed
---@field keep integer seconds for which ended jobs are kept

-- What is wrong with a batch, not with the store.
local OWN_FAULT = { conflict = true, limit = true, invalid = true }

local WATCH_MS = 200 -- between looks at workers of an orchestrator that died

--- Commits a batch; `done(e)` comes on the loop, outside of tasks.
function Orchestrator:commit(batch, done)
  local ok, e = self.store:commit(batch, function(revision, why)
    self:noted(why)
    done(not revision and why or nil)
  end)
  if not ok then
    self:noted(e)
    done(e)
  end
end

--- Commits a batch and waits.
---@async
---@return true?, prov.Err?
function Orchestrator:commit_now(batch)
  return async.await(function(resume)
    self:commit(batch, function(e)
      resume(not e or nil, e)
    end)
    return true
  end)
end

--- Whether the store takes writes decides whether more work is taken.
function Orchestrator:noted(e)
  if self.closed then
    return
  elseif e and not OWN_FAULT[e.code] then
    if not self.broken then
      log.error("the store cannot be written", { error = tostring(e) })
    end
    self.broken = e
    self.metrics:add("prov_store_commit_errors_total", 1)
    -- tries another write: work goes on as soon as one succeeds
    self.again:start(settings.ms(settings.orchestrator.write_again), 0, function()
      self:commit({ { "put", "meta", "probe", "" } }, function()
        self:kick()
      end)
    end)
  else
    self.broken = nil
  end
end

--- Something may start: looked at in the next turn of the loop.
function Orchestrator:kick()
  if not self.kicked and not self.closed then
    self.kicked = true
    self.kicker:start(0, 0, function()
      self.kicked = false
      self:turn()
    end)
  end
end

--- Lets a function run as a task of its own.
function Orchestrator:later(fn)
  self.errands:put(fn)
end

--- Tells everybody who listens that a job has another state.
function Orchestrator:publish(job)
  self.feed:push(job.id, job.state, clock.wall())
end

--- Listens to the events of a job, from behind one on: { number, "kind\njson" }.
---@param id string
---@param after? integer
---@return prov.Listener
function Orchestrator:watch(id, after)
  return self.watches:listen(id, after, function(from)
    return self.jobs:events(id, from, 1000) or {}
  end)
end

--- A job is no longer running, or was interrupted: its worker of an earlier life has come to an end.
local function follow(self, slot, identity)
  local deadline = slot.job.timeout and slot.at + slot.job.timeout * 1000 or math.huge
  while not self.closed do
    slot.expired = slot.expired or self.jobs:now() >= deadline
    if self:collect(slot) then
      return
    elseif slot.expired or slot.cancel and slot.cancel.now then -- nothing but its end reaches it
      clock.kill(identity)
    end
    if clock.is_dead(identity) then
      if self:collect(slot) then -- written just before it ended
        return
      elseif fs.exists(worker_of.farewell_path(self.dir, identity)) then
        return self:settle(slot, "unbegun")
      end
      return self:interrupted(slot, "the orchestrator and its worker ended")
    end
    async.sleep(WATCH_MS)
  end
end

--- Removes what workers of earlier lives have left of jobs that do not run any more.
local function sweep(self, rows)
  local kept = {}
  for _, row in ipairs(rows) do
    kept[worker_of.outcome_path(self.dir, row.job.id)] = true
    kept[worker_of.farewell_path(self.dir, row.entry.worker)] = true
  end
  for _, entry in ipairs(fs.list(self.dir .. "/outcomes") or {}) do
    local path, writer = self.dir .. "/outcomes/" .. entry.name, entry.name:match("%.(%d+)%-%d+%.tmp$")
    if writer and not fs.exists("/proc/" .. writer) or not writer and not kept[path] then
      os.remove(path)
    end
  end
end

--- Takes up what the last orchestrator left.
local function recover(self)
  local rows = assert(self.jobs:running())
  self.queue = queue.new({
    places = math.max(self.places, #rows),
    limit = request_of.lane_limit,
    read = function(lane, after, limit)
      local found, e = self.jobs:ready(lane, after, limit)
      if not found then
        log.error("the queue cannot be read", { lane = lane, error = tostring(e) })
      end
      return found
    end,
  })
  sweep(self, rows)
  for _, row in ipairs(rows) do
    local job = row.job
    job.attempts, job.started, job.state = row.entry.attempt, row.entry.since, "running"
    local slot = { job = job, lane = job.lane, worker = {}, events = self.jobs:last_event(job.id), sent = false,
      at = row.entry.at or row.entry.since }
    self.running[job.id] = slot
    self.queue:resume(job.lane)
    async.spawn(follow, self, slot, row.entry.worker)
  end
  self.ready_count = assert(self.jobs:count("ready"))
  self.delayed_count = assert(self.jobs:count("delayed"))
  for _, lane in ipairs(assert(self.jobs:lanes())) do
    self.queue:open(lane)
  end
  self:load_delayed()
  self:load_schedules()
  if #rows > 0 then
    log.warn("jobs were running when the orchestrator ended", { count = #rows })
  end
end

--- Forgets jobs that ended long ago, and old requests.
---@async
function M.prune_once(self)
  local after, done
  repeat
    local rows = self.store:scan("job", "", { after = after, limit = settings.orchestrator.prune_rows })
    local before = self.jobs:now() - self.keep * 1000
    local batch, oldest = {}, ("j%012x"):format(before)
    done = true
    for _, row in ipairs(rows or {}) do
      done = row[1] >= oldest
      if done then
        break
      end
      after = row[1]
      if not self.keys["job " .. row[1]] then -- somebody lets it run again
        self.jobs:forget(batch, row, before)
      end
    end
    if #batch > 0 then
      self:commit_now(batch)
    end
    done = done or #(rows or {}) < settings.orchestrator.prune_rows
    async.sleep(1)
  until done or self.closed
  self:commit_now(self.jobs:forget_requests(self.jobs:now()))
end

local function prune(self)
  while not self.closed do
    M.prune_once(self)
    async.sleep(settings.ms(settings.orchestrator.prune_every))
  end
end

local function open_store(dir)
  local ok, e = fs.mkdirp(dir, 448)
  if ok then
    ok, e = fs.mkdirp(dir .. "/outcomes", 448)
  end
  if not ok then
    return nil, e
  end
  return require("prov.custody").open_store(dir .. "/queue.mdb", dir .. "/key", "queue")
end

-- One orchestrator, or one who changes its key, has the folder at a time; a value to close.
local function lock_folder(dir)
  local ok, e = fs.mkdirp(dir, 448)
  if not ok then
    return nil, e
  end
  local lock
  lock, e = fs.lock(dir .. "/lock")
  if not lock then
    return nil, e.code == "locked" and err.new("locked", "another orchestrator works in " .. dir, {
      hint = "--data names another folder",
    }) or e
  end
  return lock
end

-- One process at a time changes the key file.
local function lock_key(dir)
  return fs.lock(dir .. "/key.lock", { wait = settings.ms(settings.state.rewrite_timeout) })
end

--- Seals the queue in a folder, where no orchestrator works now, under a new key.
---@async
---@param dir string
---@param uri? string who keeps the new key: the URI of a KMS, or "local" for the key file; nil: who keeps it now
---@return { key: string, kms: string }?
---@return prov.Err? err "locked": an orchestrator works there
function M.rekey(dir, uri)
  local lock <close>, e = lock_folder(dir)
  if not lock then
    if e.code == "locked" then
      e.hint = "end it first; jobs that wait are there when it starts again"
    end
    return nil, e
  end
  local _ <close>, why = lock_key(dir)
  if why then
    return nil, why
  end
  local kms
  kms, e = require("prov.custody").rekey(dir .. "/queue.mdb", dir .. "/key", { purpose = "queue" }, uri)
  return kms and { key = dir .. "/key", kms = kms }, e
end

--- Wraps the key of the queue in a folder anew, under the newest version of its KMS's key. An orchestrator may work
--- there.
---@async
---@param dir string
---@return prov.Custody?
---@return prov.Err? err
function M.rewrap(dir)
  local _ <close>, e = lock_key(dir)
  if e then
    return nil, e
  end
  return require("prov.custody").rewrap(dir .. "/key")
end

--- Opens it and begins to work; what it runs belongs to the running task.
---@async
---@param opts prov.OrchestratorOptions
---@return prov.Orchestrator?, prov.Err?
function M.open(opts)
  local lock, e = lock_folder(opts.dir)
  if not lock then
    return nil, e
  end
  local store
  store, e = open_store(opts.dir)
  if not store then
    lock:close()
    return nil, e
  end
  local self = setmetatable({
    dir = opts.dir, store = store, lock = lock, places = opts.places, keep = opts.keep, most_calls = opts.calls,
    metrics = metrics.new(require("prov.orchestrator.figures")),
    feed = feed.feed(clock.random_hex(4)), watches = feed.watches(),
    running = {}, calls = {}, calling = 0, call_count = 0, keys = {}, ends = {}, events = {}, delayed = {},
    kicker = uv.new_timer(), alarm = uv.new_timer(), again = uv.new_timer(),
    errands = async.queue(), began = clock.monotonic(),
  }, Orchestrator)
  async.spawn(function()
    while true do
      local errand = self.errands:take()
      async.spawn(function()
        local went_well, raised = pcall(errand)
        if not went_well then
          log.error("something went wrong in the orchestrator", { error = tostring(raised) })
        end
      end)
    end
  end)
  self.jobs, e = jobs_of.open(store)
  if self.jobs then
    self.pool, e = pool.open({
      count = opts.workers, memory = opts.memory, silent = opts.silent, data = opts.dir,
      on_message = function(worker, message)
        self:heard(worker, message)
      end,
      on_gone = function(worker, why)
        self:worker_gone(worker, why)
      end,
      on_ready = function()
        self:kick()
      end,
    })
  end
  if not self.pool then
    self:close()
    return nil, e
  end
  recover(self)
  async.spawn(prune, self)
  return self
end

--- How many jobs run.
---@return integer
function Orchestrator:count_running()
  local count = 0
  for _ in pairs(self.running) do
    count = count + 1
  end
  return count
end

--- Brings the gauges up to date.
function Orchestrator:gauges()
  local m, workers = self.metrics, 0
  m:clear("prov_worker_resident_bytes")
  local resident = 0
  for _, worker in pairs(self.pool.workers) do
    workers, resident = workers + 1, resident + (worker.resident or 0)
  end
  m:set("prov_jobs_running", self:count_running())
  m:set("prov_jobs_waiting", self.ready_count)
  m:set("prov_jobs_delayed", self.delayed_count)
  m:set("prov_calls_running", self.calling)
  m:set("prov_workers", workers)
  m:set("prov_worker_resident_bytes", resident)
  m:set("prov_resident_bytes", pool.resident(uv.os_getpid()) or 0)
  m:set("prov_uptime_seconds", (clock.monotonic() - self.began) / 1000)
end

--- Begins no job any more and lets those that run end; those that do not within the time are interrupted,
--- and wait for the next orchestrator.
---@async
---@param within_ms integer
---@param hurry? fun(): boolean true: do not wait any more
---@return integer left jobs that had to be interrupted
function Orchestrator:drain(within_ms, hurry)
  self.draining = true
  local deadline, left = clock.monotonic() + within_ms, 0
  while next(self.running) and clock.monotonic() < deadline and not (hurry and hurry()) do
    async.sleep(20)
  end
  for id, slot in pairs(self.running) do
    left = left + 1
    if slot.sent then
      slot.drained = true
      slot.worker.wire:send({ t = "cancel", id = id, now = true })
    end
  end
  deadline = clock.monotonic() + 5000
  while next(self.running) and clock.monotonic() < deadline do
    async.sleep(20)
  end
  return left
end

--- Ends it; jobs that run still are left to their workers' fate, as by a crash.
function Orchestrator:close()
  if self.closed then
    return
  end
  self.closed = true
  for _, timer in ipairs({ self.kicker, self.alarm, self.again }) do
    timer:close()
  end
  for _, slot in pairs(self.running) do
    if slot.timer then
      slot.timer:close()
    end
  end
  if self.ticker then
    self.ticker.close()
  end
  if self.pool then
    self.pool:close()
  end
  self.store:close()
  self.lock:close()
end

Orchestrator.__close = Orchestrator.close

return M
