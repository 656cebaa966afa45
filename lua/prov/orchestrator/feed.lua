--- Who hears what happens: the events of one job, which are on disk, and the states of all jobs, which are not.

local async = require("prov.async")
local settings = require("prov.settings")
local uv = require("luv")

local M = {}


-- ---- Listeners ----

---@class prov.Listener
local Listener = {}
Listener.__index = Listener

local function listener(read, after, leave)
  return setmetatable({ read = read, last = after or 0, replaying = true, fresh = {}, page = {}, leave = leave },
    Listener)
end

local function hear(self, number, value)
  if #self.fresh >= settings.orchestrator.feed_lag then -- it reads from where it is once it has time again
    self.fresh, self.replaying = {}, true
  elseif not self.replaying then
    self.fresh[#self.fresh + 1] = { number, value }
  end
  local wake = self.wake
  self.wake = nil
  if wake then
    wake()
  end
end

local function next_of(self)
  if self.replaying and not self.page[1] then
    self.replaying = false -- before reading: what comes meanwhile is heard
    self.page = self.read(self.last)
    self.replaying = #self.page > 0
  end
  local list = self.page[1] and self.page or self.fresh
  local event = table.remove(list, 1)
  while event and event[1] <= self.last do
    event = table.remove(list, 1)
  end
  if event then
    self.last = event[1]
  end
  return event
end

--- The next event: { number, value }; waits for it up to `ms`, else nil.
---@async
---@param ms integer
---@return { [1]: integer, [2]: any }?
function Listener:take(ms)
  local event = next_of(self)
  if event or self.replaying then
    return event or self:take(ms)
  end
  local timer = uv.new_timer()
  async.await(function(resume, on_cancel)
    on_cancel(function()
      self.wake = nil
      timer:close()
    end)
    timer:start(ms, 0, function()
      self.wake = nil
      timer:close()
      resume()
    end)
    self.wake = function()
      timer:close()
      resume()
    end
    return true
  end)
  return next_of(self)
end

--- Stops listening.
function Listener:close()
  self.leave(self)
end

Listener.__close = Listener.close

-- ---- Listeners by job ----

---@class prov.Watches
local Watches = {}
Watches.__index = Watches

--- Makes the lists of who listens to which job.
---@return prov.Watches
function M.watches()
  return setmetatable({ by_id = {} }, Watches)
end

--- Listens to a job from behind an event on. `read(after)` gives the next events that are on disk.
---@param id string
---@param after? integer
---@param read fun(after: integer): { [1]: integer, [2]: any }[]
---@return prov.Listener
function Watches:listen(id, after, read)
  local list = self.by_id[id] or {}
  self.by_id[id] = list
  local one = listener(read, after, function(it)
    list[it] = nil
    if not next(list) and self.by_id[id] == list then
      self.by_id[id] = nil
    end
  end)
  list[one] = true
  return one
end

--- Tells an event that is on disk now.
function Watches:tell(id, number, value)
  for one in pairs(self.by_id[id] or {}) do
    hear(one, number, value)
  end
end

-- ---- All of them ----

---@class prov.Feed
---@field epoch string tells this life of the orchestrator from others
local Feed = {}
Feed.__index = Feed

--- Makes the feed of everything.
---@param epoch string
---@return prov.Feed
function M.feed(epoch)
  return setmetatable({
    epoch = epoch, length = settings.orchestrator.feed_length,
    ids = {}, states = {}, times = {}, first = 1, last = 0, listeners = {},
  }, Feed)
end

--- Adds an event, a job has another state; it is remembered while `length` others come. Plain lists, no table
--- each: there are many of them, and mostly nobody listens.
---@param id string
---@param state string
---@param time integer milliseconds
function Feed:push(id, state, time)
  self.last = self.last + 1
  local slot = self.last % self.length
  self.ids[slot], self.states[slot], self.times[slot] = id, state, time
  self.first = math.max(self.first, self.last - self.length + 1)
  for one in pairs(self.listeners) do
    hear(one, self.last, { state, time, id })
  end
end

--- Listens from behind an event on, else from now on.
---@param after? integer
---@return prov.Listener? listener nil when that event is no longer remembered
function Feed:listen(after)
  after = after or self.last
  if after < self.first - 1 or after > self.last then
    return nil
  end
  local one
  one = listener(function(from)
    local out, first = {}, math.max(from + 1, self.first)
    for number = first, math.min(self.last, first + settings.orchestrator.feed_lag - 1) do
      local slot = number % self.length
      out[#out + 1] = { number, { self.states[slot], self.times[slot], self.ids[slot] } }
    end
    return out
  end, after, function(it)
    self.listeners[it] = nil
  end)
  self.listeners[one] = true
  return one
end

return M
