--- How long a run will still take, from what its kinds of steps took in the past.
--
-- Never less than the longest chain of steps that need each other, nor than the work there is divided
-- by how many may run at once, over all and for each provider and host.

local M = {}

---@class prov.Estimate
local Estimate = {}
Estimate.__index = Estimate

--- What durations are remembered by: "create server local".
---@param step prov.Step
---@return string
function M.slot(step)
  return step.action .. " " .. step.kind .. " " .. (step.provider or step.name or "")
end

--- Makes the estimate of a plan.
---@param steps prov.Step[]
---@param opts { order: integer[], parallelism: integer, limits: integer[], node_keys: table<integer, integer[]>,
---  durations: table<string, integer> } durations are looked at anew each time
---@return prov.Estimate
function M.new(steps, opts)
  local self = setmetatable({
    order = opts.order, -- numbers of steps, each behind what it needs
    parallelism = opts.parallelism,
    limits = opts.limits,
    node_keys = opts.node_keys,
    durations = opts.durations,
    slots = {},
    needs = {},
    ended = {},
    began = {},
  }, Estimate)
  local number = {}
  for i, step in ipairs(steps) do
    number[step.id] = i
    self.slots[i] = M.slot(step)
  end
  for i, step in ipairs(steps) do
    local needs = {}
    for k, id in ipairs(step.needs) do
      needs[k] = number[id]
    end
    self.needs[i] = needs
  end
  return self
end

--- A step begins at `now`, in milliseconds.
function Estimate:start(i, now)
  self.began[i] = now
end

--- A step has ended, or will never begin.
function Estimate:stop(i)
  self.ended[i] = true
end

--- Milliseconds that are left; nil when a kind of step that is left has never been seen to end.
---@param now number
---@return integer?
function Estimate:left(now)
  local chain, chains, work, by_key = 0, {}, 0, {} -- chains[i]: the longest one behind step i
  for at = #self.order, 1, -1 do
    local i = self.order[at]
    if not self.ended[i] then
      local takes = self.durations[self.slots[i]]
      if not takes then
        return nil
      end
      if self.began[i] then
        takes = math.max(0, takes - (now - self.began[i]))
      end
      work = work + takes
      for _, key in ipairs(self.node_keys[i] or {}) do
        by_key[key] = (by_key[key] or 0) + takes
      end
      local whole = takes + (chains[i] or 0)
      chain = math.max(chain, whole)
      for _, need in ipairs(self.needs[i]) do
        chains[need] = math.max(chains[need] or 0, whole)
      end
    end
  end
  local left = math.max(chain, work / self.parallelism)
  for key, sum in pairs(by_key) do
    left = math.max(left, sum / self.limits[key])
  end
  return math.ceil(left)
end

return M
