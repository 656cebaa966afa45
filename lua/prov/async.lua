--- Tasks on the event loop, in direct style: any function may suspend, nothing is coloured.
--
-- A task is owned by the task that spawned it. When a task ends, the children it has not
-- joined are cancelled. M.scope waits for all children; the first failure cancels the rest.
-- Cancelling closes the coroutine on the next loop turn, which runs its <close> variables;
-- those must not suspend. Tasks cannot suspend inside string.gsub, table.sort, require or a
-- luv callback.

local err = require("prov.err")
local uv = require("luv")

local M = {}

---@class prov.Task
---@field done boolean
---@field closing? boolean it is being cancelled: what it has open is closed, and nothing may be waited for
---@field name? string

local current = setmetatable({}, { __mode = "k" }) -- coroutine -> task
local Task = {}
Task.__index = Task

--- What a cancelled task's join returns, and what self-cancel raises.
M.CANCELED = err.new("canceled", "canceled")

local function cancel_children(task)
  if task.children then
    for child in pairs(task.children) do
      child:cancel()
    end
    task.children = nil
  end
end

local function finish(task, result)
  task.done = true
  current[task.co] = nil
  task.on_cancel = nil
  task.result = result
  cancel_children(task)
  if task.owner and task.owner.children then
    task.owner.children[task] = nil
  end
  if task.watch then
    task.watch(result)
  end
  local waiters = task.waiters
  task.waiters = nil
  if waiters then
    for _, wake in ipairs(waiters) do
      wake()
    end
  end
end

-- Coroutines whose function has returned, for the next tasks: making one takes longer than many a task.
local idle, IDLE_MAX = {}, 64
local RETURNED = {} -- what they yield then,
local returned -- and what the function gave, packed

local function run(fn, ...)
  returned = table.pack(fn(...))
end

-- What the coroutines of tasks run: one function after the other. Between two it holds nothing of the one before.
local function run_tasks()
  while true do
    run(coroutine.yield(RETURNED))
  end
end

local function new_coroutine()
  local co = coroutine.create(run_tasks)
  coroutine.resume(co) -- it waits for a function
  return co
end

