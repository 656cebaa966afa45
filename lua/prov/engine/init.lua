--- Executes a plan: the scheduler in C says what is ready, tasks run it, the journal knows it all.
--
-- For every effect: journal the intent (durable), call the provider with the idempotency key,
-- journal the identity as soon as it is known, wait, journal the outcome together with the new
-- graph in one commit. What an interrupted run left open is settled by M.recover before the next
-- plan is made.

local async = require("prov.async")
local clock = require("prov.clock")
local collector = require("prov.collector")
local data = require("core.data")
local drive = require("prov.engine.drive")
local err = require("prov.err")
local estimate = require("prov.engine.estimate")
local runs_of = require("prov.engine.runs")
local settings = require("prov.settings")
local state = require("prov.state")
local steps = require("prov.engine.steps")
local value = require("prov.value")

local M = {}

---@class prov.Run
local Run = {}
Run.__index = Run

local function commit(store, batch)
  return async.await(function(resume)
    return store:commit(batch, resume)
  end)
end

--- Writes a batch durably, under the run's lock.
---@async
function Run:commit(batch)
  batch.epoch = self.epoch
  local revision, e = commit(self.store, batch)
  if not revision then
    return nil, e:wrap("write the journal")
  end
  return revision
end

local NO_FIELDS = {}

local function nothing() end

--- The store operation that journals a phase of a step: intent, accepted, done, failed or unknown.
function Run:entry(step, phase, fields)
  fields = fields or NO_FIELDS
  return { "journal", self.id, data.encode({
    step = step.id,
    address = step.address,
    action = step.action,
    phase = phase,
    time = os.time(),
    id = fields.id,
    key = fields.key,
    kind = fields.kind,
    provider = fields.provider,
    args = fields.args,
    needs = fields.needs,
    code = fields.code,
    error = fields.error,
  }) }
end

