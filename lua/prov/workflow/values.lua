--- What `${...}` and conditions mean while a run goes on: inputs, and what its steps have left.

local data = require("core.data")
local expand = require("prov.workflow.expand")
local value = require("prov.value")

local M = {}

--- The value below another one; what is inside of a secret is secret too.
local function walk(v, path, from)
  for i = from, #path do
    if value.is_secret(v) then
      local inner = walk(v[1], path, i)
      return inner ~= nil and value.secret(inner) or nil
    elseif type(v) ~= "table" or value.is_marked(v) then
      return nil
    end
    v = v[path[i]]
    if v == value.null then
      return nil
    end
  end
  return v
end

-- `.outputs.x`, `.status`, ... of one node.
local function of_node(flow, node, rest)
  local s = flow.state.steps[node.id]
  local field = rest[1]
  if field == "status" then
    local begin = node.inner and flow.state.steps[node.inner.begin.id]
    return s.status == "pending" and begin and begin.status or s.status
  elseif field == "error" then
    return s.error
  end
  return walk(s[field], rest, 2)
end

local function of_steps(flow, scope, ref)
  local member = expand.member(scope, ref.path[1])
  local label, rest = expand.selection(member, ref.path)
  if label ~= nil then
    return of_node(flow, member.by_label[label] or member.nodes[label], rest)
  elseif not member.step.matrix then
    return of_node(flow, member.nodes[1], rest)
  end
  local list = data.list({})
  for i, node in ipairs(member.nodes) do
    local v = of_node(flow, node, rest)
    list[i] = v == nil and value.null or v
  end
  return list
end

--- The lookup of a place in a run.
---@param flow prov.flow.Run
---@param scope prov.flow.Scope
---@param matrix? table
---@param own? { result: any, before: table? } of the step itself
---@return fun(ref: prov.flow.Path): any
function M.lookup(flow, scope, matrix, own)
  return function(ref)
    local path = ref.path
    if ref.head == "inputs" then
      local main = scope.main or scope
      local inputs = main.begin and flow.state.steps[main.begin.id].outputs or flow.inputs
      return walk(inputs, path, 1)
    elseif ref.head == "matrix" then
      return walk(matrix or {}, path, 1)
    elseif ref.head == "run" then
      return walk(flow:about(), path, 1)
    elseif ref.head == "result" or ref.head == "before" then
      return walk(own and own[ref.head], path, 1)
    end
    return of_steps(flow, scope, ref)
  end
end

--- True when what needs the node may go on: it was done, or left out because its condition or a person said so.
---@param flow prov.flow.Run
---@param node prov.flow.Node
---@return boolean
function M.is_fine(flow, node)
  local s = flow.state.steps[node.id]
  return s.status == "done" or s.status == "skipped" and (s.reason == "condition" or s.reason == "person")
    or s.status == "failed" and node.step.continue_on_failure
end

--- True when a failure of the node is not one of the workflow.
---@param node prov.flow.Node
---@return boolean
function M.is_tolerated(node)
  local at = node
  while at do
    if at.step.continue_on_failure then
      return true
    end
    at = at.scope.begin
  end
  return false
end

local ASK = {}

function ASK.succeeded(flow, nodes)
  for _, node in ipairs(nodes) do
    if flow.state.steps[node.id].status ~= "done" then
      return false
    end
  end
  return true
end

function ASK.failed(flow, nodes)
  for _, node in ipairs(nodes) do
    local s = flow.state.steps[node.id]
    if s.status == "failed" or s.status == "skipped" and s.reason == "failure" then
      return true
    end
  end
  return false
end

function ASK.skipped(flow, nodes)
  for _, node in ipairs(nodes) do
    if flow.state.steps[node.id].status == "skipped" then
      return true
    end
  end
  return false
end

function ASK.always()
  return true
end

-- What succeeded(), failed() and skipped() without a name are about: what the step needs, or else all
-- that has happened so far.
local function needed(flow, node)
  if #node.needs > 0 then
    return node.needs
  end
  local nodes = {}
  for _, one in ipairs(flow.graph.nodes) do
    local status = flow.state.steps[one.id].status
    if status == "done" or status == "failed" or status == "skipped" then
      nodes[#nodes + 1] = one
    end
  end
  return nodes
end

--- Answers a call in the condition of a node.
---@param flow prov.flow.Run
---@param node prov.flow.Node
---@param call table
---@return boolean
function M.call(flow, node, call)
  local nodes = call.args[1] and {} or needed(flow, node)
  for _, arg in ipairs(call.args) do
    local member = expand.member(node.scope, arg.name)
    table.move(member.nodes, 1, #member.nodes, #nodes + 1, nodes)
  end
  return ASK[call.name](flow, nodes)
end

return M
