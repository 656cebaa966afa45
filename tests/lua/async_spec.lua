local async = require("prov.async")
local err = require("prov.err")
local uv = require("luv")
local support = require("support.async")
local run, try = support.run, support.try

--- A body that suspends for `ms` and appends `word` to `log`.
local function noting(log, word, ms)
  return function()
    async.sleep(ms)
    log[#log + 1] = word
    return word
  end
end

describe("async.run", function()
  it("returns what the body returns, nils included", function()
    assert.same({ n = 3, 1, nil, 3 }, table.pack(async.run(function(...)
      async.sleep(1)
      return ...
    end, 1, nil, 3)))
  end)

  it("turns a raise into nil and a bug with a traceback", function()
    local value, e = async.run(function()
      async.sleep(1)
      error("boom")
    end)
    assert.is_nil(value)
    assert.equal("bug", e.code)
    assert.truthy(e.msg:find("boom", 1, true))
    assert.truthy(e.data.traceback:find("async_spec", 1, true))
  end)

  it("passes a raised error of the world through", function()
    local _, e = async.run(function()
      error(err.new("denied", "no entry"))
    end)
    assert.equal("denied", e.code)
  end)

  it("says so when nothing can ever wake the task", function()
    local value, e = async.run(function()
      async.await(function()
        return true
      end)
    end)
    assert.is_nil(value)
    assert.equal("bug", e.code)
  end)

  it("is refused inside a task", function()
    run(function()
      assert.has_error(function()
        async.run(function() end)
      end)
    end)
  end)

  it("ends tasks that nobody joined, and theirs", function()
    local closed = {}
    local function sleeper(name, child)
      return function()
        local _ <close> = setmetatable({}, {
          __close = function()
            closed[#closed + 1] = name
          end,
        })
        if child then
          async.spawn(child)
        end
        async.sleep(100000)
      end
    end
    run(function()
      async.spawn(sleeper("a", sleeper("b", sleeper("c"))))
      return true
    end)
    table.sort(closed)
    assert.same({ "a", "b", "c" }, closed)
  end)
end)

describe("async.await", function()
  it("hands over a value that comes before start returns", function()
    assert.equal(7, run(function()
      return async.await(function(resume)
        resume(7)
        return true
      end)
    end))
  end)

  it("hands over a value that another task supplies before start returns", function()
    assert.equal(7, run(function()
      return async.await(function(resume)
        async.spawn(function()
          resume(7)
        end)
        return true
      end)
    end))
  end)

  it("returns a refusal at once", function()
    local value, text, name = try(function()
      return async.await(function()
        return nil, "ENOENT: no such file", "ENOENT"
      end)
    end)
    assert.is_nil(value)
    assert.equal("ENOENT: no such file", text)
    assert.equal("ENOENT", name)
  end)

  it("does not hang on luv calls that refuse", function()
    local value, text = try(function()
      return async.await(function(resume)
        return uv.spawn("/nonexistent/program", {}, resume)
      end)
    end)
    assert.is_nil(value)
    assert.truthy(tostring(text):find("ENOENT", 1, true))
  end)

  it("takes the first of two answers", function()
    assert.equal(1, run(function()
      return async.await(function(resume)
        resume(1)
        resume(2)
        return true
      end)
    end))
  end)

  it("is refused outside a task", function()
    assert.has_error(function()
      async.await(function() end)
    end, "await outside a task")
  end)
end)

describe("tasks", function()
  it("run at once until they first suspend, then side by side", function()
    local log = {}
    run(function()
      local slow = async.spawn(noting(log, "slow", 20))
      local fast = async.spawn(noting(log, "fast", 1))
      log[#log + 1] = "parent"
      assert.equal("slow", slow:join())
      assert.equal("fast", fast:join())
    end)
    assert.same({ "parent", "fast", "slow" }, log)
  end)

  it("can be joined twice and by many", function()
    run(function()
      local task = async.spawn(noting({}, "x", 2))
      local others = {}
      for i = 1, 3 do
        others[i] = async.spawn(function()
          return task:join()
        end)
      end
      for i = 1, 3 do
        assert.equal("x", others[i]:join())
      end
      assert.equal("x", task:join())
    end)
  end)

  it("give their raise to who joins", function()
    run(function()
      local task = async.spawn(function()
        async.sleep(1)
        error("inside")
      end)
      local value, e = task:join()
      assert.is_nil(value)
      assert.equal("bug", e.code)
    end)
  end)

  it("run their close variables when cancelled, stop their operation, and say canceled", function()
    run(function()
      local closed = 0
      local task = async.spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function()
            closed = closed + 1
          end,
        })
        async.sleep(100000)
      end)
      task:cancel()
      task:cancel()
      assert.equal(0, closed)
      local value, e = task:join()
      assert.is_nil(value)
      assert.equal("canceled", e.code)
      assert.equal(1, closed)
      task:cancel()
    end)
  end)

  it("stay cancelled when stopping the operation calls back", function()
    run(function()
      local went_on = false
      local task = async.spawn(function()
        async.await(function(resume, on_cancel)
          on_cancel(function()
            resume("too late")
          end)
          return true
        end)
        went_on = true
        return "done"
      end)
      task:cancel()
      local value, e = task:join()
      assert.is_nil(value)
      assert.equal("canceled", e.code)
      assert.is_false(went_on)
    end)
  end)

  it("can cancel themselves", function()
    local value, e = try(function()
      local task
      task = async.spawn(function()
        async.sleep(1)
        task:cancel()
        async.sleep(100000)
      end)
      return task:join()
    end)
    assert.is_nil(value)
    assert.equal("canceled", e.code)
  end)
end)

