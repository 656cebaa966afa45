--- What is wrong with a workflow, before anything runs: its operations, their parameters as far as they
-- are known, and its workspaces. Names and edges were looked at by prov.workflow.expand.

local contract = require("prov.contract")
local err = require("prov.err")
local expand = require("prov.workflow.expand")
local expr = require("prov.workflow.expr")
local ops = require("prov.ops")
local params_of = require("prov.params")
local suggest = require("prov.suggest")
local value = require("prov.value")
local where = require("prov.workflow.where")

local M = {}

--- The declaration of an operation that a step may run.
---@param name string
---@return table? op
---@return string? message
---@return string? hint
function M.operation(name)
  local op = ops.load(name)
  if not op then
    local target = ops.index().shortcuts[name]
    return nil, ("there is no operation '%s'"):format(name),
      target and ("it is the shortcut of '%s'"):format(target) or suggest.hint(name, ops.names())
  elseif op.terminal then
    return nil, ("'%s' needs a person at a terminal"):format(name)
  elseif name:match("^workflow ") then
    return nil, ("'%s' cannot be a step"):format(name), "a step with workflow = \"NAME\" runs a workflow"
  end
  return op
end

local Checker = {}
Checker.__index = Checker

function Checker:refuse(at, below, msg, hint)
  local path = table.move(below, 1, #below, #at.path + 1, table.move(at.path, 1, #at.path, 1, {}))
  local e = contract.errors({ { path = path, msg = msg, hint = hint } }, at.source)[1]
  local key = e:text()
  if not self.seen[key] and #self.errors < 50 then
    self.seen[key] = true
    self.errors[#self.errors + 1] = e
  end
end

-- The parameters of one run of an operation against its contract.
function Checker:call(node, below, spec)
  local op, msg, hint = M.operation(spec.run)
  if not op then
    local path = table.move(below, 1, #below, 1, {})
    path[#path + 1] = "run"
    return self:refuse(node.at, path, msg, hint)
  end
  local lookup = expand.known(node.scope, node.matrix)
  local params, bad = expr.fill(spec.with, lookup)
  if bad then
    return -- told by expand
  end
  local _, errs = params_of.complete(op, params, true)
  for _, e in ipairs(errs and err.list(errs) or {}) do
    local path = table.move(below, 1, #below, 1, {})
    path[#path + 1] = "with"
    local first = e.path and e.path:match("^[%w_-]+")
    path[#path + 1] = first and params[first] ~= nil and first or nil
    if next(spec.with) == nil then
      path[#path] = nil
    end
    self:refuse(node.at, path, ("'%s': %s"):format(spec.run, e.msg), e.hint)
  end
end

function Checker:workspace(node, below, own)
  local _, e = where.of(self.owner, node, own, expand.known)
  if e then
    self:refuse(node.at, below, e.msg, e.hint)
  end
end

function Checker:node(node)
  local step = node.step
  if node.kind ~= "op" then
    return
  end
  self:call(node, {}, step)
  self:workspace(node, step.workspace and { "workspace" } or {}, nil)
  for i, code in ipairs(step.retries and step.retries.on or {}) do
    if not err.CODES[code] then
      local codes = {}
      for known in pairs(err.CODES) do
        codes[#codes + 1] = known
      end
      table.sort(codes)
      self:refuse(node.at, { "retries", "on", i }, ("there is no code '%s'"):format(code),
        suggest.hint(code, codes) or "there are " .. table.concat(codes, ", "))
    end
  end
  for name in pairs(step.artifacts) do
    if not tostring(name):match("^[%w][%w._-]*$") then
      self:refuse(node.at, { "artifacts", name }, ("'%s' is no name of a file"):format(tostring(name)))
    end
  end
  if step.compensate then
    self:call(node, { "compensate" }, step.compensate)
    if step.compensate.workspace then
      self:workspace(node, { "compensate", "workspace" }, step.compensate.workspace)
    end
  end
end

--- Values for inputs that nobody has given: those with a default have it, the others are unknown.
---@param schema table
---@param given table
---@return table
function M.partial(schema, given)
  local inputs = {}
  for name, field in pairs(schema) do
    field = type(field) == "table" and field or {}
    inputs[name] = given[name]
    if inputs[name] == nil and field.default == nil and field.required then
      inputs[name] = value.unknown("any")
    end
  end
  for name, v in pairs(given) do
    inputs[name] = v
  end
  return inputs
end

--- The inputs of a workflow, completed by its contract.
---@param tree table
---@param given table
---@param partial? boolean required ones may be missing
---@return table? inputs
---@return prov.Err[]? errors
function M.inputs(tree, given, partial)
  local done, errs = contract.compile(tree.inputs):complete(partial and M.partial(tree.inputs, given) or given)
  for i, e in ipairs(errs or {}) do
    errs[i] = err.new("usage", ("inputs of workflow '%s': %s"):format(tree.name, e.msg), { hint = e.hint })
  end
  return done, errs
end

local function by_place(a, b)
  if (a.file or "") ~= (b.file or "") then
    return (a.file or "") < (b.file or "")
  elseif (a.line or 0) ~= (b.line or 0) then
    return (a.line or 0) < (b.line or 0)
  end
  return a.msg < b.msg
end

--- Expands a workflow and checks all of it.
---@param tree table
---@param opts { owner: string, registry: prov.Registry, inputs: table?, partial: boolean? }
---@return prov.flow.Graph? graph
---@return prov.Err? err one, or one that stands for several
function M.run(tree, opts)
  local inputs, errs = M.inputs(tree, opts.inputs or {}, opts.partial)
  local made
  if inputs then
    made, errs = expand.run(tree, {
      inputs = inputs,
      partial = opts.partial,
      load = function(name)
        return opts.registry:get("workflow", name)
      end,
    })
  end
  if made then
    local self = setmetatable({ errors = {}, seen = {}, owner = opts.owner }, Checker)
    for _, node in pairs(made.by_id) do
      self:node(node)
    end
    errs = self.errors[1] and self.errors
  end
  if errs then
    table.sort(errs, by_place)
    return nil, #errs == 1 and errs[1] or err.new(errs[1].code, ("%d mistakes in workflow '%s'"):format(#errs,
      tree.name), { data = { errors = errs } })
  end
  made.inputs = inputs
  return made
end

return M
