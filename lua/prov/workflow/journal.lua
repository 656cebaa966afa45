--- Runs of workflows in the store of the workspace that owns them.
--
--   flows          id -> what the run is and how it stands
--   flow_trees     id -> the workflows it runs and its inputs, as they were when it began
--   flow_asks      "id step" -> an answer to an approval; "id !cancel" -> a wish to end
--   flow_notices   "id ..." -> events that were delivered
--   journal of id  what its steps did: the truth of the run
--
-- Whoever works on a run holds the lock of its name, and its commits carry the token.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")
local locks = require("prov.engine.locks")
local runs = require("prov.engine.runs")

local M = {}

local function commit(store, batch)
  return async.await(function(resume)
    return store:commit(batch, resume)
  end)
end

M.commit = commit

--- A tree without what belongs to its file.
local function bare(tree)
  local out = {}
  for key, v in pairs(tree) do
    out[key] = key ~= "source" and v or nil
  end
  return out
end

--- Writes a new run down.
---@async
---@param store prov.Store
---@param made prov.flow.Graph
---@return string? id
---@return prov.Err?
function M.create(store, made, id)
  id = id or ("flow-%s-%s"):format(os.date("!%Y%m%dT%H%M%SZ"), clock.random_hex(3))
  local trees = {}
  for name, tree in pairs(made.trees) do
    trees[name] = bare(tree)
  end
  local last, e = M.list(store, 1)
  if not last then
    return nil, e
  end
  local record = {
    id = id, workflow = made.tree.name, file = made.tree.source.file, status = "running", started = os.time(),
    at = math.max(clock.wall(), last[1] and last[1].at + 1 or 0), -- tells their order, also when the clock went back
  }
  local ok
  ok, e = commit(store, {
    { "put", "flows", id, data.encode(record) },
    { "put", "flow_trees", id, data.encode({ tree = bare(made.tree), trees = trees, inputs = made.inputs }) },
  })
  return ok and id, e and e:wrap("begin the run")
end

--- Every run, newest first. One that says it is running while nobody holds it was interrupted.
---@param store prov.Store
---@param limit? integer
---@return table[]?, prov.Err?
function M.list(store, limit)
  local rows, e = store:scan("flows")
  if not rows then
    return nil, e
  end
  local list = data.list({})
  for i, row in ipairs(rows) do
    list[i] = data.decode(row[2])
  end
  table.sort(list, function(a, b)
    return a.at > b.at
  end)
  for i = #list, math.min(limit or #list, #list) + 1, -1 do
    list[i] = nil
  end
  for _, record in ipairs(list) do
    record.owner = locks.holder(store, record.id)
    if record.status == "running" and not record.owner then
      record.status = "interrupted"
    end
  end
  return list
end

--- The run that is meant: an id, the end of one, or "last".
---@return table?, prov.Err?
function M.find(store, name)
  local list, e = M.list(store)
  if not list then
    return nil, e
  end
  return runs.pick(list, name)
end

--- What a run runs: { tree, trees, inputs }.
---@return table?, prov.Err?
function M.definition(store, id)
  local bytes, e = store:get("flow_trees", id)
  if not bytes then
    return nil, e or err.new("corrupt", ("what %s runs is not in the store"):format(id))
  end
  return data.decode(bytes)
end

---@class prov.flow.Step
---@field status "pending"|"running"|"waiting"|"done"|"failed"|"skipped"|"unknown"
---@field reason? string of a skipped one: "condition", "failure", "stopped", "person"
---@field attempt? integer
---@field began? integer
---@field ended? integer
---@field ms? integer how long its attempts took
---@field since? integer a person has been waited for
---@field approved? boolean
---@field outputs? table
---@field artifacts? table
---@field error? string
---@field code? string
---@field before? { revision: integer } its workspace, before the step first began
---@field order? integer by completion
---@field undo? "running"|"done"|"failed"|"unknown"|"skipped"
---@field undo_error? string

---@class prov.flow.State
---@field steps table<string, prov.flow.Step> one that is asked for is there
---@field order integer how many steps have ended
---@field resumed integer how often a person went on with the run
---@field began? integer when the last one did
---@field rollback boolean what was done is being undone

