--- The orchestrator where writing fails, and where two things meet.

local async = require("prov.async")
local clock = require("prov.clock")
local delays = require("prov.orchestrator.delays")
local err = require("prov.err")
local fs = require("prov.fs")
local jobs_of = require("prov.orchestrator.jobs")
local orchestrator = require("prov.orchestrator")
local test = require("support.async").test

--- A test with an orchestrator of its own.
local function with_orchestrator(fn)
  return test(function()
    local dir = assert(fs.tempdir("prov-orchestrator"))
    local _ <close> = setmetatable({}, {
      __close = function()
        fs.remove(dir, { recursive = true })
      end,
    })
    local o <close> = assert(orchestrator.open({
      dir = dir, workers = 1, places = 4, calls = 4, memory = 1 << 30, silent = 30000, keep = 3600,
    }))
    assert.is_truthy(async.deadline(20000, function()
      while not o.pool:pick() do
        async.sleep(10)
      end
      return true
    end))
    fn(o)
    o.pool:shut(5000)
  end)
end

--- Lets the commits of `fn` fail.
local function with_full_disk(o, fn)
  local real = o.store
  o.store = setmetatable({
    commit = function(_, _, done)
      clock.after(1, function()
        done(nil, err.new("io", "the disk is full"))
      end)
      return true
    end,
  }, { __index = function(_, name)
    return function(_, ...)
      return real[name](real, ...)
    end
  end })
  local results = table.pack(fn())
  o.store = real
  return table.unpack(results, 1, results.n)
end

describe("the orchestrator", function()
  it("takes work although somebody sent a key that is too long", with_orchestrator(function(o)
    local job, e = o:submit({ operation = "wait", params = { duration = 0 }, key = ("\u{1F600}"):rep(200) })
    assert.is_nil(job)
    assert.are.equal("limit", e.code)
    assert.is_nil(o.broken)
    assert.is_nil(o:refusal())
  end))

  it("does not run a delayed job early because it could not be cancelled", with_orchestrator(function(o)
    local job = assert(o:submit({ operation = "wait", params = { duration = 0 }, delay = 3600 }))
    local _, e = with_full_disk(o, function()
      return o:cancel(job.id)
    end)
    assert.are.equal("io", e.code)
    o.broken = nil
    o:kick()
    async.sleep(200)
    assert.are.equal("waiting", o:find(job.id).state)
    assert.is_nil(o.running[job.id])
    assert.are.equal("canceled", assert(o:cancel(job.id)).state)
  end))

  it("cancels a job whose beginning could not be written", with_orchestrator(function(o)
    local job = assert(o:submit({ operation = "wait", params = { duration = 60 } }))
    with_full_disk(o, function()
      o:turn()
      assert(o:cancel(job.id))
      async.sleep(50)
    end)
    assert.is_truthy(async.deadline(5000, function()
      while o:find(job.id).state ~= "canceled" do
        async.sleep(10)
      end
      return true
    end))
  end))

  it("keeps an old job that somebody lets run again just now", with_orchestrator(function(o)
    o.draining = true -- nothing begins
    local old = clock.wall() - 7200 * 1000
    local job = { id = ("j%012x0000"):format(old), op = "wait", params = { duration = 0 }, flags = {}, lane = "-",
      priority = 0, created = old, attempts = 1, max_attempts = 1, interruptions = 0 }
    local batch = {}
    jobs_of.finish(batch, job, "failed", old)
    batch[1][4] = require("core.data").encode(job)
    assert(o:commit_now(batch))
    local retried = async.spawn(o.retry, o, job.id)
    orchestrator.prune_once(o)
    assert(retried:join())
    assert.are.equal("waiting", o:find(job.id).state)
    o:cancel(job.id)
  end))
end)

describe("delayed jobs", function()
  it("that are not in memory are not left behind by later ones", function()
    local o = setmetatable({ delayed = {}, arm = function() end }, { __index = delays })
    for n = 1, 1001 do
      o:hold(n, "j" .. n) -- the last one stays on disk
    end
    for _ = 1, 500 do
      table.remove(o.delayed, 1)
    end
    o:hold(5000, "late")
    assert.are.equal("j1000", o.delayed[#o.delayed][2])
    o:hold(600.5, "between")
    assert.are.equal(501, #o.delayed)
  end)
end)

describe("a job", function()
  it("does not show the inputs of a workflow, which may be secret", function()
    local params = { name = "release", input = { password = "hunter2" }, detach = true }
    local shown = jobs_of.shown_params("workflow run", params)
    assert.are.same({ name = "release", input = { password = "(not shown)" }, detach = true }, shown)
    assert.are.equal("hunter2", params.input.password)
    assert.are.same({ duration = 1 }, jobs_of.shown_params("wait", { duration = 1 }))
  end)
end)
