local async = require("prov.async")
local err = require("prov.err")
local shared = require("prov.provider.shared")
local test = require("support.async").test

describe("what the tasks of a provider share", function()
  it("is asked for once, however many ask at once", test(function()
    local cached, calls = shared.cache(), 0
    local function fetch()
      calls = calls + 1
      async.sleep(20)
      return { n = calls }
    end
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = async.spawn(cached, "plans", fetch)
    end
    for _, task in ipairs(tasks) do
      assert.equal(1, task:join().n)
    end
    assert.equal(1, cached("plans", fetch).n)
    assert.equal(2, cached("zones", fetch).n)
    assert.equal(3, cached("zones", fetch, function(v)
      return v.n > 2
    end).n)
    assert.equal(3, cached("zones", fetch).n)
  end))

  it("is asked for again after a failure, which those who waited share", test(function()
    local cached, calls = shared.cache(), 0
    local function fetch()
      calls = calls + 1
      async.sleep(10)
      if calls == 1 then
        return err.fail("unavailable", "try %d", calls)
      end
      return calls
    end
    local tasks = {}
    for i = 1, 5 do
      tasks[i] = async.spawn(cached, "x", fetch)
    end
    for _, task in ipairs(tasks) do
      local v, e = task:join()
      assert.is_nil(v)
      assert.equal("try 1", e.msg)
    end
    assert.equal(1, calls)
    assert.equal(2, cached("x", fetch))
  end))

  it("is asked for by the next one when the first is cancelled, or raises", test(function()
    local cached, calls = shared.cache(), 0
    local function fetch()
      calls = calls + 1
      async.sleep(30)
      if calls == 2 then
        error("a bug")
      end
      return calls
    end
    local first = async.spawn(cached, "x", fetch)
    local second, third = async.spawn(cached, "x", fetch), async.spawn(cached, "x", fetch)
    first:cancel()
    local _, e = second:join()
    assert.equal("bug", e.code)
    assert.equal(3, third:join())
  end))

  it("is watched by one poller in batches", test(function()
    local watch, asked, begun = shared.watcher(), {}, {}
    local function read(ids)
      asked[#asked + 1] = #ids
      local states = {}
      for _, id in ipairs(ids) do
        begun[id] = (begun[id] or 0) + 1
        states[id] = { id = id, ready = begun[id] >= id % 3 + 1 }
      end
      async.sleep(5)
      return states
    end
    local tasks = {}
    for id = 1, 60 do
      tasks[id] = async.spawn(watch, "action", id, { read = read, batch = 25, every = 0.02, max = 0.05,
        done = function(state)
          return state.ready and state.id or nil
        end })
    end
    for id, task in ipairs(tasks) do
      assert.equal(id, task:join())
      assert.equal(id % 3 + 1, begun[id])
    end
    assert.same({ 25, 25, 10 }, { asked[1], asked[2], asked[3] })
    assert.is_true(#asked <= 7, "60 things in " .. #asked .. " requests")
  end))

  it("is asked for less and less often", test(function()
    local watch, at = shared.watcher(), {}
    local got, e = watch("x", 1, { every = 0.02, max = 0.08, timeout = 0.5, read = function()
      at[#at + 1] = require("prov.clock").monotonic()
      return { [1] = "no" }
    end, done = function() end })
    assert.is_nil(got)
    assert.equal("timeout", e.code)
    assert.is_true(e.data.exhausted)
    -- A busy machine makes pauses longer, never shorter; what is due within 5 ms is asked for with the rest.
    assert.is_true(#at >= 2 and #at <= 11, #at .. " looks")
    for i = 2, #at do
      local least = math.min(80, 20 * 1.25 ^ (i - 1))
      assert.is_true(at[i] - at[i - 1] >= least * 0.9 - 5, ("look %d came after %g ms"):format(i, at[i] - at[i - 1]))
    end
  end))

  it("is asked for when it has waited as long as the quickest before it", test(function()
    local clock = require("prov.clock")
    local watch, began = shared.watcher(), nil
    local function wait_for(id, every, ms)
      began = clock.monotonic()
      return assert(watch("x", id, { every = every, timeout = 5, read = function(ids)
        return { [ids[1]] = clock.monotonic() - began }
      end, done = function(age)
        return age >= ms and age or nil
      end }))
    end
    local first = wait_for(1, 0.05, 800) -- seen after 900 ms
    local second = wait_for(2, 0.07, first) -- which by itself would be asked for after 790 and 1050 ms
    assert.is_true(second < first + 140, ("%g ms after the %g ms of the first"):format(second - first, first))
  end))

  it("goes on through reads that fail for a while, and ends with one that fails for good", test(function()
    local watch, n = shared.watcher(), 0
    local function read(ids)
      n = n + 1
      if n <= 3 then
        return err.fail("unavailable", "busy")
      elseif n == 4 then
        return { [ids[1]] = true }
      end
      return err.fail("denied", "the token is gone")
    end
    assert.is_true(watch("x", 1, { every = 0.01, read = read }))
    local _, e = watch("x", 2, { every = 0.01, read = read })
    assert.equal("denied", e.code)
    _, e = watch("y", 1, { every = 0.001, max = 0.001, timeout = 0.2, read = function()
      return err.fail("unavailable", "busy")
    end })
    assert.equal("y 1: not there after 0.2 s: busy", tostring(e))
  end))

  it("tells who waits that something is not among what was read", test(function()
    local watch = shared.watcher()
    assert.equal("gone", (watch("x", 1, { every = 0.01, read = function()
      return {}
    end, done = function(state)
      return state == nil and "gone" or nil
    end })))
  end))

  it("is polled for by another one when the poller is cancelled or done", test(function()
    local watch, ready = shared.watcher(), {}
    local function wait(id)
      return watch("x", id, { every = 0.01, max = 0.01, timeout = 5, read = function(ids)
        local states = {}
        for _, one in ipairs(ids) do
          states[one] = ready[one]
        end
        return states
      end })
    end
    local tasks = {}
    for id = 1, 4 do
      tasks[id] = async.spawn(wait, id)
    end
    async.sleep(30)
    tasks[1]:cancel()
    async.sleep(30)
    ready[2] = "two"
    assert.equal("two", tasks[2]:join())
    ready[4] = "four"
    assert.equal("four", tasks[4]:join())
    ready[3] = "three"
    assert.equal("three", tasks[3]:join())
    local late = async.spawn(wait, 4)
    assert.equal("four", late:join())
  end))

  it("runs what a waiter makes of the news in its own task", test(function()
    local watch = shared.watcher()
    local function read(ids)
      local states = {}
      for _, id in ipairs(ids) do
        states[id] = id
      end
      return states
    end
    local bad = async.spawn(watch, "x", 1, { every = 0.01, read = read, done = function()
      error("a bug of one")
    end })
    local good = async.spawn(watch, "x", 2, { every = 0.01, read = read })
    local _, e = bad:join()
    assert.equal("bug", e.code)
    assert.equal(2, good:join())
  end))
end)
