--- Operations that go on telling: ctx.send{ id, event, data } takes what they tell, ctx.begin() says that
--- something will come.

local base = require("core.base")
local err = require("prov.err")
local jobs_of = require("prov.orchestrator.jobs")
local json = require("prov.json")
local request_of = require("prov.orchestrator.request")
local requests = require("prov.orchestrator.requests")

local M = {}

local LONG = 3600 * 1000

--- Tells the events of a job, from behind one on, until it has ended; returns the job.
---@async
---@param ctx table
---@param id string
---@param after? integer
---@return prov.Job?, prov.Err?
local function follow(ctx, id, after)
  local o = ctx.orchestrator
  local listener <close> = o:watch(id, after)
  while true do
    local job, e = o:find(id)
    if not job then
      return nil, e
    end
    local over = jobs_of.ENDED[job.state] and not o.running[id]
    local event = listener:take(over and 0 or LONG)
    if event and event[2] ~= "ended" then
      local kind, text = event[2]:match("^([^\n]*)\n(.*)$")
      ctx.send({ id = tostring(event[1]), event = kind, data = text })
    elseif over then -- the last event is made of the record: it is not written
      ctx.send({
        id = tostring(job.events or 1),
        event = "ended",
        data = json.encode({ job = o.jobs:public(job) }, { sorted = true }),
      })
      return job
    end
  end
end

--- The id of the event to go on behind; nil when there is none.
local function resumed(ctx, after)
  local id = ctx.last_event_id or after
  return id ~= "" and id or nil
end

--- The events of a job.
---@async
---@param after? string
---@return true?, prov.Err?
function M.job(ctx, id, after)
  local last = resumed(ctx, after)
  local number = last and math.tointeger(tonumber(last))
  if last and not number then
    return err.fail("usage", "the ids of a job's events are numbers, not '%s'", last)
  end
  local job, e
  id, e = requests.id(ctx, id)
  if id then
    job, e = ctx.orchestrator:find(id)
  end
  if not job then
    return nil, e
  end
  ctx.begin()
  job, e = follow(ctx, id, number)
  return job and true, e
end

--- The states of all jobs, without an end.
---@async
---@param after? string
function M.feed(ctx, after)
  local feed, last = ctx.orchestrator.feed, resumed(ctx, after)
  local epoch, number = (last or ""):match("^(%x+)%-(%d+)$")
  local listener
  if epoch == feed.epoch then
    listener = feed:listen(math.tointeger(tonumber(number)))
  end
  if not listener then
    listener = feed:listen()
    if last then
      ctx.send({ event = "reset", id = feed.epoch .. "-" .. feed.last, data = "{}" })
    end
  end
  local _ <close> = listener
  local heard = listener.last
  ctx.begin()
  while true do
    local event = listener:take(LONG)
    if event then
      if event[1] ~= heard + 1 then -- too slow: some are forgotten
        ctx.send({ event = "reset", id = feed.epoch .. "-" .. event[1] - 1, data = "{}" })
      end
      heard = event[1]
      local state, time, id = table.unpack(event[2])
      local job = ctx.orchestrator:find(id) or {}
      ctx.send({ id = feed.epoch .. "-" .. event[1], event = "job", data = json.encode({
        job = id,
        operation = job.op,
        workspace = job.workspace,
        state = state,
        time = jobs_of.stamp(time),
      }) })
    end
  end
end

local function files_of(files)
  if not files then
    return nil
  end
  local out = {}
  for name, bytes in pairs(files) do
    out[name] = base.base64(bytes)
  end
  return out
end

--- The last event: what has come out of it.
local function result_of(done)
  return {
    exit_code = done.code,
    result = done.result and json.decode(done.result) or nil,
    errors = done.error and json.decode(done.error).errors or nil,
    files = files_of(done.files),
    state = done.state,
    reason = done.reason,
  }
end

local function only_reads(p)
  local op = request_of.operation(p.operation)
  return op and request_of.reads(op) and not (p.delay or p.key or p.priority ~= 0 or p.max_attempts ~= 1)
end

--- Runs an operation and tells what happens.
---@async
---@param p table see prov.orchestrator.request
---@return true?, prov.Err?
function M.call(ctx, p)
  local o = ctx.orchestrator
  local done, e
  if only_reads(p) then
    local told = require("prov.async").queue()
    local caller = require("prov.async").spawn(function()
      local answer, why = o:call(p, function(event)
        told:put(event)
      end)
      told:put(false)
      return answer, why
    end)
    while true do
      local event = told:take()
      if not event then
        break
      end
      ctx.send({ event = event.kind, data = event.json })
    end
    done, e = caller:join()
  else
    done, e = o:submit(p, { request = ctx.idempotency_key })
    if done then
      ctx.send({ event = "job", data = json.encode({ id = done.id }) })
      done, e = follow(ctx, done.id)
    end
  end
  if not done then
    return nil, e
  end
  ctx.send({ event = "result", data = json.encode(result_of(done), { sorted = true }) })
  return true
end

return M
