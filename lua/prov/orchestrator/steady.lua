--- Part of the orchestrator: the clock of what lasts - delays, timeouts, how long something is kept.
--
-- Milliseconds since 1970, as the wall's clock had them when the machine was started; from then on they pass
-- whatever is done to that clock, through sleep of the machine and restarts of the orchestrator. What happened
-- while the machine was off only the wall's clock tells; this one never goes back.

local clock = require("prov.clock")
local data = require("core.data")
local log = require("prov.log")

local M = {}

---@class prov.Steady
---@field base integer what it said when the machine was started
local Steady = {}
Steady.__index = Steady

--- The clock of a store.
---@param store prov.Store
---@param least integer it is this late already
---@return prov.Steady?, prov.Err?
function M.open(store, least)
  local bytes, e = store:get("meta", "steady")
  if e then
    return nil, e
  end
  local before, boot, up = bytes and data.decode(bytes), clock.boot(), clock.uptime()
  local same = before and boot and before.boot == boot
  local base = math.max(same and before.base or clock.wall() - up, least - up)
  if boot and not (same and before.base == base) then
    local ok, why = store:commit_sync({ { "put", "meta", "steady", data.encode({ boot = boot, base = base }) } })
    if not ok then -- a full disk: the next start goes by the wall's clock
      log.warn("what time it is cannot be written down", { error = tostring(why) })
    end
  end
  return setmetatable({ base = base }, Steady)
end

--- Milliseconds; never goes back.
---@return integer
function Steady:now()
  return self.base + clock.uptime()
end

--- When it is a time of this clock by that of the wall, as that one is set now.
---@param ms integer
---@return integer
function Steady:to_wall(ms)
  return clock.wall() + ms - self:now()
end

return M