describe("tasks that follow each other", function()
  it("know nothing of those before, whose coroutine they may have", function()
    assert(async.run(function()
      local late, woken
      async.spawn(function()
        async.await(function(resume)
          late = resume
          resume(1)
          return true
        end)
        async.inherit("of the first")
      end)
      local second = async.spawn(function()
        assert.is_nil(async.inherited())
        woken = async.await(function()
          return true
        end)
      end)
      late(2) -- too late, and not for this one
      async.sleep(5)
      assert.is_nil(woken)
      assert.is_false(second.done)
      second:cancel()
      async.sleep(5)
      assert.equal("canceled", select(2, second:join()).code)
      assert.equal(3, async.spawn(function()
        return 3
      end):join())
      return true
    end))
  end)

  it("hold nothing of each other", function()
    local given = setmetatable({}, { __mode = "v" })
    assert(async.run(function()
      for i = 1, 100 do
        given[i] = { i }
        async.spawn(function(mine, ...)
          async.sleep(1)
          return mine, ...
        end, given[i], given[i])
      end
      async.sleep(20)
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(given))
      return true
    end))
  end)

  it("raise and end as ever", function()
    assert(async.run(function()
      for i = 1, 300 do
        local task = async.spawn(function()
          if i % 3 == 0 then
            error(err.new("invalid", "no " .. i))
          elseif i % 3 == 1 then
            async.sleep(0)
          end
          return i
        end)
        local value, e = task:join()
        assert.equal(i % 3 ~= 0 and i or nil, value)
        assert.equal(i % 3 == 0 and "no " .. i or nil, e and e.msg)
      end
      return true
    end))
  end)
end)

