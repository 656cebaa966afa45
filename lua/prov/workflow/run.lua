--- Works on a run: what may begin is what the graph and the journal say, so that beginning, going on after
-- a kill and going on after an approval are the same thing.
--
-- Whoever works on a run holds its lock. When nothing is left to do but to wait for a person, the lock is
-- given back.

local async = require("prov.async")
local call_of = require("prov.workflow.call")
local data = require("core.data")
local drive = require("prov.workflow.drive")
local err = require("prov.err")
local expand = require("prov.workflow.expand")
local expr = require("prov.workflow.expr")
local journal = require("prov.workflow.journal")
local locks = require("prov.engine.locks")
local notify = require("prov.workflow.notify")
local settings = require("prov.settings")
local step_of = require("prov.workflow.step")
local values = require("prov.workflow.values")

local M = {}

local function nothing() end
local QUIET = { start = nothing, event = nothing, wait = nothing, done = nothing, fail = nothing, skip = nothing,
  estimate = nothing, close = nothing }

---@class prov.flow.Run
---@field id string
---@field workspace prov.Workspace that owns the workflow
---@field store prov.Store
---@field call function see prov.workflow.call
---@field ui table
---@field cancel table
---@field graph prov.flow.Graph
---@field inputs table
---@field state table from prov.workflow.journal
local Run = {}
Run.__index = Run

---@class prov.flow.Input
---@field id string
---@field workspace prov.Workspace that owns the workflow
---@field store prov.Store of that workspace
---@field ui? table
---@field cancel? table
---@field call? function see prov.workflow.call

--- Opens a run to work on it, or to look at it.
---@param input prov.flow.Input
---@return prov.flow.Run?
---@return prov.Err?
function M.open(input)
  local definition, e = journal.definition(input.store, input.id)
  if not definition then
    return nil, e
  end
  local made, errs = expand.run(definition.tree, {
    inputs = definition.inputs,
    load = function(name)
      return definition.trees[name]
    end,
  })
  if not made then
    return nil, errs[1]
  end
  local state
  state, e = journal.read(input.store, input.id)
  if not state then
    return nil, e
  end
  local bytes = input.store:get("flows", input.id)
  return setmetatable({
    id = input.id, workspace = input.workspace, store = input.store, call = input.call, ui = input.ui,
    cancel = input.cancel or {}, graph = made, tree = definition.tree, inputs = definition.inputs, state = state,
    record = data.decode(bytes), running = {}, places = {}, notices = {}, progress = QUIET,
  }, Run)
end

--- What `${run...}` means.
function Run:about()
  return {
    id = self.id, workflow = self.tree.name, workspace = self.workspace.name, status = self.outcome or "running",
    error = self:first_error(),
  }
end

--- Commits under the lock of the run. A failure ends the work: nothing may happen that is not written down.
---@async
function Run:commit(batch)
  batch.epoch = self.epoch
  local ok, e = journal.commit(self.store, batch)
  if not ok then
    self.broken = self.broken or e:wrap("write the journal of %s", self.id)
    error(self.broken, 0)
  end
end

