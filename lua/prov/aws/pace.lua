--- How fast an operation may be called. AWS has a token bucket for each and does not tell what is in it, so that is
--- learnt from what it refuses.
--
-- Until something is refused, requests pass at once, some at a time. From then on they pass one after the other, at a
-- rate that a refusal cuts and an answer raises a little (as TCP does). The bucket fills at its own rate meanwhile, so
-- what the rate is too low now is made good when it is too high later.

local async = require("prov.async")

local M = {}

local CUT, STEP, LEAST = 0.7, 0.1, 0.5 -- of the rate; requests a second
local FLIGHTS = 50 -- requests under way
local WINDOW = 1000 -- ms in which requests are counted before there is a rate

---@class prov.aws.Pace
local Pace = {}
Pace.__index = Pace

--- The pace of one operation.
---@param world { now: (fun(): number), sleep: fun(ms: integer) } milliseconds
---@return prov.aws.Pace
function M.new(world)
  return setmetatable({
    world = world,
    flights = async.semaphore(FLIGHTS),
    turn = async.semaphore(1),
    rate = nil, -- requests a second, once it is known that there is a limit
    next_at = 0, -- when the next may pass
    cuts = 0,
    granted = 0, -- requests
    recent = 0, -- requests sent since recent_at, while there is no rate
    recent_at = 0,
  }, Pace)
end

--- Waits while many requests are under way. The returned value is closed when this one was answered.
---@async
---@return table closable
function Pace:enter()
  return self.flights:acquire()
end

--- Waits until a request that has entered may be sent.
---@async
---@param call table of whoever sends it, empty at its first try
function Pace:pass(call)
  local now = self.world.now()
  if self.rate then
    local _ <close> = self.turn:acquire()
    local wait = self.next_at - self.world.now()
    if wait > 0 then
      self.world.sleep(math.ceil(wait))
    end
    self.next_at = math.max(self.next_at, self.world.now()) + 1000 / self.rate
  elseif now - self.recent_at > WINDOW then
    self.recent, self.recent_at = 1, now
  else
    self.recent = self.recent + 1
  end
  call.cuts = self.cuts
end

--- Notes that a request was not refused.
function Pace:grant()
  self.granted = self.granted + 1
  if self.rate then
    self.rate = self.rate + STEP
  end
end

--- Notes that a request was refused for coming too soon.
---@param call table of whoever sent it
---@return boolean moving others were granted since it was refused last, or all come more slowly now: its turn will come
function Pace:refuse(call)
  local before = self.rate
  if call.cuts == self.cuts then -- else it was on its way when the rate was cut
    self.cuts = self.cuts + 1
    self.rate = math.max(LEAST, (before or self.recent) * CUT)
    self.next_at = self.world.now() + 1000 / self.rate
  end
  local moving = call.seen ~= self.granted or self.rate ~= before
  call.seen = self.granted
  return moving
end

return M
