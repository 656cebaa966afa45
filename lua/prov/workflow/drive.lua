--- The moving part of a run: what may begin now, what waits for a person, what has ended.
--
-- The scheduler in C gives the order and keeps the limits; whether a step runs or is left out is judged when
-- everything it needs has ended.

local async = require("prov.async")
local call_of = require("prov.workflow.call")
local clock = require("prov.clock")
local err = require("prov.err")
local expr = require("prov.workflow.expr")
local graph = require("core.graph")
local journal = require("prov.workflow.journal")
local settings = require("prov.settings")
local step_of = require("prov.workflow.step")
local values = require("prov.workflow.values")

local M = {}

-- Judging ---------------------------------------------------------------------------------------

--- Whether a node may begin now that what it needs has ended: "run", or "skip" with the reason, or
--- "fail" with the error.
function M.judge(self, node)
  local begin = node.scope.begin
  local outer = begin and self.state.steps[begin.id]
  if outer and outer.status ~= "done" then
    return "skip", outer.status == "skipped" and outer.reason or "failure"
  elseif node.kind == "end" then
    return "run"
  end
  local asks = node.when and expr.asks_status(node.when)
  if not asks then
    for _, need in ipairs(node.needs) do
      if not values.is_fine(self, need) then
        return "skip", self.state.steps[need.id].reason == "stopped" and "stopped" or "failure"
      end
    end
    if self.stopping and not (begin and values.is_tolerated(begin)) then
      return "skip", "stopped"
    end
  end
  if node.when then
    local holds, bad = expr.holds(node.when, {
      lookup = values.lookup(self, node.scope, node.matrix),
      call = function(call)
        return values.call(self, node, call)
      end,
    })
    if bad then
      return "fail", err.new("invalid", ("when: %s (column %d)"):format(bad.msg, bad.at), { hint = bad.hint })
    elseif not holds then
      return "skip", "condition"
    end
  end
  return "run"
end

local SETTLED = { done = true, failed = true, skipped = true }

function M.is_settled(self, node)
  return SETTLED[self.state.steps[node.id].status] == true
end

-- What people are told that a node does.
local function action_of(node)
  return node.kind == "gate" and "approve" or "run"
end

local function problem(why)
  return err.plain(err.is(why) and why or err.new("failed", why))
end

function M.skip(self, node, why)
  self:note(node.id, "skipped", { reason = why })
  if node.kind == "op" or node.kind == "gate" then
    local reason = why == "condition" and "its condition does not hold" or nil
    self.progress:skip(node.id, action_of(node), { reason = reason })
  end
end

-- What is to happen with an entry of the schedule that is ready: "ended", "wait" or "start".
function M.meet(self, entry)
  local node = entry.node
  local s = self.state.steps[node.id]
  if M.is_settled(self, node) then
    return "ended"
  end
  local verdict, why = M.judge(self, node)
  if verdict == "skip" then
    M.skip(self, node, why)
    return "ended"
  elseif verdict == "fail" then
    self:note(node.id, "failed", { error = tostring(why), code = why.code })
    self.progress:fail(node.id, action_of(node), problem(why))
    M.consider(self, node)
    return "ended"
  elseif entry.gate then
    return M.ask(self, node, s) and "ended" or "wait"
  end
  return "start"
end

--- Notes that the workflow has failed, when this failure is one of the workflow.
function M.consider(self, node)
  if self.state.steps[node.id].status == "failed" and not values.is_tolerated(node) and not self.in_hooks then
    self.stopping = self.stopping or self.tree.on_failure ~= "continue"
  end
end

-- Approvals -------------------------------------------------------------------------------------

--- Asks for approval; true when there is an answer already.
function M.ask(self, node, s)
  if s.approved then
    return true
  elseif s.status ~= "waiting" then
    local message, bad = expr.fill(node.step.approve.message, values.lookup(self, node.scope, node.matrix))
    message = bad and node.step.approve.message or tostring(message)
    -- An answer that is there already was for another time.
    self:note(node.id, "waiting", { message = message }, { { "del", "flow_asks", self.id .. " " .. node.id } })
    self.ui.info("%s waits for approval%s\n  prov workflow approve %s '%s' -w %s", node.id,
      message ~= "" and ": " .. message or "", self.id, node.id, self.workspace.dir)
    self:tell("waiting", { step = node.id, message = message })
  end
  return M.answered(self, node)
