--- Part of the orchestrator: jobs that wait for their time.

local jobs_of = require("prov.orchestrator.jobs")

---@class prov.Orchestrator
local M = {}

local WINDOW = 1000 -- delayed jobs in memory, those whose time comes first

--- Remembers a delayed job, when it is among the first.
function M:hold(at, id)
  local list = self.delayed
  if (self.more_delayed or #list >= WINDOW) and (#list == 0 or at >= list[#list][1]) then
    self.more_delayed = true
    return
  end
  local i = #list + 1
  while i > 1 and list[i - 1][1] > at do
    i = i - 1
  end
  table.insert(list, i, { at, id })
  if #list > WINDOW then
    list[#list], self.more_delayed = nil, true
  end
  self:arm()
end

--- Sets the timer for the first delayed job; looked at again after a while, for the machine may sleep.
function M:arm()
  local first = self.delayed[1]
  if first and not self.closed then
    local ms = math.max(0, math.min(first[1] - self.jobs:now(), 1000))
    self.alarm:start(ms, 0, function()
      self:later(function()
        self:release_due()
      end)
    end)
  end
end

--- A list of closables that is closed as a whole.
local function all_of(list)
  return setmetatable(list, {
    __close = function()
      for _, one in ipairs(list) do
        getmetatable(one).__close(one)
      end
    end,
  })
end

--- Lets the jobs whose time has come wait for their turn.
---@async
function M:release_due()
  local now, batch, due = self.jobs:now(), {}, {}
  local held <close> = all_of({})
  while self.delayed[1] and self.delayed[1][1] <= now do
    local id = table.remove(self.delayed, 1)[2]
    held[#held + 1] = self:alone("job " .. id) -- its canceller may be at work
    local job = self.jobs:get(id)
    if job and job.state == "waiting" and job.run_at then
      job.ready_at = job.run_at
      jobs_of.release(batch, job)
      due[#due + 1] = job
    end
  end
  if #due > 0 then
    local ok = self:commit_now(batch)
    for _, job in ipairs(due) do
      if ok then
        self.delayed_count = self.delayed_count - 1
        self:admitted(job)
      else
        self:hold(now + 1000, job.id)
      end
    end
  end
  if #self.delayed == 0 and self.more_delayed then
    self:load_delayed()
  end
  self:arm()
end

function M:load_delayed()
  local rows = assert(self.jobs:delayed(WINDOW))
  self.delayed, self.more_delayed = rows, #rows == WINDOW
  self:arm()
end

return M
