--- What the operations about jobs do; ctx.orchestrator is the orchestrator they run in.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")

local M = {}

--- A job as everybody sees it, or the error there was instead.
local function public(ctx, job, e)
  if not job then
    return nil, e
  end
  return ctx.orchestrator.jobs:public(job, true)
end

--- The id of a job: the one given, or that of the newest job when it is "last".
---@param ctx table
---@param id string
---@return string? id, prov.Err?
function M.id(ctx, id)
  if id ~= "last" then
    return id
  end
  local found, e = ctx.orchestrator:page({ limit = 1 })
  if found and not found[1] then
    return err.fail("notfound", "there is no job yet")
  end
  return found and found[1].id, e
end

--- Takes a job.
---@async
function M.submit(ctx, p)
  p.workspace = p.workspace or ctx.flags.workspace
  return public(ctx, ctx.orchestrator:submit(p, { request = ctx.idempotency_key }))
end

--- A page of jobs.
---@return table? list with `cursor` when there may be more
---@return prov.Err?
function M.list(ctx, p)
  local o = ctx.orchestrator
  local found, more = o:page({ state = p.state, workspace = p.of, op = p.operation, limit = p.limit, after = p.cursor })
  if not found then
    return nil, more
  end
  local out = data.list({})
  for i, job in ipairs(found) do
    out[i] = o.jobs:public(job)
  end
  out.cursor = more
  return out
end

function M.show(ctx, id)
  local e
  id, e = M.id(ctx, id)
  if not id then
    return nil, e
  end
  return public(ctx, ctx.orchestrator:find(id))
end

---@async
function M.cancel(ctx, id, now)
  return public(ctx, ctx.orchestrator:cancel(id, now))
end

---@async
function M.retry(ctx, id)
  local e
  id, e = M.id(ctx, id)
  if not id then
    return nil, e
  end
  return public(ctx, ctx.orchestrator:retry(id))
end

---@async
function M.run_schedule(ctx, name)
  return public(ctx, ctx.orchestrator:run_schedule(name, ctx.idempotency_key))
end

function M.answer(ctx, id, yes)
  local ok, e = ctx.orchestrator:answer(id, yes)
  if not ok then
    return nil, e
  end
  return M.show(ctx, id)
end

--- An event as one line for people.
---@param kind string
---@param fields table
---@return string
function M.line(kind, fields)
  local job = fields.job
  if kind == "ended" then
    return job.state .. (job.reason and ": " .. job.reason or "")
  elseif fields.address then
    return ("%s %s%s"):format(fields.action or "", fields.address, fields.msg and ": " .. fields.msg or
      fields.title and ": " .. fields.title or fields.reason and ": " .. fields.reason or "")
  end
  return fields.msg or fields.what or fields.view or ""
end

--- What a job has told: { number, type, text, event }.
function M.logs(ctx, p)
  local o = ctx.orchestrator
  local id, e = M.id(ctx, p.id)
  local job
  if id then
    job, e = o:find(id)
  end
  if not job then
    return nil, e
  end
  local rows
  rows, e = o.jobs:events(id, p.after, p.limit)
  if not rows then
    return nil, e
  end
  local out = data.list({})
  for i, row in ipairs(rows) do
    local kind, text = row[2]:match("^([^\n]*)\n(.*)$")
    local fields = json.decode(text)
    out[i] = { number = row[1], type = kind, text = M.line(kind, fields), event = fields }
  end
  return out
end

--- How much waits and runs.
function M.queue(ctx)
  return ctx.orchestrator:overview()
end

return M