local HOOKS = { ["on_success/"] = true, ["on_failure/"] = true, ["always/"] = true }

--- True for the step of a hook.
function M.is_hook(id)
  return HOOKS[id:match("^%a+_?%a*/")] == true
end

local phase = {}

function phase.intent(s, entry)
  s.status, s.began, s.attempt, s.error, s.code = "running", entry.time, entry.attempt, nil, nil
  s.before = s.before or entry.before
end

function phase.done(s, entry, state)
  state.order = state.order + 1
  s.status, s.ended, s.order = "done", entry.time, state.order
  s.outputs, s.artifacts, s.by, s.ms = entry.outputs, entry.artifacts, entry.by, entry.ms
end

function phase.failed(s, entry, state)
  state.order = state.order + 1
  s.status, s.ended, s.order = "failed", entry.time, state.order
  s.error, s.code, s.ms = entry.error, entry.code, entry.ms
end

function phase.skipped(s, entry)
  s.status, s.reason = "skipped", entry.reason
end

function phase.unknown(s)
  s.status = "unknown"
end

function phase.waiting(s, entry)
  s.status, s.since, s.message = "waiting", entry.time, entry.message
end

function phase.approved(s, entry)
  s.status, s.approved, s.by, s.answer = "pending", true, entry.by, entry.message
end

function phase.again(s)
  if s.undo == "unknown" or s.undo == "failed" then
    s.undo = nil
  else
    s.status = "pending"
  end
end

function phase.undo(s)
  s.undo, s.undo_error = "running", nil
end

function phase.undone(s)
  s.undo = "done"
end

function phase.undo_failed(s, entry)
  s.undo, s.undo_error = "failed", entry.error
end

function phase.undo_unknown(s)
  s.undo = "unknown"
end

function phase.undo_skipped(s)
  s.undo = "skipped"
end

-- A person goes on with a run: what failed, and what was left out for that, is to be done again.
local function resumed(state, entry)
  state.resumed, state.began = state.resumed + 1, entry.time
  for id, s in pairs(state.steps) do
    if state.rollback then
      s.undo = s.undo ~= "failed" and s.undo or nil
    elseif s.status == "failed" or s.status == "skipped" and (s.reason == "failure" or s.reason == "stopped") then
      s.status, s.approved = "pending", s.approved and s.code ~= "denied"
    end
    if M.is_hook(id) then
      state.steps[id] = nil
    end
  end
end

local step_mt = {
  __index = function(steps, id)
    local s = { status = "pending" }
    rawset(steps, id, s)
    return s
  end,
}

--- A state that nothing has happened to.
---@return prov.flow.State
function M.state()
  return { steps = setmetatable({}, step_mt), order = 0, resumed = 0, rollback = false }
end

--- Lets a journal entry happen to a state.
---@param state table
---@param entry table
function M.fold(state, entry)
  if entry.phase == "resumed" then
    resumed(state, entry)
  elseif entry.phase == "rollback" then
    state.rollback = true
  elseif phase[entry.phase] then
    phase[entry.phase](state.steps[entry.step], entry, state)
  end
end

--- How the steps of a run stand.
---@param store prov.Store
---@param id string
---@return table? state
---@return prov.Err?
function M.read(store, id)
  local rows, e = store:journal(id)
  if not rows then
    return nil, e:wrap("read the journal of %s", id)
  end
  local state = M.state()
  for _, row in ipairs(rows) do
    M.fold(state, data.decode(row[3]))
  end
  return state
end

--- Puts an answer or a wish down for whoever works on the run.
---@async
function M.ask(store, id, what, fields)
  fields.time = os.time()
  return commit(store, { { "put", "flow_asks", id .. " " .. what, data.encode(fields) } })
end

--- The answers and wishes for a run: step or "!cancel" -> fields.
---@return table<string, table>
function M.asks(store, id)
  local out = {}
  for _, row in ipairs(store:scan("flow_asks", id .. " ") or {}) do
    out[row[1]:sub(#id + 2)] = data.decode(row[2])
  end
  return out
end

return M
