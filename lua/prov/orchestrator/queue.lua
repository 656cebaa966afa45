--- Which job may start next. Pure: no clock, no store, no job; only names of lanes and keys of jobs.
--
-- Jobs wait in lanes: one per workspace for those that must not run beside each other, one for the
-- others. Within a lane the smallest key goes first. Between lanes the places are shared by weight.
-- All jobs of a lane stand in the store in the order of their keys; here is a window of the first
-- of them, so that memory does not grow with what waits.

local M = {}

---@class prov.JobQueue
local Queue = {}
Queue.__index = Queue

--- How many jobs of a lane are held; when half of them are gone, more are read.
local WINDOW = 1000

---@class prov.Lane
---@field name string
---@field items { [1]: string, [2]: any }[] key and what was put with it, in order from `first` on
---@field more boolean there are jobs in the store behind the last one held
---@field running integer
---@field taken table<string, true> started, but still among the waiting ones of the store

--- Makes a queue.
---@param opts { places: integer, limit: (fun(lane: string): integer), weight: (fun(lane: string): number)?,
---  read: fun(lane: string, after: string?, limit: integer): { [1]: string, [2]: any }[] }
---@return prov.JobQueue
function M.new(opts)
  return setmetatable({
    places = opts.places,
    limit = opts.limit,
    weight = opts.weight or function()
      return 1
    end,
    read = opts.read,
    lanes = {}, -- name -> lane, those with something waiting or running
    running = 0,
    now = 0, -- virtual time: what the lane that was served last had
  }, Queue)
end

local function lane_of(self, name)
  local lane = self.lanes[name]
  if not lane then
    lane = { name = name, items = {}, first = 1, last = 0, more = false, running = 0, taken = {}, served = self.now }
    self.lanes[name] = lane
  end
  return lane
end

local function refill(self, lane)
  local held = lane.last - lane.first + 1
  if not lane.more or held > WINDOW // 2 then
    return
  end
  local items = table.move(lane.items, lane.first, lane.last, 1, {})
  local rows = self.read(lane.name, held > 0 and items[held][1] or nil, WINDOW - held)
  lane.more = #rows == WINDOW - held
  for _, row in ipairs(rows) do
    if not lane.taken[row[1]] then
      held = held + 1
      items[held] = row
    end
  end
  lane.items, lane.first, lane.last = items, 1, held
end

--- Tells that a lane has jobs in the store, after a start.
---@param name string
function Queue:open(name)
  local lane = lane_of(self, name)
  lane.more = true
  refill(self, lane)
end

--- Adds a job that the store has now. `item` comes back from next(), unless it had to be read again.
---@param name string of the lane
---@param key string
---@param item any
function Queue:add(name, key, item)
  local lane = lane_of(self, name)
  if lane.first > lane.last and not lane.more then -- a lane that wakes up has saved nothing
    lane.served = math.max(lane.served, self.now)
  end
  local items, at = lane.items, lane.last + 1
  while at > lane.first and items[at - 1][1] > key do
    at = at - 1
  end
  if lane.taken[key] or at > lane.first and items[at - 1][1] == key then
    return -- it was read from the store before its commit was told
  end
  local held = lane.last - lane.first + 1
  if at > lane.last and (lane.more or held >= WINDOW) then
    lane.more = true -- it stands behind what is held: it is read when its turn comes
    return
  end
  table.move(items, at, lane.last, at + 1)
  items[at] = { key, item }
  lane.last = lane.last + 1
  if held >= WINDOW then
    items[lane.last] = nil
    lane.last, lane.more = lane.last - 1, true
  end
end

--- Takes a job out that shall not run; true when it was held here.
---@param name string
---@param key string
---@return boolean
function Queue:remove(name, key)
  local lane = self.lanes[name]
  for i = lane and lane.first or 1, lane and lane.last or 0 do
    if lane.items[i][1] == key then
      table.remove(lane.items, i)
      lane.last = lane.last - 1
      return true
    end
  end
  return false
end

local function idle(lane)
  return lane.running == 0 and lane.first > lane.last and not lane.more
end

--- The lane whose turn it is: of those that may start something, the one that is furthest behind its share.
local function turn(self)
  local best
  for name, lane in pairs(self.lanes) do
    if lane.more then
      refill(self, lane)
    end
    if lane.first <= lane.last and lane.running < self.limit(name) then
      if not best or lane.served < best.served or lane.served == best.served and name < best.name then
        best = lane
      end
    elseif idle(lane) then
      self.lanes[name] = nil
    end
  end
  return best
end

--- Starts the next job; nil when none may start now.
---@return string? lane
---@return string? key
---@return any item
function Queue:next()
  if self.running >= self.places then
    return nil
  end
  local lane = turn(self)
  if not lane then
    return nil
  end
  local key, item = table.unpack(lane.items[lane.first])
  lane.items[lane.first] = nil
  lane.first, lane.taken[key] = lane.first + 1, true
  lane.running, self.running = lane.running + 1, self.running + 1
  self.now = lane.served
  lane.served = lane.served + 1 / self.weight(lane.name)
  return lane.name, key, item
end

--- Tells that a started job no longer stands among the waiting ones of the store.
---@param name string of the lane
---@param key string
function Queue:claimed(name, key)
  self.lanes[name].taken[key] = nil
end

--- Counts a job as running that was started before this queue was made.
---@param name string
function Queue:resume(name)
  local lane = lane_of(self, name)
  lane.running, self.running = lane.running + 1, self.running + 1
end

--- Ends a running job.
---@param name string
function Queue:done(name)
  local lane = self.lanes[name]
  lane.running, self.running = lane.running - 1, self.running - 1
end

return M
