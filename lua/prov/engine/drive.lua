--- Drives a run: the scheduler in C says what may start, tasks run it, deadlines and signals end it.

local async = require("prov.async")
local checks = require("prov.plan.checks")
local clock = require("prov.clock")
local err = require("prov.err")
local estimate = require("prov.engine.estimate")
local graph = require("core.graph")
local settings = require("prov.settings")
local steps = require("prov.engine.steps")
local units = require("prov.render.units")

local M = {}

--- Notes that a step has ended badly, for people and in the journal.
local function failed(run, step, e, phase, ms)
  local problem = err.plain(e)
  problem.ms = ms
  run.progress:fail(step.address, step.action, problem)
  run.failures[#run.failures + 1] = { step = step.id, address = step.address, err = e }
  local wrote, journal_err = run:journal(step, phase, { code = e.code, error = problem.msg })
  if not wrote then
    run.broken = journal_err
  end
end

--- A step between its preconditions and postconditions, asked with what is known now.
local function conditioned(fn)
  return function(run, step)
    local function lookup(address, path)
      return run:lookup(address, path)
    end
    local ok, e = checks.of_node(step.node, "pre", lookup)
    if ok then
      ok, e = fn(run, step)
    end
    if ok then
      ok, e = checks.of_node(step.node, "post", lookup)
    end
    return ok, e
  end
end

--- Calls what does the step, for no longer than a step may take. One that is cut off in the middle is
--- uncertain: nobody knows what it has done.
local function bounded(run, step)
  local fn = steps[step.kind == "taskserv" and step.action or step.action .. "_resource"]
  local conditions = step.action ~= "delete" and step.node and step.node.conditions
  if conditions then
    fn = conditioned(fn)
  end
  if run.step_ms == 0 then
    return fn(run, step)
  end
  local expired = true
  local result, e = async.deadline(run.step_ms, function()
    local ok, failure = fn(run, step)
    expired = false
    return ok, failure
  end)
  if expired and e and e.code == "timeout" then
    run.uncertain[step.id] = true
    return err.fail("timeout", "cancelled after %s (config: step_timeout)", units.duration(run.step_ms))
  end
  return result, e
end

local function run_step(run, step)
  local started = clock.monotonic()
  run.progress:start(step.address, step.action)
  local raised, ok, e = pcall(bounded, run, step)
  if not raised then -- a bug: the other steps still end, and this one is written down
    ok, e = nil, err.from(ok)
  end
  local ms = math.floor(clock.monotonic() - started)
  if ok then
    run.progress:done(step.address, step.action, { ms = ms })
    local slot = estimate.slot(step)
    local past = run.durations[slot]
    run.durations[slot] = past and (past * 3 + ms) // 4 or ms
    return true
  end
  failed(run, step, e, run.uncertain[step.id] and "unknown" or "failed", ms)
  return false
end

--- Scheduler keys: one per provider, one per server that taskservs run on.
local function keys_of(plan, providers)
  local limits, index, node_keys = {}, {}, {}
  local function key(name, limit)
    if not index[name] then
      limits[#limits + 1] = limit
      index[name] = #limits
    end
    return index[name]
  end
  for i, step in ipairs(plan.steps) do
    if step.provider then
      node_keys[i] = { key("provider " .. step.provider, providers:concurrency(step.provider)) }
    elseif step.kind == "taskserv" then
      node_keys[i] = { key("host " .. step.address:match("@(.*)$"), 1) }
    end
  end
  return limits, node_keys
end

--- The scheduler of a plan, and its places for prov.engine.estimate.
---@return prov.Sched? sched, prov.Err? e, table? places { order, parallelism, limits, node_keys }
function M.schedule(plan, providers, parallelism)
  local g = graph.new(#plan.steps)
  local number, weights = {}, {}
  for i, step in ipairs(plan.steps) do
    number[step.id] = i
    weights[i] = step.estimate or 1
  end
  for i, step in ipairs(plan.steps) do
    for _, need in ipairs(step.needs) do
      g:edge(number[need], i)
    end
  end
  local order, e = g:sort()
  if not order then
    local path = {}
    for _, i in ipairs(e.data and e.data.path or {}) do
      path[#path + 1] = plan.steps[i].id
    end
    return err.fail("cycle", "the plan waits for itself: %s", table.concat(path, " -> "))
  end
  local limits, node_keys = keys_of(plan, providers)
  local sched, refused = graph.sched(g, {
    weights = weights, limit = parallelism, keys = limits, node_keys = node_keys,
  })
  return sched, refused, { order = order, parallelism = parallelism, limits = limits, node_keys = node_keys }
end

local ESTIMATE_SHARE = 50 -- and at most one part in so many of the time goes into it

--- Tells the progress what is left, when there is something new to tell.
local function tell_estimate(run, now)
  if now < run.estimate_at then
    return
  end
  local left = run.estimate:left(now)
  if left and left > 0 then
    run.progress:estimate(left)
  end
  run.estimate_at = now + math.max(settings.ui.estimate_every * 1000, ESTIMATE_SHARE * (clock.monotonic() - now))
end

--- Cancels what runs and writes down that nobody knows what became of it.
local function halt(run, plan, running)
  run.halted = true
  local e = run.expired and err.new("timeout", "cancelled: " .. run.expired.msg) or err.new("canceled", "cancelled")
  local ids = {}
  for id, task in pairs(running) do
    ids[#ids + 1] = id
    task:cancel()
  end
  table.sort(ids)
  local batch = { epoch = run.epoch }
  for _, id in ipairs(ids) do
    if running[id] then
      running[id]:join()
    end
    if running[id] then -- it has not ended by itself meanwhile
      local step = plan.steps[id]
      run.canceled = run.canceled + 1
      run.progress:fail(step.address, step.action, err.plain(e))
      batch[#batch + 1] = run:entry(step, "unknown", { code = e.code, error = e.msg })
    end
  end
  run.hosts:settle()
  if #batch > 0 and not run.broken then
    local _, wrote = run:commit(batch)
    run.broken = wrote
  end
end

--- How a signal, and the run's own deadline, reach the loop that waits on `ended`: with a 0.
local function listen(run, ended)
  local function wake()
    ended:put(0)
  end
  run.cancel.stop, run.cancel.kill = wake, wake
  if run.run_ms == 0 then
    return nil
  end
  return clock.after(run.run_ms, function()
    run.expired = err.new("timeout", ("the run took longer than %s"):format(units.duration(run.run_ms)), {
      hint = "the next apply goes on from here; --timeout (config: run_timeout) says how long a run may take",
    })
    wake()
  end)
end

--- Starts every step that may start now; `count` run already.
local function start_ready(run, plan, sched, running, ended)
  while not (run.stopping or run.cancel.requested or run.expired or run.broken) do
    local id = sched:next()
    if not id then
      return
    end
    run.estimate:start(id, clock.monotonic())
    running.count = running.count + 1
    local task = async.spawn(function()
      local ok = run_step(run, plan.steps[id])
      running.tasks[id] = nil
      ended:put(ok and id or -id)
      return true
    end)
    if not task.done then
      running.tasks[id] = task
    end
  end
end

--- A step has ended: its number, negative when badly.
local function settle_step(run, plan, sched, id)
  run.estimate:stop(math.abs(id))
  if id > 0 then
    return sched:done(id)
  end
  for _, skipped in ipairs(sched:fail(-id)) do
    local step = plan.steps[skipped]
    run.estimate:stop(skipped)
    run.skipped[#run.skipped + 1] = step.address
    run.progress:skip(step.address, step.action)
  end
  run.stopping = run.on_failure ~= "continue"
end

--- Runs the steps; returns when nothing runs and nothing may start any more.
---@async
---@param run prov.Run
---@param plan prov.Plan
---@param sched prov.Sched
function M.run(run, plan, sched)
  local ended = async.queue()
  local running = { tasks = {}, count = 0 } -- tasks by number of step
  local _ <close> = listen(run, ended)
  tell_estimate(run, clock.monotonic())
  while true do
    start_ready(run, plan, sched, running, ended)
    if running.count == 0 then
      return
    end
    local id = ended:take()
    if id ~= 0 then
      running.count = running.count - 1
      settle_step(run, plan, sched, id)
      tell_estimate(run, clock.monotonic())
    elseif not run.halted and (run.cancel.killed or run.expired) then
      halt(run, plan, running.tasks)
      running.count = running.count - run.canceled -- those that ended meanwhile are in the queue
    end
  end
end

return M