--- What a resume of the task returned: nothing to do when it waits, else its results.
local function stepped(task, ok, what)
  if not ok then
    local trace = not err.is(what) and debug.traceback(task.co, tostring(what)) or nil
    coroutine.close(task.co)
    finish(task, { n = 2, nil, err.from(what, trace) })
  elseif what == RETURNED then
    local result = returned
    returned = nil
    if #idle < IDLE_MAX then
      idle[#idle + 1] = task.co
    end
    finish(task, result)
  end
end

local function step(task, ...)
  stepped(task, coroutine.resume(task.co, ...))
end

-- Tasks that may go on. They are stepped one after the other at the outermost level: stepping one
-- from inside another would nest coroutines, and Lua allows only some 200 levels of that.
local ready = { first = 1, last = 0 }
local draining = false
local cancels = 0 -- cancellations whose loop turn has not come yet

local function go_on(task, ...)
  if draining then
    ready.last = ready.last + 1
    ready[ready.last] = table.pack(task, ...)
    return
  end
  draining = true
  if not task.done then
    step(task, ...)
  end
  while ready.first <= ready.last do
    local item = ready[ready.first]
    ready[ready.first] = nil
    ready.first = ready.first + 1
    if not item[1].done then
      step(table.unpack(item, 1, item.n))
    end
  end
  draining = false
end

--- The running task, or nil outside of one.
---@return prov.Task?
function M.running()
  return current[coroutine.running()]
end

--- What the running task has inherited from the one that started it, or was given itself; nil without.
---@return any
function M.inherited()
  local task = current[coroutine.running()]
  return task and task.bequest
end

--- Gives the running task something that the tasks it starts from now on inherit.
---@param value any
function M.inherit(value)
  current[coroutine.running()].bequest = value
end

--- Suspends the running task until `resume` is called.
-- `start(resume, on_cancel)` begins the operation. It returns a true value when the callback
-- will come, or `nil, err` (luv: nil, message, name) when it was refused at once. on_cancel(fn)
-- registers what stops the operation when the task is cancelled meanwhile.
---@async
function M.await(start)
  local co = coroutine.running()
  local task = current[co]
  if not task then
    error("await outside a task", 2)
  end
  local early, settled, suspended
  local function resume(...)
    if settled or task.done or task.closing then
      return
    end
    settled = true
    task.on_cancel = nil
    if suspended then
      go_on(task, ...)
    else
      early = table.pack(...)
    end
  end
  local req, refused, name = start(resume, function(fn)
    task.on_cancel = fn
  end)
  if early then
    return table.unpack(early, 1, early.n)
  end
  if not req and refused ~= nil then
    settled = true
    task.on_cancel = nil
    return nil, refused, name
  end
  suspended = true
  return coroutine.yield()
end

--- A task that the first step, with fn and its arguments, lets begin.
local function new_task(owner)
  local co = table.remove(idle) or new_coroutine()
  local task = setmetatable({ done = false, owner = owner, co = co, bequest = owner and owner.bequest }, Task)
  current[task.co] = task
  if owner then
    owner.children = owner.children or {}
    owner.children[task] = true
  end
  return task
end

--- Starts fn(...) as a task owned by the running one; it runs at once until it first suspends.
---@return prov.Task
function M.spawn(fn, ...)
  local owner = M.running()
  if not owner then
    error("spawn outside a task", 2)
  end
  local task = new_task(owner)
  step(task, fn, ...)
  return task
end

--- Makes a function that starts tasks as M.spawn does, owned by the task that runs now, from callbacks of the loop.
-- After that task has ended it does nothing.
---@return fun(fn: fun(...), ...)
function M.spawner()
  local owner = M.running()
  return function(fn, ...)
    if not owner.done and not owner.closing then
      go_on(new_task(owner), fn, ...)
    end
  end
end

--- Suspends the running task until it is cancelled.
---@async
function M.forever()
  M.await(function()
    return true
  end)
end

--- Waits for the task; returns what its function returned, or nil, err when it raised or was
-- cancelled. Outside a task it must be done.
---@async
function Task:join()
  if not self.done then
    M.await(function(resume)
      self.waiters = self.waiters or {}
      table.insert(self.waiters, resume)
      return true
    end)
  end
  return table.unpack(self.result, 1, self.result.n)
end

--- Cancels the task on the next loop turn. Cancelling a task that is done does nothing.
function Task:cancel()
  if self.done or self.canceling then
    return
  end
  self.canceling = true
  cancels = cancels + 1
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    cancels = cancels - 1
    if self.done then
      return
    end
    local stop = self.on_cancel
    self.on_cancel = nil
    self.closing = true -- what stop() calls back with comes too late
    cancel_children(self)
    if stop then
      stop()
    end
    local ok, raised = coroutine.close(self.co)
    finish(self, { n = 2, nil, ok and M.CANCELED or err.from(raised) })
  end)
end