--- Writes a phase of a step down, and lets it happen to the state.
---@async
---@param step string "" for the run itself
---@param phase string
---@param fields? table
---@param more? table further operations of the same commit
function Run:note(step, phase, fields, more)
  local entry = { step = step, phase = phase, time = os.time() }
  for key, v in pairs(fields or {}) do
    entry[key] = v
  end
  local batch = more or {}
  batch[#batch + 1] = { "journal", self.id, data.encode(entry) }
  self:commit(batch)
  journal.fold(self.state, entry)
end

--- Changes what is known of the run as a whole.
---@async
function Run:save(fields)
  for key, v in pairs(fields) do
    self.record[key] = v
  end
  self:commit({ { "put", "flows", self.id, data.encode(self.record) } })
end

--- A place to change a workspace in: one step at a time, for the operation takes its lock. Reading needs none, nor
--- does what has nothing to do with a workspace.
---@async
function Run:place(ready)
  local path = ready.op.http and ready.op.http.path
  if ready.op.permission and ready.op.permission.action == "read" or path and not path:find("{workspace}", 1, true) then
    return nil
  end
  self.places[ready.dir] = self.places[ready.dir] or async.semaphore(1)
  return self.places[ready.dir]:acquire()
end

--- Whether a step that was ready, and had to wait for its workspace, may begin still.
function Run:may_begin(node)
  return not drive.is_halted(self) and drive.judge(self, node) ~= "skip"
end

--- Notes that the workflow has failed, when this step has and that is one of the workflow.
function Run:consider(node)
  drive.consider(self, node)
end

-- Failures --------------------------------------------------------------------------------------

--- The steps of the workflow that have failed, first to last.
function Run:failures()
  local out = {}
  for _, node in ipairs(self.graph.nodes) do
    local s = self.state.steps[node.id]
    if s.status == "failed" and node.kind ~= "end" and not values.is_tolerated(node) then
      out[#out + 1] = node
    end
  end
  table.sort(out, function(a, b)
    return (self.state.steps[a.id].order or 0) < (self.state.steps[b.id].order or 0)
  end)
  return out
end

function Run:first_error()
  if self.timed_out then
    return self.timed_out
  end
  local first = self:failures()[1]
  return first and ("%s: %s"):format(first.id, self.state.steps[first.id].error or "failed")
end

-- The whole -------------------------------------------------------------------------------------

--- Settles what a process that died left half done; false when a person has to say what became of it.
function Run:settle()
  local open = {}
  for id, s in pairs(self.state.steps) do
    local node = self.graph.by_id[id]
    if node and s.status == "running" then
      if step_of.again_of(node, node.step) then
        self:note(id, "again")
      else
        self:note(id, "unknown")
      end
    elseif node and s.undo == "running" and not step_of.again_of(node, node.step.compensate) then
      self:note(id, "undo_unknown")
    end
    if s.status == "unknown" or s.undo == "unknown" then
      open[#open + 1] = id
    end
  end
  table.sort(open)
  self.is_unknown = #open > 0
  return not self.is_unknown, open
end

--- Undoes what was done, last things first.
---@async
---@return "ended"|"halted"
function Run:rollback()
  if not self.state.rollback then
    self:note("", "rollback")
  end
  local list = {}
  for _, node in ipairs(self.graph.nodes) do
    local s, compensate = self.state.steps[node.id], node.step.compensate
    if node.kind == "op" and compensate and s.undo ~= "done" and s.undo ~= "skipped" and s.undo ~= "failed"
      and (s.status == "done" or s.status == "failed" and compensate.when_failed and s.began) then
      list[#list + 1] = node
    end
  end
  table.sort(list, function(a, b)
    return self.state.steps[a.id].order > self.state.steps[b.id].order
  end)
  if #list > 0 then
    self.ui.info("undoing what this run did: %d steps", #list)
  end
  self.cancel.stop = nothing
  for _, node in ipairs(list) do
    drive.look_around(self)
    if drive.is_halted(self) then
      return "halted"
    end
    if step_of.run(self, node, node.step.compensate) == "left" then
      return "halted"
    end
  end
  return "ended"
end

--- Whether everything that was to be undone is.
function Run:is_undone()
  for _, s in pairs(self.state.steps) do
    if s.undo == "failed" then
      return false
    end
  end
  return true
end

--- Posts an event to the webhooks of the workflow, while the work goes on.
---@async
function Run:tell(event, fields)
  if #self.tree.notify == 0 then
    return
  end
  self.notices[#self.notices + 1] = async.spawn(self.post, self, event, fields)
end

--- Waits until every event is posted.
---@async
function Run:told()
  for _, task in ipairs(self.notices) do
    task:join()
  end
  self.notices = {}
end

---@async
function Run:post(event, fields)
  local body = {
    event = event, run = self.id, workflow = self.tree.name, workspace = self.workspace.name, time = os.time(),
    started = self.record.started, error = self:first_error(),
    delivery = ("%s %d %s%s"):format(self.id, self.state.resumed, event, fields and " " .. fields.step or ""),
  }
  for key, v in pairs(fields or {}) do
    body[key] = v
  end
  notify.send(self.tree.notify, body, {
    lookup = values.lookup(self, self.graph.top),
    warn = self.ui.warn,
    was_sent = function(key)
      return self.store:get("flow_notices", key) ~= nil
    end,
    sent = function(key)
      self:commit({ { "put", "flow_notices", key, "1" } })
    end,
  })
  return true
end

-- The hooks for an outcome, once it is known.
function Run:run_hooks(outcome)
  self.outcome, self.in_hooks, self.stopping = outcome, true, false
  local nodes = {}
  for _, phase in ipairs({ outcome == "done" and "on_success" or "on_failure", "always" }) do
    table.move(self.graph.hooks[phase], 1, #self.graph.hooks[phase], #nodes + 1, nodes)
  end
  return #nodes == 0 and "ended" or drive.run(self, nodes)
end

-- How a run that was stopped from outside stands.
local function halted_status(self)
  return self.is_unknown and "unknown" or self.wish and "canceled" or "interrupted"
end

--- Goes on as far as can be; the new status of the run.
---@async
---@return string status
---@return string[]? unknown steps that nobody knows the outcome of
function Run:advance()
  drive.look_around(self)
  if self.wish then
    return "canceled"
  end
  local fine, open = self:settle()
  if not fine then
    return "unknown", open
  end
  for _, node in ipairs(self.graph.nodes) do
    drive.consider(self, node)
  end
  if not self.state.rollback then
    local how = drive.run(self, self.graph.nodes)
    if how ~= "ended" then
      return how == "waiting" and "waiting" or halted_status(self)
    end
  end
  local failed = self.timed_out or self:failures()[1]
  local outcome = failed and "failed" or "done"
  if failed and self.tree.on_failure == "rollback" then
    if self:rollback() ~= "ended" then
      return halted_status(self)
    end
    outcome = self:is_undone() and "rolled_back" or "failed"
  end
  if self:run_hooks(outcome) == "halted" then
    return halted_status(self)
  end
  return outcome
end

--- The outputs of a run that was done.
function Run:outputs()
  local outputs, bad = expr.fill(self.tree.outputs, values.lookup(self, self.graph.top))
  if bad then
    self.ui.warn("outputs: %s", bad.msg)
    return {}
  end
  return outputs
end

--- The words of a person who goes on with a run: which steps of unknown outcome are run again or left out.
---@param words { again: string[]?, skip: string[]? }
---@return true?, prov.Err?
function Run:obey(words)
  for _, phase in ipairs({ "again", "skip" }) do
    for _, id in ipairs(words[phase] or {}) do
      local s = self.graph.by_id[id] and self.state.steps[id]
      if not s then
        return nil, require("prov.suggest").unknown("step", id, data.keys(self.graph.by_id))
      elseif s.status ~= "unknown" and s.undo ~= "unknown" and s.undo ~= "failed" and s.status ~= "failed" then
        return err.fail("conflict", "step '%s' is %s: nothing is to be decided", id, s.status)
      elseif phase == "again" then
        self:note(id, "again")
      elseif s.undo then
        self:note(id, "undo_skipped")
      else
        self:note(id, "skipped", { reason = "person" })
      end
    end
  end
  return true
end

local function progress_of(self)
  local total = 0
  for _, node in ipairs(self.graph.nodes) do
    total = total + ((node.kind == "op" or node.kind == "gate") and not drive.is_settled(self, node) and 1 or 0)
  end
  return self.ui.progress and self.ui.progress({ total = total, run = self.id, what = "workflow" }) or QUIET
end

local ENDED = { done = true, rolled_back = true }

-- One turn of work under the lock.
local function turn(input, words)
  local lock <close>, e = locks.lock(input.store, "workflow", input.id)
  if not lock then
    return nil, e
  end
  local self
  self, e = M.open(input)
  if not self then
    return nil, e
  end
  self.epoch = lock.token
  if ENDED[self.record.status] then
    return self
  end
  if words then
    self:settle()
    local ok
    ok, e = self:obey(words)
    if not ok then
      return nil, e
    end
    self:note("", "resumed", nil, { { "del", "flow_asks", self.id .. " !cancel" } })
  end
  self:save({ status = "running" })
  if self.state.resumed == 0 then
    self:tell("started")
  end
  self.progress = progress_of(self)
  local _ <close> = setmetatable({}, {
    __close = function()
      self.progress:close()
    end,
  })
  local status, open = self:advance()
  self.progress:close()
  if self.broken then
    return nil, self.broken
  end
  self.unknown = open
  self:save({
    status = status, error = status ~= "done" and self:first_error() or nil,
    ended = status ~= "waiting" and os.time() or nil,
    outputs = status == "done" and self:outputs() or nil,
  })
  if status ~= "waiting" then
    self:tell(status)
  end
  self:told()
  return self
end

-- Waits until a run that waits for a person can go on; false when this process is to end.
local function await_answer(input, self)
  input.cancel.stop = nothing
  local over = self.tree.timeout and (self.state.began or self.record.started) + self.tree.timeout or math.huge
  while not input.cancel.requested do
    async.sleep(settings.ms(settings.workflow.poll_every))
    if os.time() >= over then
      return true
    end
    local asks = journal.asks(input.store, input.id)
    for id, s in pairs(self.state.steps) do
      local limit = s.status == "waiting" and self.graph.by_id[id].step.approve.timeout
      if s.status == "waiting" and (asks[id] or asks["!cancel"] or limit and os.time() >= s.since + limit) then
        return true
      end
    end
    local record = data.decode(input.store:get("flows", input.id))
    if record.status ~= "waiting" then
      return true
    end
  end
  return false
end

--- Works on a run until it ends or cannot go on without a person. With `detach` it does not wait for one.
---@async
---@param input prov.flow.Input
---@param opts? { detach: boolean?, words: { again: string[]?, skip: string[]? }? } words: a person resumes it
---@return prov.flow.Run?
---@return prov.Err?
function M.work(input, opts)
  opts = opts or {}
  input.cancel = input.cancel or {}
  input.call = input.call or call_of.here
  local words, waited = opts.words, false
  while true do
    local self, e = turn(input, words)
    if not self then
      if waited and e.code == "locked" then -- it was answered, and another process was quicker to go on
        return M.open(input)
      end
      return nil, e
    end
    words, waited = nil, true
    if self.record.status ~= "waiting" or opts.detach or not await_answer(input, self) then
      return self
    end
  end
end

return M