end

--- Takes an answer that came for a node that waits; true when it goes on or has ended.
function M.answered(self, node)
  local s = self.state.steps[node.id]
  local answer = journal.asks(self.store, self.id)[node.id]
  local limit = node.step.approve.timeout
  if answer then
    local drop = { { "del", "flow_asks", self.id .. " " .. node.id } }
    if answer.answer == "approved" then
      self:note(node.id, "approved", { by = answer.by, message = answer.message }, drop)
    else
      local why = ("denied by %s%s"):format(answer.by, answer.message and ": " .. answer.message or "")
      self:note(node.id, "failed", { code = "denied", error = why }, drop)
      self.progress:fail(node.id, action_of(node), problem(why))
      M.consider(self, node)
    end
    return true
  elseif limit and os.time() >= s.since + limit then
    local why = "nobody approved it in time"
    self:note(node.id, "failed", { code = "timeout", error = why })
    self.progress:fail(node.id, action_of(node), problem(why))
    M.consider(self, node)
    return true
  end
  return false
end

-- Running ---------------------------------------------------------------------------------------

--- The end of a sub-workflow: it has failed when one of its steps has.
function M.finish_sub(self, node)
  local inner, failed = node.inner, nil
  for _, need in ipairs(node.needs) do
    if need ~= inner.begin and not values.is_fine(self, need) then
      failed = failed or need
    end
  end
  local begin = self.state.steps[inner.begin.id]
  if begin.status ~= "done" then
    local reason = begin.status == "skipped" and begin.reason or "failure"
    return self:note(node.id, "skipped", { reason = reason })
  elseif failed then
    return self:note(node.id, "failed", { code = "failed", error = ("step '%s' did not succeed"):format(failed.id) })
  end
  local outputs, bad = expr.fill(inner.tree.outputs, values.lookup(self, inner))
  if bad then
    return self:note(node.id, "failed", { code = "invalid", error = "outputs: " .. bad.msg })
  end
  self:note(node.id, "done", { outputs = outputs })
end

--- Runs one node to its end; true when it has ended.
function M.perform(self, node)
  if node.kind == "op" then
    local how = step_of.run(self, node)
    if how == "unbegun" and not M.is_halted(self) then
      M.skip(self, node, select(2, M.judge(self, node)))
      return true
    end
    return how == "done" or how == "failed"
  elseif node.kind == "end" then
    M.finish_sub(self, node)
  elseif node.kind == "begin" then
    local inputs, e = step_of.inputs(self, node)
    if inputs then
      self:note(node.id, "done", { outputs = inputs })
    else
      self:note(node.id, "failed", { error = "inputs: " .. tostring(e), code = e.code })
      self.progress:fail(node.id, action_of(node), problem(e))
    end
  else
    self:note(node.id, "done", { by = self.state.steps[node.id].by })
    self.progress:done(node.id, action_of(node), {})
  end
  return true
end

