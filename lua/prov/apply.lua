--- Plan, ask, execute: the common path of apply and destroy.

local data = require("core.data")
local engine = require("prov.engine")
local file = require("prov.plan.file")
local project = require("prov.project")
local state_of = require("prov.state")

local M = {}

local function make_plan(p, opts)
  if opts.file then
    return file.load(p.workspace, opts.file, p.state)
  end
  local target = opts.target_of and assert(opts.target_of(p)) or opts.target
  return p:plan({
    refresh = opts.refresh,
    replace = opts.replace,
    rotate = opts.rotate,
    destroy = opts.destroy,
    target = target,
  })
end

local function agree(ctx, opts)
  if ctx.yes or opts.file then
    return true
  end
  local question = opts.destroy and "Delete all of this in workspace '%s'?" or "Apply this plan to workspace '%s'?"
  return ctx.ui.confirm(question:format(ctx:need_workspace().name),
    ("save the plan with 'prov plan%s --out FILE' and apply that"):format(opts.destroy and " --destroy" or ""))
end

---@class prov.ApplyOptions
---@field file? string a saved plan
---@field destroy? boolean
---@field refresh? boolean
---@field replace? string[]
---@field rotate? table<string, boolean> addresses of secrets that get a new value
---@field target? string[] only these, and what they need
---@field target_of? fun(p: prov.Project): string[]?, prov.Err? the same, once the state is known
---@field parallelism? integer
---@field run_timeout? number seconds
---@field step_timeout? number seconds
---@field on_failure? "stop"|"continue"|"rollback"
---@field back_to? fun(store: prov.Store): integer?, prov.Err? the revision to go back to, in place of the infra

--- The error of a provider that cannot be called at all: its token is nowhere. Better told before the first step.
local function without_configuration(p, plan)
  local checked = {}
  for _, step in ipairs(plan.steps) do
    local name = step.provider
    if name and not checked[name] then
      checked[name] = true
      local _, e = p.providers:config(name)
      if e and p.providers:is_ready(name) then
        return e
      end
    end
  end
end

--- Executes a plan with everything of the project, under its lock.
local function execute(p, ctx, lock, plan, state, opts)
  local e = without_configuration(p, plan)
  if e then
    return nil, e
  end
  return engine.apply({
    workspace = p.workspace,
    store = p.store,
    plan = plan,
    state = state,
    providers = p.providers,
    registry = p.registry,
    hosts = opts.hosts,
    ui = ctx.ui,
    parallelism = opts.parallelism,
    run_timeout = opts.run_timeout,
    step_timeout = opts.step_timeout,
    on_failure = opts.on_failure,
    what = opts.what,
    back_to = opts.revision,
    lock = lock,
    cancel = ctx.cancel,
  })
end

local function failures_of(result)
  local failures = {}
  for i, failure in ipairs(result.failures) do
    local e = failure.err
    failures[i] = { step = failure.step, address = failure.address, error = tostring(e), code = e.code, hint = e.hint }
  end
  return data.list(failures)
end

--- The plan that makes the world again what the state was at a revision.
local function plan_back(p, now, revision, opts)
  local past, e = state_of.load(p.store, revision)
  if not past then
    return nil, e
  end
  local back = require("prov.plan.refactor").back(past, now, function(name)
    return p.store:get("let_go", name) ~= nil
  end)
  local infra = require("prov.plan.past").infra(past)
  infra.past = { import = back.import }
  return require("prov.plan").build({
    infra = infra,
    state = back.state,
    moves = back.moves,
    forget = back.forget,
    providers = p.providers,
    registry = p.registry,
    refresh = opts.refresh,
    durations = engine.durations(p.store),
  })
end

--- Undoes what a run did that failed: settles what is not known of it, and goes back to the state before.
local function undo(p, ctx, lock, before, opts)
  local now = assert(state_of.load(p.store))
  assert(engine.recover({ store = p.store, providers = p.providers, lock = lock, state = now }))
  local plan = assert(plan_back(p, now, before, { refresh = false }))
  ctx.ui.info("undoing what this run did: %d steps", #plan.steps)
  local result = assert(execute(p, ctx, lock, plan, now, {
    what = "rollback",
    revision = before,
    parallelism = opts.parallelism,
    step_timeout = opts.step_timeout, -- but not that of the run: what is undone is undone to the end
    on_failure = "continue",
  }))
  return { run = result.run, status = result.status, done = result.done, failures = failures_of(result) }
end

--- Adds to the options of a run how it is bounded: what an operation's parameters say, else the settings.
---@param ctx prov.Ctx
---@param p { parallelism: integer?, timeout: number? }
---@param opts prov.ApplyOptions
---@return prov.ApplyOptions
function M.bounded(ctx, p, opts)
  opts.parallelism = p.parallelism or assert(ctx.config:get("parallelism"))
  opts.run_timeout = p.timeout or assert(ctx.config:get("run_timeout"))
  opts.step_timeout = assert(ctx.config:get("step_timeout"))
  return opts
end

--- Runs the whole path; the result is what the apply view and -o json show.
---@async
---@param ctx table
---@param opts prov.ApplyOptions
---@return table?, prov.Err?
function M.run(ctx, opts)
  local p <close> = assert(project.open(ctx, { infra = (opts.destroy or opts.back_to) and "try" or "need" }))
  if opts.destroy and p.infra_error then
    ctx.ui.warn("the infra does not load (%s); destroying what the state knows", tostring(p.infra_error))
  end
  if not (opts.destroy or opts.back_to) then
    assert(require("prov.validate").gate(ctx))
  end
  local what = opts.destroy and "destroy" or opts.back_to and "rollback" or "apply"
  local lock <close> = assert(p:begin(what))
  local plan, revision
  if opts.back_to then
    revision = assert(opts.back_to(p.store))
    plan = assert(plan_back(p, p.state, revision, { refresh = opts.refresh }))
  else
    plan = assert(make_plan(p, opts))
  end
  local changes = not require("prov.plan").is_empty(plan)
  local empty = not changes and not next(plan.refreshed) and #plan.forgotten == 0 and #plan.dropped == 0
  if changes then
    if ctx.output == "table" or not ctx.yes then
      ctx.ui.show("plan", file.project(plan))
    end
    assert(agree(ctx, opts))
  end
  if empty and not engine.outputs_stale(p.store, plan) then
    local outputs = engine.saved_outputs(p.store)
    return {
      status = "done",
      changed = false,
      destroy = opts.destroy,
      done = 0,
      failed = 0,
      skipped = 0,
      outputs = outputs,
    }
  end
  if changes then
    assert(require("prov.states").keep_backup(p.workspace))
  end
  local before = p.state.revision
  local result = assert(execute(p, ctx, lock, plan, p.state, {
    hosts = p.hosts,
    revision = revision,
    parallelism = opts.parallelism,
    run_timeout = opts.run_timeout,
    step_timeout = opts.step_timeout,
    on_failure = opts.on_failure,
  }))
  result.changed = changes
  result.destroy = opts.destroy
  result.counts = plan.counts
  for name, list in pairs({ imported = plan.imported, moved = plan.moves, let_go = plan.forget }) do
    result[name] = list[1] and #list or nil
  end
  result.failures = failures_of(result)
  if opts.on_failure == "rollback" and result.status == "failed" then
    result.rollback = undo(p, ctx, lock, before, opts)
    result.outputs = {}
  end
  return result
end

return M
