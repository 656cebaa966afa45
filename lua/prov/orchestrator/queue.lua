--- Which job may start next. No clock, no store, no job; only names of lanes and keys of jobs.
--
-- Jobs wait in lanes: one per workspace for those that must not run beside each other, one for the
-- others. Within a lane the smallest key goes first; between lanes core/graph/share shares the places.
-- All jobs of a lane stand in the store in the order of their keys; here is a window of the first
-- of them, so that memory does not grow with what waits.

local graph = require("core.graph")

local M = {}

---@class prov.JobQueue
local Queue = {}
Queue.__index = Queue

--- How many jobs of a lane are held; when half of them are gone, more are read.
local WINDOW = 1000

---@class prov.Lane
---@field name string
---@field party integer its number in the share
---@field items { [1]: string, [2]: any }[] key and what was put with it, in order from `first` to `last`
---@field more boolean there are jobs in the store behind the last one held
---@field running integer
---@field taken table<string, true> started, but still among the waiting ones of the store

--- Makes a queue.
---@param opts { places: integer, limit: (fun(lane: string): integer), weight: (fun(lane: string): integer)?,
---  read: fun(lane: string, after: string?, limit: integer): { [1]: string, [2]: any }[]? }
---  limit: of a lane's jobs running at once, 0 for none; read: what the store has of a lane behind a key
---@return prov.JobQueue
function M.new(opts)
  return setmetatable({
    limit = opts.limit,
    weight = opts.weight,
    read = opts.read,
    share = graph.share({ places = opts.places }),
    lanes = {}, -- name -> lane, those with something waiting or running
    by_party = {},
    running = 0,
  }, Queue)
end

local function lane_of(self, name)
  local lane = self.lanes[name]
  if not lane then
    lane = { name = name, items = {}, first = 1, last = 0, more = false, running = 0, taken = {} }
    lane.party = self.share:join(self.weight and self.weight(name) or 1, self.limit(name))
    self.lanes[name], self.by_party[lane.party] = lane, lane
  end
  return lane
end

local function held(lane)
  return lane.last - lane.first + 1
end

--- Lanes that have nothing to do are forgotten.
local function forget_idle(self, lane)
  if lane.running == 0 and held(lane) == 0 and not lane.more and next(lane.taken) == nil then
    self.share:leave(lane.party)
    self.lanes[lane.name], self.by_party[lane.party] = nil, nil
  end
end

local function refill(self, lane)
  local count = held(lane)
  if not lane.more or count > WINDOW // 2 then
    return
  end
  local items = table.move(lane.items, lane.first, lane.last, 1, {})
  local rows = self.read(lane.name, count > 0 and items[count][1] or nil, WINDOW - count)
  if not rows then
    return -- it could not be read: what is there is looked for again
  end
  lane.more = #rows == WINDOW - count
  local before = count
  for _, row in ipairs(rows) do
    if not lane.taken[row[1]] then
      count = count + 1
      items[count] = row
    end
  end
  lane.items, lane.first, lane.last = items, 1, count
  if count > before then
    self.share:ready(lane.party, count - before)
  end
end

--- Tells that a lane has jobs in the store, after a start.
---@param name string
function Queue:open(name)
  local lane = lane_of(self, name)
  lane.more = true
  refill(self, lane)
  forget_idle(self, lane)
end

--- Adds a job that the store has now. `item` comes back from next(), unless it had to be read again.
---@param name string of the lane
---@param key string
---@param item any
function Queue:add(name, key, item)
  local lane = lane_of(self, name)
  local items, at = lane.items, lane.last + 1
  while at > lane.first and items[at - 1][1] > key do
    at = at - 1
  end
  if lane.taken[key] or at > lane.first and items[at - 1][1] == key then
    return -- it was read from the store before its commit was told
  end
  local full = held(lane) >= WINDOW
  if at > lane.last and (lane.more or full) then
    lane.more = true -- it stands behind what is held: it is read when its turn comes
    return refill(self, lane)
  end
  table.move(items, at, lane.last, at + 1)
  items[at] = { key, item }
  if full then
    items[lane.last + 1], lane.more = nil, true
  else
    lane.last = lane.last + 1
    self.share:ready(lane.party)
  end
end

--- Takes a job out that shall not run; Queue:removed() follows when the store knows.
---@param name string
---@param key string
function Queue:remove(name, key)
  local lane = lane_of(self, name)
  lane.taken[key] = true
  for i = lane.first, lane.last do
    if lane.items[i][1] == key then
      table.move(lane.items, i + 1, lane.last + 1, i)
      lane.last = lane.last - 1
      self.share:withdraw(lane.party)
      return refill(self, lane)
    end
  end
end

--- Starts the next job; nil when none may start now.
---@return string? lane
---@return string? key
---@return any item
function Queue:next()
  local party = self.share:next()
  if not party then
    return nil
  end
  local lane = self.by_party[party]
  local key, item = table.unpack(lane.items[lane.first])
  lane.items[lane.first] = nil
  lane.first, lane.taken[key] = lane.first + 1, true
  lane.running, self.running = lane.running + 1, self.running + 1
  refill(self, lane)
  return lane.name, key, item
end

--- Tells that a started job no longer stands among the waiting ones of the store.
---@param name string of the lane
---@param key string
function Queue:claimed(name, key)
  self.lanes[name].taken[key] = nil
end

--- Tells that a job that was taken out no longer stands among the waiting ones of the store.
---@param name string of the lane
---@param key string
function Queue:removed(name, key)
  self:claimed(name, key)
  forget_idle(self, self.lanes[name])
end

--- Puts a started job back: it could not begin.
function Queue:undo(name, key, item)
  self:claimed(name, key)
  local lane = self.lanes[name]
  lane.running, self.running = lane.running - 1, self.running - 1
  self.share:done(lane.party)
  self:add(name, key, item)
end

--- Counts a job as running that was started before this queue was made; before anything is added.
---@param name string
function Queue:resume(name)
  local lane = lane_of(self, name)
  self.share:ready(lane.party)
  self.share:next()
  lane.running, self.running = lane.running + 1, self.running + 1
end

--- Ends a running job.
---@param name string
function Queue:done(name)
  local lane = self.lanes[name]
  lane.running, self.running = lane.running - 1, self.running - 1
  self.share:done(lane.party)
  forget_idle(self, lane)
end

return M
