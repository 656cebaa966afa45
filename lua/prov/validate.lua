--- Checks a workspace's infra: contracts and references, circles, then the rules. Asks no provider.

local data = require("core.data")
local err = require("prov.err")
local graph = require("core.graph")

local M = {}

local function check_order(infra)
  local nodes, number = {}, {}
  for _, list in ipairs({ infra.resources, infra.taskservs }) do
    for _, node in ipairs(list) do
      nodes[#nodes + 1] = node
      number[node.address] = #nodes
    end
  end
  local g <close> = assert(graph.new(#nodes))
  for id, node in ipairs(nodes) do
    for _, need in ipairs(node.needs or {}) do
      if number[need] then
        g:edge(number[need], id)
      end
    end
  end
  local order, e = g:sort()
  return order ~= nil or nil, not order and require("prov.plan.cycle").error(e.data.path, nodes) or nil
end

local function count_of(map)
  local n = 0
  for _ in pairs(map or {}) do
    n = n + 1
  end
  return n
end

--- The infra of a workspace when it is sound in itself; nil and errors.
local function load(ctx, workspace)
  local infra, errs = require("prov.infra").load(workspace, { registry = ctx.registry, ui = ctx.ui })
  if not infra then
    return nil, errs
  end
  local ok, e = check_order(infra)
  if not ok then
    return nil, e
  end
  return infra
end

--- Rules and what prov.yaml says about them; `only` names those to run.
local function rules_of(ctx, workspace, only)
  local rules = require("prov.rules")
  local all, errs = rules.all(workspace, ctx.registry)
  if not all then
    return nil, errs
  end
  local settings
  settings, errs = require("prov.validate.check").settings(all, workspace)
  if not settings then
    return nil, errs
  end
  local chosen = {}
  for _, id in ipairs(only or {}) do
    local rule, e = rules.find(all, id)
    if not rule then
      return nil, e
    end
    chosen[#chosen + 1] = rule
  end
  return only and only[1] and chosen or all, settings
end

--- Errors of loading as findings, for reports that know nothing else.
local function as_findings(errs)
  local out = data.list()
  for i, e in ipairs(err.list(errs)) do
    out[i] = {
      rule = e.code == "invalid" and "contract" or e.code,
      severity = "error",
      category = "contract",
      message = e.cause and e.msg .. ": " .. tostring(e.cause) or e.msg,
      hint = e.hint,
      path = e.path,
      file = e.file,
      line = e.line,
      column = e.column,
    }
  end
  return out
end

local STRICT = 8 -- exit code of warnings alone, with `strict`

--- Counts, status and exit code of findings.
local function judge(value, p)
  local counts = { error = 0, warning = 0, note = 0, ignored = 0, fixable = 0 }
  for _, finding in ipairs(value.findings) do
    local what = finding.ignored and "ignored" or finding.severity
    counts[what] = counts[what] + 1
    counts.fixable = counts.fixable + (finding.fix and not finding.ignored and 1 or 0)
  end
  value.counts = counts
  value.status = counts.error > 0 and "invalid" or counts.warning > 0 and "warnings" or "valid"
  value.exit_code = counts.error > 0 and 1 or counts.warning > 0 and p.strict and STRICT or 0
  return value
end

local function at_least(findings, least)
  local rank = require("prov.validate.check").RANK
  local out = data.list()
  for _, finding in ipairs(findings) do
    if rank[finding.severity] <= rank[least] then
      out[#out + 1] = finding
    end
  end
  return out
end

local function report(value, p, rules, settings)
  local function severity(rule)
    return require("prov.validate.check").severity(rule, settings[rule.id])
  end
  if p.format then
    local ran = {}
    for _, rule in ipairs(rules) do
      ran[#ran + 1] = severity(rule) ~= "off" and rule or nil
    end
    value.report = require("prov.validate." .. p.format).render(value, ran, severity, p.strict)
  end
  return value
end

--- Runs the rules over the infra of a workspace.
local function look(ctx, workspace, rules, settings)
  local infra, errs = load(ctx, workspace)
  if not infra then
    return nil, errs
  end
  local check, scene = require("prov.validate.check"), require("prov.validate.scene")
  local findings, ran = check.run(scene.new(infra, ctx.registry, settings, workspace), rules)
  return {
    workspace = workspace.name,
    resources = #infra.resources,
    taskservs = #infra.taskservs,
    outputs = count_of(infra.outputs),
    rules = ran,
    findings = data.list(findings),
  }
end

--- Applies the fixes of a value's findings and looks again.
local function mend(ctx, workspace, value, rules, settings)
  local done, e = require("prov.validate.fix").apply(workspace.dir, value.findings)
  if not done then
    return nil, e
  end
  for _, failed in ipairs(done.failed) do
    ctx.ui.warn("%s", tostring(failed))
  end
  done.failed = nil
  if not done[1] then
    value.fixed = data.list()
    return value
  end
  local again, errs = look(ctx, workspace, rules, settings)
  if again then
    again.fixed = data.list(done)
  end
  return again, errs
end

--- Loads and checks the infra of the operation's workspace.
---@param ctx prov.Ctx
---@param p? { strict: boolean?, fix: boolean?, format: string?, severity: string?, rule: string[]? }
---@return table? value counts and findings
---@return prov.Err|prov.Err[]?
function M.run(ctx, p)
  p = p or {}
  local workspace, e = ctx:need_workspace()
  if not workspace then
    return nil, e
  end
  local rules, settings = rules_of(ctx, workspace, p.rule)
  if not rules then
    return nil, settings
  end
  local value, errs = look(ctx, workspace, rules, settings)
  if value and p.fix then
    value, errs = mend(ctx, workspace, value, rules, settings)
  end
  if not value and not p.format then
    return nil, errs
  end
  value = value
    or {
      workspace = workspace.name,
      resources = 0,
      taskservs = 0,
      outputs = 0,
      rules = 0,
      findings = as_findings(errs),
    }
  judge(value, p)
  if p.severity then
    value.severity = p.severity
    value.findings = at_least(value.findings, p.severity)
  end
  return report(value, p, rules, settings)
end

return M