--- Runs fn(scope) and waits for all tasks made with scope:spawn(fn, ...). The first task that
-- returns nil, err (or raises) cancels the rest, and scope returns that nil, err. When fn itself
-- raises, the tasks are cancelled and scope raises it again.
---@async
function M.scope(fn)
  local owner = M.running()
  if not owner then
    error("scope outside a task", 2)
  end
  local scope = { tasks = {} }
  local failure, ended

  local function check(result)
    if failure or result[1] ~= nil or not err.is(result[2]) then
      return
    end
    failure = result[2]
    for _, task in ipairs(scope.tasks) do
      task:cancel()
    end
  end

  --- The task belongs to whoever called M.scope, also when one of its tasks spawns it.
  function scope:spawn(body, ...)
    if ended then
      error("the scope has ended", 2)
    end
    local task = new_task(owner)
    self.tasks[#self.tasks + 1] = task
    task.watch = check
    step(task, body, ...)
    if failure then
      task:cancel()
    end
    return task
  end

  local packed = table.pack(pcall(fn, scope))
  if packed[1] then
    check({ packed[2], packed[3] })
  else
    check({ nil, err.from(packed[2]) })
  end
  local i = 1
  while scope.tasks[i] do -- tasks may spawn more while we wait
    scope.tasks[i]:join()
    i = i + 1
  end
  ended = true
  if not packed[1] then
    error(packed[2], 0)
  elseif failure then
    return nil, failure
  end
  return table.unpack(packed, 2, packed.n)
end

--- Calls fn(item) for all items, at most `width` of them at once. The first one that returns nil, err (or raises)
-- ends it, and that is what comes back.
---@async
---@param items any[]
---@param width integer
---@param fn async fun(item: any): any, prov.Err?
---@return table<integer, any>? results at the places of the items
---@return prov.Err?
function M.each(items, width, fn)
  local at, results = 0, {}
  return M.scope(function(scope)
    for _ = 1, math.min(width, #items) do
      local task = scope:spawn(function()
        while at < #items do
          at = at + 1
          local i = at
          local e
          results[i], e = fn(items[i])
          if results[i] == nil and e then
            return nil, e
          end
        end
        return true
      end)
      if task.done and at >= #items then
        break
      end
    end
    return results
  end)
end

--- Suspends the running task for `ms` milliseconds.
---@async
function M.sleep(ms)
  local timer = uv.new_timer()
  uv.update_time() -- the loop's time is that of its last round: after long work a sleep would be too short
  M.await(function(resume, on_cancel)
    on_cancel(function()
      timer:close()
    end)
    return timer:start(ms, 0, function()
      timer:close()
      resume()
    end)
  end)
end

--- Runs fn(...) with a deadline: returns its results, or nil, err "timeout" after `ms`.
---@async
function M.deadline(ms, fn, ...)
  local task = M.spawn(fn, ...)
  if task.done then
    return task:join()
  end
  local expired = false
  local timer = uv.new_timer()
  timer:start(ms, 0, function()
    expired = true
    task:cancel()
  end)
  local _ <close> = setmetatable({}, {
    __close = function()
      timer:close()
    end,
  })
  local packed = table.pack(task:join())
  if expired and packed[1] == nil then
    return err.fail("timeout", "no answer after %.1f s", ms / 1000)
  end
  return table.unpack(packed, 1, packed.n)
end

--- Those who wait, in the order they came: add(resume) -> what takes it off the list again,
-- take() -> resume | nil.
local function waiting_list()
  local list, first, last = {}, 1, 0

  local function add(resume)
    last = last + 1
    local at = last
    list[at] = resume
    return function()
      list[at] = false
    end
  end

  local function take()
    while first <= last do
      local resume = list[first]
      list[first] = nil
      first = first + 1
      if resume then
        return resume
      end
    end
  end

  return add, take
end

--- A counting semaphore: sem:with(fn, ...) runs fn when one of `limit` places is free; waiting
-- tasks get theirs in the order they came.
function M.semaphore(limit)
  local sem = { free = limit }
  local add, take = waiting_list()

  local function release()
    local resume = take()
    if resume then
      return resume() -- hands the place on
    end
    sem.free = sem.free + 1
  end

  --- Takes a place; closing the returned value gives it back.
  function sem:acquire()
    if self.free > 0 then
      self.free = self.free - 1
    else
      M.await(function(resume, on_cancel)
        on_cancel(add(resume))
        return true
      end)
    end
    local held = true
    return setmetatable({}, {
      __close = function()
        if held then
          held = false
          release()
        end
      end,
    })
  end

  function sem:with(fn, ...)
    local _ <close> = self:acquire()
    return fn(...)
  end

  return sem
end

--- An unbounded queue between tasks: q:put(v), q:take() suspends until there is one.
function M.queue()
  local q = { first = 1, last = 0, items = {} }
  local add, take = waiting_list()

  function q:put(value)
    local resume = take()
    if resume then
      resume(value)
    else
      self.last = self.last + 1
      self.items[self.last] = value
    end
  end

  function q:take()
    if self.first <= self.last then
      local value = self.items[self.first]
      self.items[self.first] = nil
      self.first = self.first + 1
      return value
    end
    return M.await(function(resume, on_cancel)
      on_cancel(add(resume))
      return true
    end)
  end

  return q
end

--- Runs fn(...) as the root task and the loop until it ends. Only entry points and tests call
-- this. Returns what fn returned, or nil, err.
function M.run(fn, ...)
  if M.running() then
    error("async.run inside a task", 2)
  end
  local task = new_task(nil)
  go_on(task, fn, ...)
  while not task.done do
    if not uv.run("once") and not task.done then
      return err.fail("bug", "the event loop has nothing to wait for, but the task has not ended")
    end
  end
  while cancels > 0 do -- of tasks that nobody joined
    M.settle()
  end
  M.settle()
  return table.unpack(task.result, 1, task.result.n)
end

--- Lets what was closed outside of the loop go. luv frees a handle at the end of the process whether the loop
-- is done with it or not, so whoever closes one after M.run() calls this.
function M.settle()
  uv.run("nowait")
end

return M