describe("async.spawner", function()
  it("starts tasks from callbacks, for as long as its owner lives", function()
    assert(async.run(function()
      local spawn
      local seen = {}
      local owner = async.spawn(function()
        spawn = async.spawner()
        async.forever()
      end)
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        for i = 1, 3 do
          spawn(function(text)
            seen[#seen + 1] = text .. i
            async.sleep(i == 3 and 10000 or 0)
            seen[#seen + 1] = "end " .. i
          end, "task ")
        end
      end)
      async.sleep(20)
      timer:close()
      table.sort(seen)
      assert.same({ "end 1", "end 2", "task 1", "task 2", "task 3" }, seen)
      owner:cancel() -- and the third with it
      async.sleep(5)
      spawn(function()
        seen[#seen + 1] = "too late"
      end)
      assert.equal(5, #seen)
      return true
    end))
  end)
end)

describe("async.sleep", function()
  it("is as long as it should be, also after work that took long", function()
    local slept = run(function()
      async.sleep(0) -- the loop has just looked at the clock
      local busy = uv.hrtime()
      repeat
        local ms = (uv.hrtime() - busy) / 1e6
      until ms > 50
      local began = uv.hrtime()
      async.sleep(60)
      return uv.hrtime() - began
    end)
    assert.is_true(slept >= 59e6)
  end)
end)

describe("async.each", function()
  it("gives results at the places of the items, with so many at once and no more", function()
    local now, most = 0, 0
    local results = run(function()
      return async.each({ 6, 2, 4, 1, 3 }, 2, function(item)
        now = now + 1
        most = math.max(most, now)
        async.sleep(item)
        now = now - 1
        return item * 10
      end)
    end)
    assert.same({ 60, 20, 40, 10, 30 }, results)
    assert.equal(2, most)
  end)

  it("ends with the first failure, begins nothing after it, and takes nothing for one", function()
    local begun = 0
    local results, e = try(function()
      return async.each({ 1, 2, 3, 4, 5 }, 2, function(item)
        begun = begun + 1
        async.sleep(1)
        if item == 2 then
          return err.fail("failed", "two")
        end
      end)
    end)
    assert.is_nil(results)
    assert.equal("two", e.msg)
    assert.is_true(begun <= 3)
    assert.same({}, (run(function()
      return async.each({}, 5, error)
    end)))
  end)
end)

describe("async.scope", function()
  it("waits for every task, also those spawned late", function()
    local log = {}
    local result = run(function()
      return async.scope(function(scope)
        scope:spawn(function()
          async.sleep(2)
          scope:spawn(noting(log, "late", 2))
        end)
        scope:spawn(noting(log, "early", 1))
        return "value"
      end)
    end)
    assert.equal("value", result)
    assert.same({ "early", "late" }, log)
  end)

  for name, body in pairs({
    ["returns nil, err"] = function()
      return err.fail("failed", "no luck")
    end,
    ["raises"] = function()
      error("no luck")
    end,
  }) do
    it("cancels the rest as soon as one " .. name, function()
      local started = uv.hrtime()
      local finished = false
      local value, e = try(function()
        return async.scope(function(scope)
          scope:spawn(function()
            async.sleep(30000)
            finished = true
          end)
          scope:spawn(function()
            async.sleep(5)
            return body()
          end)
        end)
      end)
      assert.is_nil(value)
      assert.truthy(e.msg:find("no luck", 1, true))
      assert.is_false(finished)
      assert.is_true(uv.hrtime() - started < 10e9)
    end)
  end

  it("fails at once when a task fails before it suspends", function()
    local _, e = try(function()
      return async.scope(function(scope)
        scope:spawn(function()
          async.sleep(30000)
        end)
        scope:spawn(function()
          return err.fail("failed", "at once")
        end)
      end)
    end)
    assert.equal("at once", e.msg)
  end)

  it("cancels its tasks and raises again when its own body raises", function()
    run(function()
      local closed = false
      local ok, raised = pcall(async.scope, function(scope)
        scope:spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function()
              closed = true
            end,
          })
          async.sleep(30000)
        end)
        error("body", 0)
      end)
      assert.is_false(ok)
      assert.equal("body", raised)
      assert.is_true(closed)
    end)
  end)
end)