--- The entries of the schedule: a node, and before it, in an entry of its own, its approval, which takes
--- no place from others while it waits.
function M.schedule(nodes)
  local entries, first, last = {}, {}, {}
  for _, node in ipairs(nodes) do
    if node.step.approve and node.kind ~= "end" then
      entries[#entries + 1] = { node = node, gate = true }
      first[node] = #entries
    end
    entries[#entries + 1] = { node = node }
    first[node], last[node] = first[node] or #entries, #entries
  end
  local limits, keys, node_keys = {}, {}, {}
  local function key(thing, limit)
    if not keys[thing] then
      limits[#limits + 1] = limit
      keys[thing] = #limits
    end
    return keys[thing]
  end
  local g = graph.new(math.max(1, #entries))
  for i, entry in ipairs(entries) do
    local node = entry.node
    if entry.gate then
      g:edge(i, last[node])
    end
    for _, need in ipairs(i == first[node] and node.needs or {}) do
      g:edge(last[need], i)
    end
    if node.kind == "op" and not entry.gate then
      local scope = node.scope
      local list = { key(scope.main or scope, scope.tree.max_parallel) }
      while scope.above do
        scope = scope.above
        list[#list + 1] = key(scope, scope.tree.max_parallel)
      end
      list[#list + 1] = node.step.max_parallel and key(node.member, node.step.max_parallel) or nil
      node_keys[i] = list
    elseif node.kind == "begin" and node.step.max_parallel and i == first[node] then
      for at, one in ipairs(node.member.begins) do -- whole sub-workflows: the next begins when an earlier one ended
        local before = one == node and node.member.nodes[at - node.step.max_parallel]
        if before then
          g:edge(last[before], i)
        end
      end
    end
  end
  local sched = assert(graph.sched(g, { limit = math.max(1, #entries), keys = limits, node_keys = node_keys }))
  return entries, sched
end

--- True when nothing more may begin, whatever is ready.
function M.is_halted(self)
  return self.cancel.requested or self.broken ~= nil or self.is_unknown
end

--- Looks whether somebody else wants the run to end, and whether its time is over.
function M.look_around(self)
  local wish = journal.asks(self.store, self.id)["!cancel"]
  if wish then
    self.wish = wish
    self.cancel.requested = true
    if wish.now and not self.cancel.killed then
      self.cancel.killed = true
      M.stop_running(self)
    end
  end
  local limit = self.tree.timeout
  if limit and not self.deadline then -- what earlier processes took only the wall's clock tells
    local took = os.time() - (self.state.began or self.record.started)
    self.deadline = clock.monotonic() + (limit - math.max(0, took)) * 1000
  end
  if limit and not self.timed_out and clock.monotonic() >= self.deadline then
    self.timed_out = "the workflow did not end in time"
    self.stopping = true
    M.stop_running(self)
  end
end

function M.stop_running(self)
  for _, one in pairs(self.running) do
    call_of.stop(one.task, one.cancel)
  end
end

-- Starts the task of an entry; its end comes through the queue.
local function start(self, entries, i, ended)
  async.spawn(function()
    local node = entries[i].node
    local fine, result = pcall(M.perform, self, node)
    if not fine and not self.broken then
      self.broken = err.from(result)
    end
    if fine and result then
      M.consider(self, node)
      ended:put(i)
    else
      ended:put(-i)
    end
    return true
  end)
end

-- Lets those that wait go on when they can; true when one did.
local function serve_waiting(self, waiting, sched)
  local moved = false
  for i, node in pairs(waiting) do
    local verdict, why = M.judge(self, node)
    if verdict == "skip" then
      M.skip(self, node, why)
    end
    if verdict == "skip" or M.answered(self, node) then
      waiting[i], moved = nil, true
      sched:done(i)
    end
  end
  return moved
end

--- Runs nodes until nothing is left, or only waiting is.
---@async
---@return "ended"|"waiting"|"halted"
function M.run(self, nodes)
  local entries, sched = M.schedule(nodes)
  local ended, waiting, count = async.queue(), {}, 0
  self.cancel.stop = function()
    ended:put(0)
  end
  self.cancel.kill = function()
    M.stop_running(self)
  end
  local _ <close> = clock.every(settings.ms(settings.workflow.poll_every), function()
    ended:put(0)
  end)
  while true do
    while not M.is_halted(self) do
      local i = sched:next()
      if not i then
        break
      end
      local what = M.meet(self, entries[i])
      if what == "ended" then
        sched:done(i)
      elseif what == "wait" then
        waiting[i] = entries[i].node
      else
        count = count + 1
        start(self, entries, i, ended)
      end
    end
    if count == 0 then
      if M.is_halted(self) then
        return "halted"
      elseif next(waiting) == nil then
        return "ended"
      elseif not serve_waiting(self, waiting, sched) then
        return "waiting"
      end
    else
      local i = ended:take()
      if i == 0 then
        M.look_around(self)
        if not M.is_halted(self) then
          serve_waiting(self, waiting, sched)
        end
      else
        count = count - 1
        if i > 0 then
          sched:done(i)
        end
      end
    end
  end
end

return M
