--- Records of jobs, schedules and delays of an orchestrator without workers, under a clock that jumps.

local async = require("prov.async")
local clock = require("prov.clock")
local jobs_of = require("prov.orchestrator.jobs")
local orchestrator = require("prov.orchestrator")
local test = require("support.async").test
local tmp = require("support.tmp")

local real = { wall = clock.wall, uptime = clock.uptime, boot = clock.boot }
local now, up, boot

local function open(dir, keep)
  return assert(orchestrator.open({
    dir = dir, workers = 0, places = 10, calls = 10, memory = 1 << 30, silent = 30000, keep = keep or 1000,
  }))
end

--- Lets the tasks that were begun come to their end: they hold what they change, however slow the disk is.
local function settle(o)
  repeat
    async.sleep(40)
  until next(o.keys) == nil
end

--- The wall's clock is set.
local function set_clock(seconds)
  now = now + seconds * 1000
end

--- The clock as it is `seconds` later - set there, when that is earlier - and a look at it.
local function pass(o, seconds)
  set_clock(seconds)
  up = up + math.max(seconds, 0) * 1000
  o:look_at_schedules()
  o:release_due()
  settle(o)
end

local function count(o)
  return #assert(o:page({ limit = 1000 }))
end

describe("records of the orchestrator", function()
  before_each(function()
    now, up, boot = 1800000000000, 5000, "one" -- a full minute
    clock.wall = function()
      return now
    end
    clock.uptime = function()
      return up
    end
    clock.boot = function()
      return boot
    end
  end)

  after_each(function()
    clock.wall, clock.uptime, clock.boot = real.wall, real.uptime, real.boot
  end)

  it("give ids that grow, also when the clock goes back and over a restart", test(function()
    local dir = tmp.dir()
    local o = open(dir)
    local last = ""
    for i = 1, 300 do
      now = now + (i % 7 == 0 and -3600000 or i % 3)
      local job = assert(o:submit({ operation = "version" }))
      assert.is_true(job.id > last)
      last = job.id
      if i % 100 == 0 then
        o:close()
        set_clock(-86400)
        boot, up = "boot " .. i, 0
        o = open(dir)
      end
    end
    o:close()
  end))

  it("come in pages, newest first, and by what is asked", test(function()
    local o <close> = open(tmp.dir())
    local ids = {}
    for i = 1, 25 do
      local job = assert(o:submit({ operation = i % 2 == 0 and "version" or "doctor" }))
      ids[26 - i] = job.id
      if i % 5 == 0 then
        assert(o:cancel(job.id))
      end
    end
    local seen, after = {}, nil
    repeat
      local page, more = assert(o:page({ limit = 4, after = after }))
      assert.is_true(#page <= 4)
      for _, job in ipairs(page) do
        seen[#seen + 1] = job.id
      end
      after = more
    until not after
    assert.are.same(ids, seen)
    assert.are.equal(5, #assert(o:page({ state = "canceled", limit = 100 })))
    assert.are.equal(12, #assert(o:page({ op = "version", limit = 100 })))
    assert.are.equal(20, #assert(o:page({ state = "waiting", limit = 100 })))
    assert.are.same({}, { table.unpack(assert(o:page({ state = "dead", limit = 100 }))) })
  end))

  it("are forgotten some time after their end, not after their beginning", test(function()
    local dir = tmp.dir()
    local o = open(dir, 100)
    local late = assert(o:submit({ operation = "version", delay = 150 }))
    local soon = assert(o:submit({ operation = "version" }))
    local waits = assert(o:submit({ operation = "version" }))
    assert(o:cancel(soon.id))
    set_clock(20 * 365 * 86400) -- the clock only
    orchestrator.prune_once(o)
    assert.is_table(o:find(soon.id))
    pass(o, 140)
    set_clock(-20 * 365 * 86400)
    assert(o:cancel(late.id))
    o:close()
    o = open(dir, 100) -- prunes at its start
    settle(o)
    assert.is_nil(o:find(soon.id))
    assert.is_table(o:find(late.id))
    assert.is_table(o:find(waits.id))
    o:close()
  end))

  it("are one under a key or an Idempotency-Key", test(function()
    local o <close> = open(tmp.dir())
    local a = assert(o:submit({ operation = "version", key = "k" }, { request = "r" }))
    local b, _, again = o:submit({ operation = "version", key = "k" })
    assert.are.equal(a.id, b.id)
    assert.is_true(again)
    local job, e = o:submit({ operation = "doctor" }, { request = "r" })
    assert.is_nil(job)
    assert.are.equal("invalid", e.code)
    assert(o:cancel(a.id))
    local c = assert(o:submit({ operation = "version", key = "k" }))
    assert.are_not.equal(a.id, c.id)
    job, e = o:retry(a.id)
    assert.is_nil(job)
    assert.are.equal("conflict", e.code)
    assert(o:cancel(c.id))
    assert(o:retry(a.id))
    _, e = o:submit({ operation = "version" }, { request = ("x"):rep(1000) })
    assert.are.equal("usage", e.code)
    assert.is_nil(o.broken)
  end))

  it("are one under an Idempotency-Key for a day, whatever the clock does", test(function()
    local o <close> = open(tmp.dir())
    local function send()
      return assert(o:submit({ operation = "version" }, { request = "r" })).id
    end
    local first = send()
    for _, seconds in ipairs({ 2 * 86400, -9 * 86400 }) do
      set_clock(seconds)
      orchestrator.prune_once(o)
      assert.are.equal(first, send())
    end
    pass(o, 86401)
    orchestrator.prune_once(o)
    assert.are_not.equal(first, send())
  end))

  it("wait for their time whatever the clock does", test(function()
    local dir = tmp.dir()
    local o = open(dir)
    local job = assert(o:submit({ operation = "version", delay = 600 }))
    local function expect(wanted, ahead)
      o:release_due()
      settle(o)
      assert.are.equal(wanted, o.delayed_count)
      local shown = o.jobs:public(assert(o:find(job.id))).run_at
      assert.are.equal(ahead and jobs_of.stamp(now + ahead * 1000), shown)
    end
    set_clock(-3600)
    expect(1, 600)
    set_clock(90000)
    expect(1, 600)
    pass(o, 300)
    expect(1, 300)
    o:close()
    set_clock(-90000) -- between two lives, too
    up = up + 100000
    o = open(dir)
    expect(1, 200)
    pass(o, 199)
    expect(1, 1)
    pass(o, 1)
    expect(0)
    assert.are.equal(1, o.ready_count)
    o:close()
  end))

  it("wait no longer than they were to, when the machine was off and its clock was wrong before", test(function()
    local dir = tmp.dir()
    set_clock(14 * 365 * 86400)
    local o = open(dir)
    assert(o:submit({ operation = "version", delay = 600 }))
    o:close()
    set_clock(-14 * 365 * 86400)
    boot, up = "two", 0
    o = open(dir)
    pass(o, 599)
    assert.are.equal(1, o.delayed_count)
    pass(o, 1)
    assert.are.equal(0, o.delayed_count)
    assert(o:submit({ operation = "version", delay = 600 }))
    o:close()
    set_clock(601) -- off for some time, with a clock that cannot be believed
    boot, up = "three", 0
    o = open(dir)
    pass(o, 600)
    assert.are.equal(0, o.delayed_count)
    o:close()
  end))

  it("wait while the machine is off", test(function()
    local dir = tmp.dir()
    local o = open(dir)
    assert(o:submit({ operation = "version", delay = 600 }))
    o:close()
    set_clock(500)
    boot, up = "two", 0
    o = open(dir)
    pass(o, 99)
    assert.are.equal(1, o.delayed_count)
    pass(o, 1)
    assert.are.equal(0, o.delayed_count)
    o:close()
  end))

  it("of schedules: each time makes one job", test(function()
    local o <close> = open(tmp.dir())
    assert(o:set_schedule({ name = "s", cron = "* * * * *", zone = "UTC", missed = "once", overlap = "allow",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    pass(o, 59)
    assert.are.equal(0, count(o))
    pass(o, 1)
    pass(o, 0)
    pass(o, 30)
    assert.are.equal(1, count(o))
    pass(o, 30)
    assert.are.equal(2, count(o))
    pass(o, -45) -- a small step back: the same times do not come again
    pass(o, 45)
    assert.are.equal(2, count(o))
    assert(o:pause_schedule("s", true))
    pass(o, 600)
    assert.are.equal(2, count(o))
    assert(o:pause_schedule("s", false))
    pass(o, 59)
    assert.are.equal(2, count(o))
    pass(o, 1)
    assert.are.equal(3, count(o))
    pass(o, -3600) -- a large one: they go on from there
    pass(o, 60)
    assert.are.equal(4, count(o))
    assert(o:delete_schedule("s"))
    pass(o, 3600)
    assert.are.equal(4, count(o))
  end))

  it("of schedules: those at fixed times do not come again with the hour that does", test(function()
    local o <close> = open(tmp.dir())
    set_clock(40 * 60) -- noon is at 1800014400
    local noon = 1800014400
    local function at(seconds) -- set there
      set_clock(noon + seconds - now // 1000)
      pass(o, 0)
    end
    at(-30)
    assert(o:set_schedule({ name = "s", cron = "0 12 * * *", zone = "UTC", missed = "once", overlap = "allow",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    pass(o, 40)
    assert.are.equal(1, count(o))
    at(-3600)
    pass(o, 3500)
    pass(o, 200)
    assert.are.equal(1, count(o))
    at(-4 * 3600) -- it was wrong before, then
    pass(o, 4 * 3600 - 10)
    assert.are.equal(1, count(o))
    pass(o, 15)
    assert.are.equal(2, count(o))
    at(86400 + 5)
    assert.are.equal(3, count(o))
    assert.are.equal(jobs_of.stamp((noon + 2 * 86400) * 1000), o:schedule("s").next)
  end))

  it("of schedules: a time that did not come yet comes, although the clock was past it", test(function()
    local o <close> = open(tmp.dir())
    assert(o:set_schedule({ name = "s", cron = "30 7 * * *", zone = "UTC", missed = "once", overlap = "allow",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    assert.are.equal("2027-01-16T07:30:00.000Z", o:schedule("s").next) -- now it is 8:00
    pass(o, -3600)
    pass(o, 1800)
    assert.are.equal(1, count(o))
  end))

  it("of schedules: what was dealt with before the clock went back is not made up for", test(function()
    local dir = tmp.dir()
    local o = open(dir)
    assert(o:set_schedule({ name = "s", cron = "* * * * *", zone = "UTC", missed = "all", overlap = "allow",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    pass(o, 60)
    assert.are.equal(1, count(o))
    o:close()
    local past = now // 1000 - 100
    set_clock(-past) -- 1970, as a machine without a battery starts
    o = open(dir)
    pass(o, 5)
    pass(o, 60) -- a time of 1970
    assert.are.equal(2, count(o))
    set_clock(past)
    pass(o, 0) -- 65 s later than before: one time was missed
    assert.are.equal(3, count(o))
    pass(o, -600) -- in small steps past what was dealt with: those come again
    for _ = 1, 20 do
      pass(o, 30)
    end
    assert.are.equal(13, count(o))
    o:close()
  end))

  for missed, wanted in pairs({ skip = 0, once = 1, all = 10 }) do
    it("of schedules: what was missed, " .. missed, test(function()
      local dir = tmp.dir()
      local o = open(dir)
      assert(o:set_schedule({ name = "s", cron = "* * * * *", zone = "UTC", missed = missed, overlap = "allow",
        paused = false, operation = "version", priority = 0, max_attempts = 1 }))
      o:close()
      now = now + 10 * 60000 + 1000
      if missed == "skip" then
        now = now + 58000
      end
      o = open(dir)
      if missed == "skip" then -- the last time is not late enough to be missed
        wanted = 1
      end
      pass(o, 0)
      pass(o, 0)
      assert.are.equal(wanted, count(o))
      o:close()
    end))
  end

  it("of schedules: a year that was missed every second takes no time", test(function()
    local o <close> = open(tmp.dir())
    assert(o:set_schedule({ name = "s", cron = "every 1s", zone = "UTC", missed = "all", overlap = "allow",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    local began = os.clock()
    pass(o, 365 * 86400)
    assert.is_truthy(async.deadline(10000, function()
      while count(o) < 100 do
        settle(o)
      end
      return true
    end))
    settle(o)
    assert.is_true(os.clock() - began < 3)
    assert.are.equal(100, count(o))
  end))

  it("of schedules: none beside one that has not ended", test(function()
    local o <close> = open(tmp.dir())
    assert(o:set_schedule({ name = "s", cron = "* * * * *", zone = "UTC", missed = "all", overlap = "skip",
      paused = false, operation = "version", priority = 0, max_attempts = 1 }))
    pass(o, 60)
    pass(o, 60)
    pass(o, 60)
    assert.are.equal(1, count(o))
    local schedule = assert(o:schedule("s"))
    assert.are.equal(2, schedule.skipped)
    assert(o:cancel(schedule.last_job))
    pass(o, 60)
    assert.are.equal(2, count(o))
  end))

  it("of schedules: two who change one at once", test(function()
    local o <close> = open(tmp.dir())
    local p = { name = "s", cron = "* * * * *", zone = "UTC", missed = "once", overlap = "allow", paused = false,
      operation = "version", priority = 0, max_attempts = 1 }
    local first = assert(o:set_schedule(p))
    local tasks, won = {}, 0
    for i = 1, 5 do
      tasks[i] = async.spawn(function()
        return o:set_schedule(p, '"' .. first.version .. '"')
      end)
    end
    for _, task in ipairs(tasks) do
      local set, e = task:join()
      won = won + (set and 1 or 0)
      assert.is_true(set ~= nil or e.code == "conflict")
    end
    assert.are.equal(1, won)
  end))
end)
