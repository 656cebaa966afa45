--- Part of the orchestrator: operations that only read run without being kept.

local async = require("prov.async")
local err = require("prov.err")
local pool = require("prov.orchestrator.pool")
local request_of = require("prov.orchestrator.request")

---@class prov.Orchestrator
local M = {}

--- Runs an operation that only reads, without keeping it; cancelled with the task.
---@async
---@param request table as for submit
---@param on_event? fun(event: { kind: string, json: string })
---@return { result: string?, error: string?, code: integer, files: table? }? done
---@return prov.Err|prov.Err[]|nil
function M:call(request, on_event)
  local job, e = request_of.job(request)
  if not job then
    return nil, e
  end
  if self.calling >= self.most_calls then
    return nil, err.new("unavailable", "too many calls at once", { data = { retry_after = 1 } })
  end
  local worker = self.pool:pick(job.flags.workspace)
  if not worker then
    return nil, err.new("unavailable", "no worker is ready", { data = { retry_after = 1 } })
  end
  self.call_count = self.call_count + 1
  local id = "c" .. self.call_count
  local message = self.call_of(job)
  message.t, message.id = "call", id
  self.metrics:add("prov_calls_total", 1)
  return async.await(function(resume, on_cancel)
    self.calls[id] = { resume = resume, worker = worker, workspace = job.flags.workspace, on_event = on_event }
    self.calling = self.calling + 1
    on_cancel(function()
      worker.wire:send({ t = "cancel", id = id, now = true })
    end)
    pool.load(worker, job.flags.workspace)
    worker.wire:send(message)
    return true
  end)
end

return M