--- Journals a phase of a step; `batch` holds more operations for the same transaction.
---@async
function Run:journal(step, phase, fields, batch)
  batch = batch or { epoch = self.epoch }
  batch[#batch + 1] = self:entry(step, phase, fields)
  return self:commit(batch)
end

--- Journals a phase without waiting for the disk. Commits keep their order: it is durable before
--- everything that is journalled later, and what keeps it from being written, that meets too.
function Run:note(step, phase, fields)
  self.store:commit({ epoch = self.epoch, self:entry(step, phase, fields) }, nothing)
end

--- The state of a resource as the run knows it now.
function Run:state_of(address)
  local record = self.records[address]
  return record and record:state()
end

--- Resolves the references in a step's arguments from the live states.
---@return table? args, prov.Err?
function Run:resolve(node)
  if #node.needs == 0 and not self.lookups.list[1] then
    return node.args
  end
  local missing
  local resolved, wrong = value.resolve(node.args, function(address, path)
    local found = self:lookup(address, path)
    if found == nil then
      missing = ("%s has no value '%s'"):format(address, #path > 0 and table.concat(path, ".") or "id")
    end
    return found
  end)
  if missing then
    return err.fail("invalid", "%s: %s", node.address, missing)
  elseif not resolved then
    return nil, wrong:wrap("%s: %s", node.address, tostring(wrong))
  end
  return resolved
end

--- The value of a reference; a base address of a counted resource gives the list over it.
function Run:lookup(address, path)
  if self.lookups.by_address[address] then
    return self.lookups:get(address, path, function(...)
      return self:lookup(...)
    end)
  end
  local instances = self.instances[address]
  if instances and self:state_of(address) == nil then
    local list = {}
    for i, instance in ipairs(instances) do
      list[i] = self:lookup(instance, path)
    end
    return data.list(list)
  end
  local current = self:state_of(address)
  local found = current and state.at(current, path)
  if found == nil and path[1] ~= nil then
    local record = self.records[address]
    found = record and state.at(record:args(), path)
  end
  return found
end

--- Records the new state of a resource in memory, after it was committed.
function Run:settle(address, record)
  self.records[address] = record
end

--- States that changed outside and need no step, and records of what is gone, become truth.
local function absorb(run, plan)
  local batch = {}
  for address, observed in pairs(plan.refreshed) do
    local old = run.records[address]
    local record = state.copy(old, { state = observed, args = plan.restated[address] })
    state.writes(record, old, batch)
    run:settle(address, record)
  end
  for _, list in ipairs({ plan.forgotten }) do
    for _, record in ipairs(list) do
      local removes = state.removes(record)
      table.move(removes, 1, #removes, #batch + 1, batch)
      run:settle(record.address, nil)
    end
  end
  if #batch == 0 then
    return true
  end
  batch.message = "refresh"
  return run:commit(batch)
end

--- Moves, imports and what is let go of become truth in one commit, each with its line in the journal.
local function rewrite(run, plan)
  if #plan.moves == 0 and #plan.forget == 0 and #plan.imported == 0 then
    return true
  end
  local refactor = require("prov.plan.refactor")
  local new = refactor.records(run.records, plan.moves, plan.forget)
  for _, record in ipairs(plan.imported) do
    new[record.address] = record
  end
  local batch = refactor.writes(run.records, new)
  local function note(action, address, id)
    local step = { id = action .. " " .. address, address = address, action = action }
    batch[#batch + 1] = run:entry(step, "done", { id = id })
  end
  for _, move in ipairs(plan.moves) do
    note("move", move.from, move.to)
  end
  for _, record in ipairs(plan.imported) do
    note("import", record.address, record.id)
  end
  for _, address in ipairs(plan.forget) do
    note("forget", address)
    local record = run.records[address]
    if record and record.provider then -- going back takes it over again
      batch[#batch + 1] = { "put", "let_go", refactor.let_go(record), address }
    end
  end
  batch.message = "moved, imported and removed as the infra says"
  local ok, e = run:commit(batch)
  if not ok then
    return nil, e
  end
  run.records = new
  return true
end

local function drop_orphans(run, plan)
  local batch = {}
  for _, record in ipairs(plan.dropped) do
    if run.records[record.address] and not run.records[record.address:match("@(.*)$")] then
      local removes = state.removes(record)
      table.move(removes, 1, #removes, #batch + 1, batch)
      run:settle(record.address, nil)
    end
  end
  if #batch == 0 then
    return true
  end
  return run:commit(batch)
end

--- The values of the outputs; those that cannot be known yet are left out.
function M.outputs(run, wanted)
  local out = {}
  for name, v in pairs(wanted) do
    local complete = true
    local resolved = value.resolve(v, function(address, path)
      local found = run:lookup(address, path)
      complete = complete and found ~= nil
      return found
    end)
    if complete then
      out[name] = resolved
    end
  end
  return out
end

---@class prov.ApplyInput
---@field workspace prov.Workspace
---@field store userdata
---@field plan prov.Plan
---@field state prov.State
---@field providers prov.Providers
---@field registry prov.Registry
---@field ui table
---@field parallelism? integer
---@field run_timeout? number seconds after which no step starts and running ones are cancelled; 0: never
---@field step_timeout? number seconds after which a step is cancelled; 0: never
---@field on_failure? "stop"|"continue"|"rollback" rollback stops; the caller undoes
---@field back_to? integer the revision a rollback goes back to
---@field what? string what the run is, when it is not what the lock was taken for
---@field hosts? prov.Hosts of the plan: their sessions and facts are taken over
---@field lock table from prov.engine.locks
---@field cancel? table { requested = bool, stop = fn, kill = fn } filled in by the engine

local NO_PROGRESS = {
  start = nothing,
  event = nothing,
  wait = nothing,
  done = nothing,
  fail = nothing,
  skip = nothing,
  estimate = nothing,
  close = nothing,
}

local function progress_of(input, id, what)
  if input.ui and input.ui.progress then
    return input.ui.progress({ total = #input.plan.steps, run = id, what = what })
  end
  return NO_PROGRESS
end

local function new_run(input)
  local id = ("run-%s-%s"):format(os.date("!%Y%m%dT%H%M%SZ"), clock.random_hex(3))
  local what = input.what or input.lock.what
  local run = setmetatable({
    id = id,
    workspace = input.workspace,
    store = input.store,
    providers = input.providers,
    registry = input.registry,
    records = input.state.records,
    instances = input.plan.instances,
    lookups = require("prov.plan.lookups").open(input.plan.lookups, input.providers, input.plan.found),
    failures = {},
    skipped = {},
    canceled = 0,
    uncertain = {},
    durations = M.durations(input.store),
    on_failure = input.on_failure or "stop",
    epoch = input.lock.token,
    what = what,
    run_ms = math.ceil((input.run_timeout or 0) * 1000),
    step_ms = math.ceil((input.step_timeout or 0) * 1000),
    estimate_at = 0,
    back_to = input.back_to,
    cancel = input.cancel or {},
    progress = progress_of(input, id, what),
  }, Run)
  run.hosts = require("prov.hosts").open({
    from = input.hosts,
    workspace = input.workspace,
    registry = input.registry,
    state_of = function(address)
      return run:state_of(address)
    end,
    servers = function()
      local list = {}
      for address, record in pairs(run.records) do
        if record.kind == "server" then
          list[#list + 1] = address
        end
      end
      table.sort(list)
      return list
    end,
  })
  return run
end

--- Past step durations, in milliseconds by "action kind provider".
function M.durations(store)
  local bytes = store:get("engine", "durations")
  return bytes and data.decode(bytes) or {}
end

--- How many runs there were: what tells their order, for clocks are set back.
---@return integer
function M.count(store)
  local bytes = store:get("engine", "run_count")
  return bytes and data.decode(bytes) or 0
end

--- The instances of providers that the infra of the last apply had, and those whose resources are still there.
---@return table<string, { provider: string, config: table }>
function M.saved_providers(store)
  local bytes = store:get("engine", "providers")
  return bytes and data.decode(bytes) or {}
end

--- The store operation that keeps them.
local function keep_providers(run)
  local used, kept = {}, {}
  for _, record in pairs(run.records) do
    used[record.provider or ""] = true
  end
  for name, one in pairs(run.providers.instances) do
    if used[name] or run.providers.configs[name] then
      kept[name] = one
    end
  end
  local bytes = data.encode(kept)
  if bytes ~= (run.store:get("engine", "providers") or data.encode({})) then
    return { "put", "engine", "providers", bytes }
  end
end

--- The outputs of the last apply.
---@return table
function M.saved_outputs(store)
  local bytes = store:get("engine", "outputs")
  return bytes and data.decode(bytes) or {}
end

--- True when the infra declares other outputs than were saved, or references in them may have moved.
function M.outputs_stale(store, plan)
  local saved = M.saved_outputs(store)
  for name, v in pairs(plan.outputs) do
    if saved[name] == nil or not value.has_reference(v) and data.encode(saved[name]) ~= data.encode(v) then
      return true
    end
  end
  for name in pairs(saved) do
    if plan.outputs[name] == nil then
      return true
    end
  end
  return false
end


--- The ids of the steps that did not end well, for those who want to run them again.
local function left_of(plan, sched)
  local ids = data.list({})
  for i, step in ipairs(plan.steps) do
    if sched:state(i) ~= "done" then
      ids[#ids + 1] = step.id
    end
  end
  return ids
end

local function close_run(run, status, started, plan, before, sched)
  local failures = data.list({})
  for i = 1, math.min(#run.failures, settings.ui.failures) do
    failures[i] = { step = run.failures[i].step, error = tostring(run.failures[i].err) }
  end
  local batch = {
    { "put", "runs", run.id, data.encode({
      id = run.id,
      what = run.what,
      failures = failures,
      status = status,
      error = run.expired and err.plain(run.expired) or nil,
      started = started,
      revision = before,
      target = run.back_to,
      after = run.store:head(),
      ended = os.time(),
      ms = math.floor(clock.monotonic() - run.began),
      number = run.number,
      steps = #plan.steps,
      failed = #run.failures,
      skipped = #run.skipped,
      left = status ~= "done" and left_of(plan, sched) or nil,
    }) },
    { "put", "engine", "last_run", run.id },
    { "put", "engine", "durations", data.encode(run.durations) },
  }
  if not (run.halted or next(run.uncertain)) then
    batch[#batch + 1] = { "del", "open", run.id } -- else M.recover has work to do
  end
  return run:commit(batch)
end

--- Executes the plan. The result says what happened even when steps failed; nil, err means that
--- the run could not be started or its journal could not be written.
---@async
---@param input prov.ApplyInput
---@return table? { run, status, done, failed, canceled, skipped, failures, outputs, ms }, prov.Err?
function M.apply(input)
  local plan = input.plan
  local _ <close> = collector.rarely()
  local run = new_run(input)
  input.lock.cancel = run.cancel
  local hosts <close> = run.hosts
  local started, began, before = os.time(), clock.monotonic(), input.state.revision
  run.began, run.number = began, M.count(input.store) + 1
  local sched, e, places = drive.schedule(plan, input.providers, input.parallelism or 256)
  if not sched then
    return nil, e
  end
  places.durations = run.durations
  run.estimate = estimate.new(plan.steps, places)
  local ok
  input.providers.lookup = function(address, path)
    return run:lookup(address, path)
  end
  ok, e = run:commit({
    { "put", "open", run.id, data.encode({
      what = run.what, started = started, steps = #plan.steps, revision = input.state.revision,
      target = input.back_to, number = run.number,
    }) },
    { "put", "engine", "run_count", data.encode(run.number) },
    keep_providers(run),
  })
  if ok then
    ok, e = rewrite(run, plan)
  end
  if ok then
    ok, e = absorb(run, plan)
  end
  if not ok then
    return nil, e
  end
  drive.run(run, plan, sched)
  local counts = sched:counts()
  local whole = counts.done == #plan.steps
  local status = run.cancel.requested and not whole and "interrupted"
    or (#run.failures > 0 or run.expired and not whole) and "failed" or "done"
  run.progress:close({ status = status })
  hosts:close()
  if run.broken then
    return nil, run.broken
  end
  ok, e = drop_orphans(run, plan)
  if not ok then
    return nil, e
  end
  local outputs = M.outputs(run, plan.outputs)
  ok, e = run:commit({ { "put", "engine", "outputs", data.encode(outputs) } })
  if ok then
    ok, e = close_run(run, status, started, plan, before, sched)
  end
  if not ok then
    return nil, e
  end
  return {
    run = run.id,
    status = status,
    error = not whole and run.expired and err.plain(run.expired) or nil,
    done = counts.done,
    failed = #run.failures,
    canceled = run.canceled,
    skipped = #plan.steps - counts.done - #run.failures - run.canceled,
    failures = run.failures,
    outputs = outputs,
    checks = plan.checks and plan.checks[1] and data.list(require("prov.plan.checks").all(plan.checks, function(...)
      return run:lookup(...)
    end)) or nil,
    ms = math.floor(clock.monotonic() - began),
  }
end

--- What the last run did: { id, status, started, ended, steps, failed, skipped }, or nil.
---@return table?
function M.last_run(store)
  local id = store:get("engine", "last_run")
  local bytes = id and store:get("runs", id)
  return bytes and data.decode(bytes) or nil
end

--- The open runs an earlier process left behind.
---@return string[]?, prov.Err?
function M.open_runs(store)
  local rows, e = store:scan("open")
  if not rows then
    return nil, e
  end
  local ids = data.list({})
  for i, row in ipairs(rows) do
    ids[i] = row[1]
  end
  return ids
end

--- The creations of a run whose outcome is not journalled, in the order of their steps.
local function open_creations(store, id)
  local rows, e = store:journal(id)
  if not rows then -- not read is not empty: the run stays open
    return nil, e:wrap("read the journal of %s", id)
  end
  local open, order = {}, {}
  for _, row in ipairs(rows) do
    local entry = data.decode(row[3])
    local phase = entry.phase
    if phase == "intent" then
      open[entry.step] = entry
      order[#order + 1] = entry.step
    elseif phase == "accepted" and open[entry.step] then
      open[entry.step].id = entry.id
    elseif phase ~= "unknown" then
      open[entry.step] = nil
    elseif entry.code == "conflict" and open[entry.step] then
      open[entry.step].id = nil -- there were several: ask which of them are left
    end
  end
  local out = {}
  for _, step in ipairs(order) do
    local entry = open[step]
    open[step] = nil
    if entry and entry.action == "create" then
      out[#out + 1] = entry
    end
  end
  return out
end

--- Settles what interrupted runs left open: for every creation whose outcome is not journalled
--- the provider is asked what became of it, and what exists is recorded. Holds the lock. When it cannot be told of one,
--- the others are settled all the same, and the run stays open.
---@async
---@param input { store: userdata, providers: prov.Providers, lock: table, state: prov.State,
--- told: table<string, string|false>? } told: what a person says came of creations, by address: an id, or false for
--- nothing
---@return { address: string, id: string }[]? adopted, prov.Err?
function M.recover(input)
  local adopted = {}
  local runs, unread = M.open_runs(input.store)
  if not runs then
    return nil, unread
  end
  for _, id in ipairs(runs) do
    local open, why = open_creations(input.store, id)
    if not open then
      return nil, why
    end
    local unsettled
    for _, entry in ipairs(open) do
      local record, e = steps.adopt(input, entry)
      local batch
      if e then
        unsettled = unsettled or e:wrap("settle the interrupted creation of %s", entry.address)
      elseif record then
        batch = state.writes(record, input.state.records[record.address])
      elseif input.told and input.told[entry.address] == false then -- once said, it need not be said again
        batch = { { "journal", id, data.encode({
          step = entry.step, address = entry.address, action = entry.action, phase = "failed", time = os.time(),
          code = "notfound", error = "nothing came of it, as a person said",
        }) } }
      end
      if batch then
        batch.epoch = input.lock.token
        local revision
        revision, e = commit(input.store, batch)
        if not revision then
          return nil, e
        end
        input.state.revision = revision
      end
      if record then
        input.state.records[record.address] = record
        adopted[#adopted + 1] = { address = record.address, id = record.id }
      end
    end
    if unsettled then
      return nil, unsettled
    end
    local batch = { epoch = input.lock.token, { "del", "open", id } }
    local ok, e = runs_of.close_killed(batch, input.store, id)
    if ok then
      ok, e = commit(input.store, batch)
    end
    if not ok then
      return nil, e
    end
  end
  return adopted
end

return M