describe("async.deadline", function()
  it("returns what comes in time", function()
    assert.equal("x", run(async.deadline, 5000, noting({}, "x", 1)))
  end)

  it("stops what takes longer", function()
    local log = {}
    local value, e = try(async.deadline, 5, noting(log, "x", 30000))
    assert.is_nil(value)
    assert.equal("timeout", e.code)
    assert.same({}, log)
  end)

  it("does not hide another error", function()
    local _, e = try(async.deadline, 5000, function()
      async.sleep(1)
      return err.fail("denied", "no entry")
    end)
    assert.equal("denied", e.code)
  end)
end)

describe("async.semaphore", function()
  it("lets at most its limit in, and everybody in turn", function()
    run(function()
      local sem = async.semaphore(3)
      local inside, most, order = 0, 0, {}
      async.scope(function(scope)
        for i = 1, 50 do
          scope:spawn(function()
            sem:with(function()
              inside = inside + 1
              most = math.max(most, inside)
              order[#order + 1] = i
              async.sleep(i % 3)
              inside = inside - 1
            end)
          end)
        end
      end)
      assert.equal(3, most)
      assert.equal(50, #order)
      assert.equal(3, sem.free)
    end)
  end)

  it("holds when waiters come and go in any order", function()
    local random = 12345
    local function rnd(n)
      random = (random * 1103515245 + 12345) % 2147483648
      return random // 65536 % n
    end
    run(function()
      local sem = async.semaphore(2)
      local done = 0
      async.scope(function(scope)
        for i = 1, 300 do
          local task = scope:spawn(function()
            async.sleep(rnd(4))
            local inner = async.spawn(function()
              sem:with(async.sleep, rnd(3))
            end)
            if i % 5 == 0 then
              async.sleep(rnd(3))
              inner:cancel()
            end
            inner:join()
            done = done + 1
            return true
          end)
          assert.is_truthy(task)
        end
        return true
      end)
      assert.equal(300, done)
      assert.equal(2, sem.free)
    end)
  end)

  it("serves thousands of waiters that never suspend inside", function()
    run(function()
      local sem = async.semaphore(1)
      local count = 0
      async.scope(function(scope)
        scope:spawn(function()
          sem:with(async.sleep, 1)
        end)
        for _ = 1, 5000 do
          scope:spawn(function()
            sem:with(function()
              count = count + 1
            end)
          end)
        end
      end)
      assert.equal(5000, count)
    end)
  end)

  it("gives the place back when the body raises", function()
    run(function()
      local sem = async.semaphore(1)
      assert.is_false(pcall(sem.with, sem, error, "x"))
      assert.equal(1, sem.free)
    end)
  end)
end)

describe("async.queue", function()
  it("keeps the order, before and after the taker comes", function()
    run(function()
      local q = async.queue()
      q:put(1)
      q:put(2)
      local got = {}
      local taker = async.spawn(function()
        for i = 1, 4 do
          got[i] = q:take()
        end
      end)
      async.sleep(1)
      q:put(3)
      q:put(4)
      taker:join()
      assert.same({ 1, 2, 3, 4 }, got)
    end)
  end)

  it("serves several takers", function()
    run(function()
      local q = async.queue()
      local sum = 0
      async.scope(function(scope)
        for _ = 1, 3 do
          scope:spawn(function()
            local value = q:take()
            sum = sum + value
          end)
        end
        async.sleep(1)
        for i = 1, 3 do
          q:put(i)
        end
      end)
      assert.equal(6, sum)
    end)
  end)

  it("loses nothing to a taker that was cancelled", function()
    run(function()
      local q = async.queue()
      local first = async.spawn(q.take, q)
      local second = async.spawn(q.take, q)
      first:cancel()
      first:join()
      q:put("x")
      assert.equal("x", second:join())
    end)
  end)

  it("passes a value down a chain of hundreds of tasks", function()
    run(function()
      local n = 1000
      local queues = { async.queue() }
      async.scope(function(scope)
        for i = 1, n do
          queues[i + 1] = async.queue()
          scope:spawn(function()
            queues[i + 1]:put(queues[i]:take() + 1)
          end)
        end
        queues[1]:put(0)
      end)
      assert.equal(n, queues[n + 1]:take())
    end)
  end)
end)
