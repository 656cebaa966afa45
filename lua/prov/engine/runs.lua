--- What runs left in the store: their ends and their journals.

local data = require("core.data")
local err = require("prov.err")
local suggest = require("prov.suggest")
local uv = require("luv")

local M = {}

--- All runs, newest first: those that ended as they were written down, open ones with status "open".
---@param store prov.Store
---@param limit? integer
---@return table[]? rows { id, what, status, started, ended?, steps, failed?, skipped?, failures? }
---@return prov.Err?
function M.list(store, limit)
  local by_id = {}
  for _, space in ipairs({ "open", "runs" }) do
    local rows, e = store:scan(space)
    if not rows then
      return nil, e
    end
    for _, row in ipairs(rows) do
      local fields = data.decode(row[2])
      fields.id, fields.status = row[1], fields.status or "open"
      by_id[row[1]] = fields
    end
  end
  local list = data.list({})
  for _, fields in pairs(by_id) do
    list[#list + 1] = fields
  end
  table.sort(list, function(a, b)
    if a.number ~= b.number then -- clocks go back, numbers do not; older runs have none
      return (a.number or 0) > (b.number or 0)
    elseif a.revision ~= b.revision then
      return (a.revision or 0) > (b.revision or 0)
    elseif a.started ~= b.started then
      return a.started > b.started
    end
    return a.id > b.id
  end)
  for i = #list, math.min(limit or #list, #list) + 1, -1 do
    list[i] = nil
  end
  return list
end

--- The run of a list, newest first, that is meant: an id, the end of one, or "last".
---@param list table[]
---@param name string
---@return table?, prov.Err?
function M.pick(list, name)
  local ids, found = {}, nil
  for i, run in ipairs(list) do
    ids[i] = run.id
    if run.id == name or run.id:sub(-#name) == name and #name > 1 and not found then
      found = run
    end
  end
  if name == "last" then
    found = list[1]
  end
  if not found then
    return nil, suggest.unknown("run", name, ids)
  end
  return found
end

--- The run that is meant, when there is something of it to run again.
---@param store prov.Store
---@param name string
---@return table? run with `left`, the ids of its steps that did not end well
---@return prov.Err?
function M.to_retry(store, name)
  local run, e = M.find(store, name)
  if not run then
    return nil, e
  end
  local function refuse(code, fmt, hint)
    return nil, err.new(code, fmt:format(run.id), { hint = hint })
  end
  if run.status == "done" then
    return refuse("invalid", "%s did not fail: there is nothing to run again")
  elseif run.what == "rollback" then
    return refuse("unsupported", "%s was a rollback, which is done as a whole", "go on with it: prov run resume")
  elseif run.status == "open" or run.killed then
    return refuse("unsupported", "%s was killed before it could note what it left", "go on with it: prov run resume")
  elseif not run.left then
    return refuse("unsupported", "%s was run by an older prov, which did not note what it left",
      "go on with it: prov run resume")
  end
  return run
end

local REMOVES = { delete = true, remove = true }

--- The addresses that a run left something to do at. What was to be removed and is gone is done.
---@param run table from M.to_retry
---@param infra table
---@param now prov.State
---@return string[]?, prov.Err?
function M.left(run, infra, now)
  local wanted = {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for _, node in ipairs(list) do
      wanted[node.address] = true
    end
  end
  local addresses, gone, seen = {}, {}, {}
  for _, id in ipairs(run.left) do
    local action, address = id:match("^(%S+) (.+)$")
    local known = now.records[address] or wanted[address] and run.what ~= "destroy"
    if not seen[address] and (known or not REMOVES[action]) then
      seen[address] = true
      table.insert(known and addresses or gone, address)
    end
  end
  if gone[1] then
    return nil, err.new("notfound", ("%s left %s, which neither the infra nor the state has any more"):format(run.id,
      table.concat(gone, ", ")), { hint = "plan anew: prov apply" })
  elseif not addresses[1] then
    return err.fail("notfound", "all that %s left is gone already", run.id)
  end
  return addresses
end

--- The run of a store that is meant, as for pick.
---@return table?, prov.Err?
function M.find(store, name)
  local list, e = M.list(store)
  if not list then
    return nil, e
  end
  return M.pick(list, name)
end

--- The revision the state had before a run.
---@param store prov.Store
---@param name string
---@return integer?, prov.Err?
function M.before(store, name)
  local run, e = M.find(store, name)
  if not run then
    return nil, e
  elseif not run.revision then
    return err.fail("unsupported", "%s was run by an older prov, which did not note where it began", run.id)
  end
  return run.revision
end

--- What a run changed in the state: { from, to, changes } as of prov.state.history.
---@param store prov.Store
---@param name string
---@return table?, prov.Err?
function M.diff(store, name)
  local state = require("prov.state")
  local before, e = M.before(store, name)
  if not before then
    return nil, e
  end
  local from, to
  from, e = state.load(store, before)
  if from then
    to, e = state.load(store, M.find(store, name).after) -- an open run: up to now
  end
  if not to then
    return nil, e
  end
  return { from = from.revision, to = to.revision, changes = require("prov.state.history").diff(from, to) }
end

--- Asks the process that works on a workspace to end, as Ctrl-C does; with `now` as a second one.
---@param store prov.Store
---@param now? boolean
---@return { owner: string, pid: integer }?, prov.Err?
function M.cancel(store, now)
  local owner, e = require("prov.engine.locks").ask_to_cancel(store, now)
  if not owner then
    return nil, e
  end
  local host, pid = owner:match("@(%S+) pid (%d+)$")
  if host ~= uv.os_gethostname() then
    return err.fail("unsupported", "it runs on another machine: %s", owner)
  end
  pid = math.tointeger(pid)
  for _ = 1, now and 2 or 1 do
    local ok, why = uv.kill(pid, "sigint")
    if not ok then
      return nil, err.uv(why, "cannot signal %s", owner)
    end
    if now then
      require("prov.async").sleep(300) -- the first is about new steps, the second about running ones
    end
  end
  return { owner = owner, pid = pid }
end

--- The journal of a run, in order: { time, step, phase, id?, error? }.
---@param store prov.Store
---@param id string
---@return table[]?, prov.Err?
function M.journal(store, id)
  local rows, e = store:journal(id)
  if not rows then
    return nil, e
  end
  local out = data.list({})
  for i, row in ipairs(rows) do
    local entry = data.decode(row[3])
    out[i] = { time = entry.time, step = entry.step, phase = entry.phase, id = entry.id, error = entry.error }
  end
  return out
end

--- Adds to a batch how a run ended that was killed before it could write that down itself, as far as its journal
--- tells; it is to be committed once everything it left is settled.
---@param batch table
---@param store prov.Store
---@param id string
---@return true?, prov.Err?
function M.close_killed(batch, store, id)
  local bytes, e = store:get("runs", id)
  if bytes or e then
    return not e or nil, e -- it wrote it down: only something that it left was not settled
  end
  local journal
  bytes, e = store:get("open", id)
  if bytes then
    journal, e = M.journal(store, id)
  end
  if not journal then
    return nil, e
  end
  local run = data.decode(bytes)
  run.id, run.status, run.killed, run.after = id, "interrupted", true, store:head()
  run.ended = journal[1] and journal[#journal].time or run.started
  run.failed, run.skipped, run.failures = 0, 0, data.list({})
  for _, step in ipairs(M.steps(journal)) do
    if step.phase == "failed" then
      run.failed = run.failed + 1
      run.failures[run.failed] = { step = step.step, error = step.error }
    end
  end
  batch[#batch + 1] = { "put", "runs", id, data.encode(run) }
  batch[#batch + 1] = { "put", "engine", "last_run", id }
  return true
end

--- What became of the steps of a run, in the order in which they began: { step, phase, began, ended?, id?, error? }.
---@param journal table[] from M.journal
---@return table[]
function M.steps(journal)
  local out, by_step = data.list({}), {}
  for _, entry in ipairs(journal) do
    local step = by_step[entry.step]
    if not step then
      step = { step = entry.step, began = entry.time }
      by_step[entry.step] = step
      out[#out + 1] = step
    end
    step.phase = entry.phase
    step.id, step.error = entry.id or step.id, entry.error
    step.ended = entry.phase ~= "intent" and entry.phase ~= "accepted" and entry.time or nil
  end
  return out
end

return M
