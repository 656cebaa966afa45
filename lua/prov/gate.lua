--- When a call to a provider's account may start, and whether one that failed is tried again.
--
-- One gate per provider: a token bucket for its rate, exponential backoff with full jitter for what
-- failed, and a pause for the whole account when it asks for one (Retry-After) or answers nothing
-- but failures. A call is a verb of a body (enter, again); the requests it makes pass one by one (pass), as slowly
-- as the account's budget asks for when that runs low (budget).

local settings = require("prov.settings")

local M = {}

---@class prov.GateLimits
---@field rate? { per_second: number, burst: integer? } calls that may start
---@field retry? { attempts: integer?, base: number?, max: number? } seconds; else the settings of `calls`


-- Errors that say nothing about the request: the same one may succeed later.
local TRANSIENT = { unavailable = true, timeout = true }

---@class prov.Gate
local Gate = {}
Gate.__index = Gate

---@param name string whose account it is, for people
---@param limits? prov.GateLimits
---@param world { now: (fun(): number), sleep: fun(ms: integer), random: (fun(): number), tell: fun(text: string)? }
--- milliseconds; 0 to 1; what says to people that all wait
---@return prov.Gate
function M.new(name, limits, world)
  limits = limits or {}
  local retry, rate = limits.retry or {}, limits.rate
  return setmetatable({
    name = name,
    now = world.now,
    sleep = world.sleep,
    random = world.random,
    tell = world.tell,
    told_at = -math.huge,
    attempts = retry.attempts or settings.calls.attempts,
    base = (retry.base or settings.calls.backoff) * 1000,
    max = (retry.max or settings.calls.longest_backoff) * 1000,
    every = rate and 1000 / rate.per_second,
    burst = rate and (rate.burst or math.max(1, rate.per_second // 1)),
    free_at = nil, -- when the bucket would be full again
    flying = 0, -- requests under way
    tokens = nil, -- requests that the account still grants, as far as it has told
    pace = nil, -- ms in which it grants another one
    pace_at = 0, -- when the next one may start that has to wait for that
    paused_until = 0,
    paused_why = nil, -- what people are told of the pause
    failures = 0, -- in a row, of all calls
  }, Gate)
end

--- Milliseconds until the next call may start by its rate; takes the place.
function Gate:take()
  if not self.every then
    return 0
  end
  local now = self.now()
  local full_at = math.max(self.free_at or now, now)
  self.free_at = full_at + self.every
  return math.max(0, full_at - (self.burst - 1) * self.every - now)
end

local QUIET = 10000 -- ms between two lines that say why all waits

--- Says for the whole account why a request waits that belongs to no call that could say so.
local function tell(self, wait, reason)
  local now = self.now()
  if self.tell and wait >= settings.ui.told_after * 1000 and now >= self.told_at + QUIET then
    self.told_at = now
    self.tell(("%s: waiting %.0f s"):format(reason, wait / 1000))
  end
end

--- Waits `wait` milliseconds, and while the account is paused; what takes a second or longer is told with its reason.
local function hold(self, wait, reason, waiting)
  while true do
    local pause = self.paused_until - self.now()
    if pause > wait then
      wait, reason = pause, self.paused_why
    end
    if wait <= 0 then
      return
    end
    wait = math.ceil(wait)
    if wait >= settings.calls.told_after * 1000 then
      if waiting then
        waiting(wait, reason)
      else
        tell(self, wait, reason)
      end
    end
    self.sleep(wait)
    wait = 0
  end
end

--- Waits until a call may start.
---@async
---@param waiting? fun(ms: integer, reason: string)
function Gate:enter(waiting)
  if not self.every and self.paused_until == 0 then
    return -- the common case reads no clock
  end
  hold(self, self:take(), "rate limit of provider " .. self.name, waiting)
end

local landed = {
  __close = function(flight)
    flight.gate.flying = flight.gate.flying - 1
  end,
}

--- Waits until a request of a call may be sent. The returned value is closed when it was answered.
---@async
---@param waiting? fun(ms: integer, reason: string)
---@return table closable
function Gate:pass(waiting)
  local wait = 0
  if self.tokens and self.tokens > 0 then
    self.tokens = self.tokens - 1
    if self.tokens == 0 then
      self.pace_at = math.max(self.pace_at, self.now() + self.pace)
    end
  elseif self.tokens then
    local now = self.now()
    local at = math.max(now, self.pace_at)
    self.pace_at, wait = at + self.pace, at - now
  end
  if wait > 0 or self.paused_until > 0 then
    hold(self, wait, "the budget of provider " .. self.name .. " is used up", waiting)
  end
  self.flying = self.flying + 1
  return setmetatable({ gate = self }, landed)
end

--- Notes how many requests the account still grants, as an answer says: it is full again in `full_in` milliseconds.
--- When those are used up, requests pass as fast as new ones are granted.
---@param left integer
---@param limit integer
---@param full_in number
function Gate:budget(left, limit, full_in)
  if left >= limit then
    self.tokens = nil
    return
  end
  local before = self.tokens
  self.pace = math.min(math.max(full_in / (limit - left), 1), settings.calls.longest_wait * 1000)
  self.tokens = left - (self.flying - 1) -- the others under way take theirs
  if self.tokens <= 0 and (before == nil or before > 0) then
    self.pace_at = math.max(self.pace_at, self.now() + self.pace)
  end
end

--- Notes that a call was answered.
function Gate:answered()
  self.failures = 0
end

--- Lets nobody in for `ms`, unless a longer pause is on already.
local function pause(self, ms, why)
  local stop = self.now() + ms
  if stop > self.paused_until then
    self.paused_until, self.paused_why = stop, why
  end
end

local function backoff(self, n)
  return math.min(self.max, self.base * 2 ^ (n - 1))
end

--- Notes a failure; milliseconds after which to try again, or nil when the call has failed.
---@param attempt integer 1 for the first
---@param e prov.Err
---@return integer?
function Gate:again(attempt, e)
  if not TRANSIENT[e.code] then
    self:answered()
    return nil
  elseif type(e.data) == "table" and e.data.exhausted then
    return nil -- it was tried again and again already
  end
  self.failures = self.failures + 1
  local asked = type(e.data) == "table" and tonumber(e.data.retry_after)
  if asked then
    pause(self, math.min(asked, settings.calls.longest_wait) * 1000, ("provider %s asks to wait"):format(self.name))
  elseif self.failures >= settings.calls.failures then
    local pauses = self.failures - settings.calls.failures + 1
    pause(self, backoff(self, pauses), ("provider %s does not answer"):format(self.name))
  end
  if attempt >= self.attempts then
    return nil
  end
  return math.ceil(self.random() * backoff(self, attempt))
end

return M
