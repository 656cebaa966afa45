--- What the tasks of a provider share: values that are asked for once, and one poller for all that wait.

local async = require("prov.async")
local clock = require("prov.clock")
local collector = require("prov.collector")
local err = require("prov.err")
local settings = require("prov.settings")

local M = {}

--- A function cached(name, fn, is_fresh): the value of fn, asked for once. Who comes while it is asked for waits, and
-- gets the same value, or the same failure. A failure is not kept. With is_fresh(value) a kept value may go stale.
---@return fun(name: string, fn: (fun(): any, prov.Err?), is_fresh?: fun(value: any): boolean): any, prov.Err?
function M.cache()
  local slots = {}
  return function(name, fn, is_fresh)
    local slot = slots[name]
    if not slot then
      slot = { turn = async.semaphore(1), round = 0 }
      slots[name] = slot
    end
    local joined = slot.busy and slot.round
    local _ <close> = slot.turn:acquire()
    if slot.value ~= nil and (not is_fresh or is_fresh(slot.value)) then
      return slot.value
    elseif joined and slot.failed == joined then
      return nil, slot.failure
    end
    slot.round, slot.busy = slot.round + 1, true
    local _ <close> = setmetatable({}, {
      __close = function()
        slot.busy = false
      end,
    })
    local v, e = fn()
    slot.value = v
    if v == nil then
      slot.failed, slot.failure = slot.round, e
    end
    return v, e
  end
end

---@class prov.WatchOptions
---@field read async fun(ids: any[]): table<any, any>?, prov.Err? the states of many, by id
---@field done? fun(state: any): any, prov.Err? nil: not yet; else what watch gives. Without it any state will do
---@field batch? integer how many ids `read` takes; 25
---@field every? number seconds until the first look; 0.5
---@field max? number the longest pause, which grows by a quarter each time; 5
---@field timeout? number seconds; calls.poll_timeout of the settings

local GROWTH = 1.25
local EARLY = 5 -- ms: a timer of the loop may come a little before its time
local TRANSIENT = { unavailable = true, timeout = true }

--- Ids to ask for now: those that are due, and as many others as the last batch has room for.
local function due_batches(entries, now, size)
  local ids, seen, later = {}, {}, {}
  for _, entry in ipairs(entries) do
    if entry.due <= now + EARLY and not seen[entry.id] then
      seen[entry.id] = true
      ids[#ids + 1] = entry.id
    end
  end
  local batches = {}
  if #ids == 0 then
    return batches
  end
  for _, entry in ipairs(entries) do
    if not seen[entry.id] then
      seen[entry.id] = true
      later[#later + 1] = entry.id
    end
  end
  table.move(later, 1, -#ids % size, #ids + 1, ids)
  for first = 1, #ids, size do
    batches[#batches + 1] = table.move(ids, first, math.min(first + size - 1, #ids), 1, {})
  end
  return batches
end

local function wake(entry)
  local resume = entry.wake
  entry.wake = nil
  if resume then
    resume()
  end
end

--- When something is likely to be there, by what the quickest before it took; also a little earlier, for that was only
-- seen at a look.
local function usual(group, entry, now)
  for _, part in ipairs({ 0.9, 1 }) do
    local at = entry.since + (group.took or 0) * part
    if at > now then
      return at
    end
  end
  return math.huge
end

--- Tells everyone who waits for one of the ids what was seen.
local function tell(group, ids, states, e)
  local asked = {}
  for _, id in ipairs(ids) do
    asked[id] = true
  end
  local now = clock.monotonic()
  local pause = e and type(e.data) == "table" and tonumber(e.data.retry_after) or 0
  for _, entry in ipairs(table.move(group, 1, #group, 1, {})) do -- those who are done leave the group
    if asked[entry.id] then
      entry.every = math.min(entry.max, entry.every * GROWTH)
      entry.due = math.min(now + entry.every * 1000, usual(group, entry, now))
      entry.due = math.max(entry.due, now + pause * 1000)
      entry.news = { state = states and states[entry.id], failure = e }
      wake(entry)
    end
  end
end

--- One round of whoever polls for all: waits a little, and asks for what is due. There is time for the collector, and
-- answers about many things are large.
local function round(group, own)
  local _ <close> = collector.pause(200)
  async.sleep(settings.ms(math.min(own.first, own.every)))
  for _, ids in ipairs(due_batches(group, clock.monotonic(), own.batch)) do
    local states, e = own.read(ids)
    tell(group, ids, states, e)
  end
end

local function leave(group, entry)
  for i, one in ipairs(group) do
    if one == entry then
      table.remove(group, i)
      break
    end
  end
  if group.leader == entry then
    group.leader = nil
    for _, one in ipairs(group) do
      if one.wake then
        group.leader = one
        return wake(one)
      end
    end
  end
end

--- What the news mean for one who waits: the result packed, or nil to go on.
local function outcome(entry, name)
  local news = entry.news
  entry.news = nil
  local e = news and news.failure
  if e and not TRANSIENT[e.code] then
    return { nil, e }
  elseif news and not e then
    local result, failure = news.state, nil
    if entry.done then
      result, failure = entry.done(news.state)
    end
    if result ~= nil or failure then
      return { result, failure }
    end
  end
  if clock.monotonic() >= entry.deadline then
    local late = err.new("timeout", ("%s %s: not there after %g s"):format(name, tostring(entry.id), entry.timeout))
    late.cause, late.data = e, { exhausted = true }
    return { nil, late }
  end
end

--- A function watch(name, id, opts): waits until the thing `id` is as wanted. All that wait under one name are asked
-- for together, by one of them; each is asked for less and less often, but also when it has waited as long as the
-- quickest before it. A read that fails for a while does not end the waiting.
---@return async fun(name: string, id: any, opts: prov.WatchOptions): any, prov.Err?
function M.watcher()
  local groups = {}
  return function(name, id, opts)
    local group = groups[name] or {}
    groups[name] = group
    local every, timeout = opts.every or 0.5, opts.timeout or settings.calls.poll_timeout
    local now = clock.monotonic()
    local entry = {
      id = id, read = opts.read, done = opts.done, batch = opts.batch or 25,
      first = every, every = every, max = math.max(opts.max or 5, every), timeout = timeout,
      since = now, due = now + every * 1000, deadline = now + timeout * 1000,
    }
    group[#group + 1] = entry
    local _ <close> = setmetatable({}, {
      __close = function()
        leave(group, entry)
      end,
    })
    while true do
      if group.leader == nil or group.leader == entry then
        group.leader = entry
        round(group, entry)
      else
        async.await(function(resume, on_cancel)
          entry.wake = resume
          on_cancel(function()
            entry.wake = nil
          end)
          return true
        end)
      end
      local ended = outcome(entry, name)
      if ended then
        if ended[1] ~= nil then
          group.took = math.min(group.took or math.huge, clock.monotonic() - entry.since)
        end
        return ended[1], ended[2]
      end
    end
  end
end

return M
