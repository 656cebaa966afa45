--- Plan, ask, execute: the common path of apply and destroy.

local engine = require("prov.engine")
local file = require("prov.plan.file")
local project = require("prov.project")

local M = {}

local function make_plan(p, opts)
  if opts.file then
    return file.load(p.workspace, opts.file, p.state)
  end
  return p:plan({ refresh = opts.refresh, replace = opts.replace, destroy = opts.destroy, target = opts.target })
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
---@field target? string[] only these, and what they need
---@field parallelism? integer
---@field on_failure? "stop"|"continue"

--- Runs the whole path; the result is what the apply view and -o json show.
---@async
---@param ctx table
---@param opts prov.ApplyOptions
---@return table?, prov.Err?
function M.run(ctx, opts)
  local p <close> = assert(project.open(ctx, { infra = opts.destroy and "try" or "need" }))
  if opts.destroy and p.infra_error then
    ctx.ui.warn("the infra does not load (%s); destroying what the state knows", tostring(p.infra_error))
  end
  local lock <close> = assert(p:begin(opts.destroy and "destroy" or "apply"))
  local plan = assert(make_plan(p, opts))
  local empty = #plan.steps == 0 and not next(plan.refreshed) and #plan.forgotten == 0 and #plan.dropped == 0
  if #plan.steps > 0 then
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
  local result = assert(engine.apply({
    workspace = p.workspace,
    store = p.store,
    plan = plan,
    state = p.state,
    providers = p.providers,
    registry = p.registry,
    hosts = p.hosts,
    ui = ctx.ui,
    parallelism = opts.parallelism,
    on_failure = opts.on_failure,
    lock = lock,
    cancel = ctx.cancel,
  }))
  result.changed = #plan.steps > 0
  result.destroy = opts.destroy
  result.counts = plan.counts
  local failures = {}
  for i, failure in ipairs(result.failures) do
    local e = failure.err
    failures[i] = { step = failure.step, address = failure.address, error = tostring(e), code = e.code, hint = e.hint }
  end
  result.failures = require("core.data").list(failures)
  return result
end

return M
