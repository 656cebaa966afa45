--- Runs and workflows as values for people and faces.

local data = require("core.data")

local M = {}

local function time(seconds)
  return seconds and os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) or nil
end

M.time = time

local WHY = {
  condition = "its condition did not hold",
  failure = "what it needs did not succeed",
  stopped = "the workflow had failed",
  person = "left out by a person",
}

-- What a step that has not ended waits for.
local function waits_for(flow, node)
  local names = {}
  for _, need in ipairs(node.needs) do
    local status = flow.state.steps[need.id].status
    local shown = need.kind == "end" and need.inner.begin or need
    if (status == "pending" or status == "running" or status == "waiting") and need ~= node.scope.begin then
      names[#names + 1] = shown.id
    end
  end
  return #names > 0 and table.concat(names, ", ") or nil
end

-- The row of a node; a sub-workflow is shown where it begins, with how it ended.
local function row_of(flow, node)
  local s = flow.state.steps[node.id]
  local status, ended, why = s.status, s.ended, s.error
  if node.inner and status == "done" then
    local last = flow.state.steps[node.inner.last.id]
    status, ended, why = last.status, last.ended, last.error
    status = status == "pending" and "running" or status
  end
  if s.status == "running" and not flow.is_held then
    status = "interrupted"
  end
  local note = why or WHY[s.reason]
  if status == "waiting" then
    note = "approval" .. (s.message and s.message ~= "" and ": " .. s.message or "")
  elseif status == "pending" then
    local names = waits_for(flow, node)
    note = names and "after " .. names or nil
  elseif status == "unknown" then
    note = "nobody knows how it ended: resume with --again or --skip"
  elseif s.by and status == "done" and node.kind == "gate" then
    note = "approved by " .. s.by
  end
  local undo = s.undo and ({ done = "undone", running = "undoing", failed = "not undone", unknown = "undo not known",
    skipped = "undo left out" })[s.undo]
  return {
    step = node.id,
    status = undo or status,
    run = node.step.run or node.step.workflow and "workflow " .. node.step.workflow or "approval",
    began = time(s.began),
    ended = s.began and time(ended) or nil,
    ms = s.ms,
    attempt = s.attempt and s.attempt > 1 and s.attempt or nil,
    note = s.undo_error or note,
    code = s.code,
    artifacts = s.artifacts and next(s.artifacts) and s.artifacts or nil,
  }
end

--- A run with its steps.
---@param flow prov.flow.Run
---@return table
function M.run(flow)
  local record, rows = flow.record, data.list({})
  local lists = { flow.graph.nodes }
  for _, name in ipairs({ "on_success", "on_failure", "always" }) do
    lists[#lists + 1] = flow.graph.hooks[name]
  end
  for i, list in ipairs(lists) do
    for _, node in ipairs(list) do
      if node.kind ~= "end" and (i == 1 or flow.state.steps[node.id].status ~= "pending") then
        rows[#rows + 1] = row_of(flow, node)
      end
    end
  end
  return {
    id = record.id, workflow = record.workflow, status = record.status, error = record.error,
    started = time(record.started), ended = time(record.ended), owner = record.owner,
    outputs = record.outputs, steps = rows, workspace = flow.workspace.name, dir = flow.workspace.dir,
  }
end

--- A workflow as it was read, for `workflow show`.
---@param tree table
---@return table
function M.workflow(tree)
  local steps = data.list({})
  for i, step in ipairs(tree.steps) do
    steps[i] = {
      name = step.name, run = step.run or step.workflow and "workflow " .. step.workflow or "approval",
      workspace = step.workspace, needs = data.list(step.needs), when = step.when, matrix = step.matrix,
      approve = step.approve and step.approve.message, undo = step.compensate and step.compensate.run, doc = step.doc,
    }
  end
  return {
    name = tree.name, summary = tree.summary, description = tree.description, path = tree.source.file,
    on_failure = tree.on_failure, steps = steps,
    inputs = data.list(require("prov.contract").describe(tree.inputs)),
    outputs = data.list(data.keys(tree.outputs)),
  }
end

--- The nodes of a graph for prov.graph_text; an edge that two others say is left out.
---@param made prov.flow.Graph
---@return table[]
function M.nodes(made)
  local function shown(node)
    return node.kind == "end" and node.id:gsub("/%(end%)$", " ends") or node.id
  end
  local out = {}
  for i, node in ipairs(made.nodes) do
    local needs, implied = {}, {}
    for _, need in ipairs(node.needs) do
      for _, further in ipairs(need.needs) do
        implied[further] = true
      end
    end
    for _, need in ipairs(node.needs) do
      needs[#needs + 1] = not implied[need] and shown(need) or nil
    end
    out[i] = { address = shown(node), needs = needs }
  end
  return out
end

return M
