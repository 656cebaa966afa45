--- Whole runs in a world that misbehaves: how each ends, what is said, and what the next one makes of it.

local clock = require("prov.clock")
local err = require("prov.err")
local scripted = require("support.scripted")
local spec = require("support.project")
local test = require("support.async").test

local function problem(code, msg, data)
  return err.new(code, msg, { data = data })
end

describe("a run", function()
  it("notices when one creation was answered with two identities", test(function()
    local w
    w = scripted.world({
      script = function(verb, n, ctx)
        if verb == "create" and n == 1 then
          w.things.other = { id = "other", key = "?", label = "x" }
          ctx.adopt("other")
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n  b: { after: \"${thing.a.id}\" }\n")
    local result = assert(spec.apply(c))
    assert.equal("failed", result.status)
    assert.equal("conflict", result.failures[1].code)
    assert.matches("provider 'scripted' made more than one thing for this: t1 is recorded, other is not",
      result.failures[1].error, 1, true)
    assert.matches("delete it at the provider", result.failures[1].hint)
    assert.same({ "create thing.b" }, (spec.plan(c)))
    assert.equal("done", assert(spec.apply(c)).status)
    assert.equal(3, scripted.count(w))
  end))

  it("stops at two things for one key, in this run and in the next, until a person has chosen", test(function()
    local w
    w = scripted.world({
      script = function(verb, n, ctx)
        if verb == "create" and n == 1 then
          w.things.twin = { id = "twin", key = ctx.key, label = "x" }
          return problem("timeout", "the answer was lost"), true
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n")
    local result = assert(spec.apply(c))
    assert.equal("conflict", result.failures[1].code)
    assert.matches("is on two things", result.failures[1].error)
    local ok, e = pcall(spec.apply, c)
    assert.is_false(ok)
    assert.matches("settle the interrupted creation of thing.a.*is on two things", tostring(e))
    assert.same({ 2, 1 }, { scripted.count(w), w.calls.create })
    w.things.twin = nil
    assert.is_false(assert(spec.apply(c)).changed)
    assert.equal(1, scripted.count(w))
  end))

  it("does not take a new try's identity for a second one", test(function()
    local w
    w = scripted.world({
      script = function(verb, n, ctx)
        if verb == "create" and n == 1 then
          ctx.adopt("never-came")
          return problem("unavailable", "503")
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n")
    assert.equal("done", assert(spec.apply(c)).status)
    assert.equal(1, scripted.count(w))
  end))

  it("brings what a lost answer left to what was wanted, for the end of its creation may be missing", test(function()
    local w
    w = scripted.world({
      script = function(verb, n)
        if verb == "create" and n == 1 then
          return problem("unavailable", "the answer was lost"), true
        elseif verb == "find" then
          w.things.t1.label = nil
        end
      end,
    })
    local c = scripted.workspace(w, "  a: { label: whole }\n")
    assert.equal("done", assert(spec.apply(c)).status)
    assert.same({ 1, 1, "whole" }, { scripted.count(w), w.calls.update, w.things.t1.label })
    assert.same({}, (spec.plan(c)))
  end))

  --- A world without marks, whose first creation nobody answers; `made`: it was one all the same.
  local function blind(made)
    local w = scripted.world({
      blind = true,
      script = function(verb, n)
        if verb == "create" and n == 1 then
          return problem("unavailable", "the answer was lost"), made
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n")
    assert.equal("failed", assert(spec.apply(c)).status)
    return w, c
  end

  it("goes on when there is nothing that a creation could have made which left no mark", test(function()
    local w, c = blind(false)
    assert.equal("done", assert(spec.apply(c)).status)
    assert.same({ 1, 2 }, { scripted.count(w), w.calls.create })
  end))

  it("asks a person what came of a creation that left no mark", test(function()
    local adopt = require("prov.adopt")
    for _, none in ipairs({ false, true }) do
      local w, c = blind(true)
      for _ = 1, 2 do
        local ok, e = pcall(spec.apply, c)
        assert.is_false(ok)
        assert.matches("settle the interrupted creation of thing.a.*those that prov does not know: t1", tostring(e))
        assert.equal("look which one it is: 'prov import thing.a ID' takes it over, 'prov import thing.a --none' says "
          .. "that none is", e.hint)
      end
      local wrong, e = select(2, pcall(adopt.run, c, { address = "thing.a", id = "t7" }))
      assert.equal("notfound", (e or wrong).code)
      assert.equal(none and "none" or "known",
        assert(adopt.run(c, { address = "thing.a", id = not none and "t1" or nil, none = none }))[1].status)
      assert.equal("done", assert(spec.apply(c)).status or "done")
      assert.same(none and { 2, 2 } or { 1, 1 }, { scripted.count(w), w.calls.create })
      assert.same({}, (spec.plan(c)))
    end
  end))

  it("finds what a creation made that took longer than its provider allows", test(function()
    local slow = true
    local w = scripted.world({
      timeout = { create = 0.05 },
      linger = function()
        return slow and 5 or 0
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n  b: { after: \"${thing.a.id}\" }\n")
    assert.equal("done", assert(spec.apply(c)).status)
    slow = false
    assert.same({ 2, 2 }, { scripted.count(w), w.calls.create })
    assert.same({}, (spec.plan(c)))
  end))

  it("rides out a storm of 429s with Retry-After, and 5xx of every verb", test(function()
    local seen = {}
    local w = scripted.world({
      limits = { retry = { base = 0.001, max = 0.002, attempts = 10 } },
      script = function(verb, _, ctx)
        local slot = verb .. ctx.address
        seen[slot] = (seen[slot] or 0) + 1
        if seen[slot] == 1 then
          return problem("unavailable", "429", { retry_after = 0.01 })
        elseif seen[slot] == 2 then
          return problem("unavailable", "502"), verb == "create" -- the effect happened
        end
      end,
    })
    local things = {}
    for i = 1, 30 do
      things[i] = ("  t%d: {}\n"):format(i)
    end
    local c = scripted.workspace(w, table.concat(things))
    assert.equal(30, assert(spec.apply(c)).done)
    assert.same({ 30, 30 }, { scripted.count(w), w.made })
    seen = {}
    c.write((table.concat(things):gsub("{}", "{ label: y }")))
    assert.equal(30, assert(spec.apply(c)).done)
    seen = {}
    assert.equal(30, assert(spec.apply(c, { destroy = true })).done)
    assert.equal(0, scripted.count(w))
  end))

  it("gives up on a provider that stays away, and loses nothing", test(function()
    local away = true
    local w = scripted.world({
      script = function()
        return away and problem("unavailable", "503") or nil
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n")
    local result = assert(spec.apply(c))
    assert.same({ "failed", "unavailable" }, { result.status, result.failures[1].code })
    away = false
    assert.equal("done", assert(spec.apply(c)).status)
    assert.equal(1, scripted.count(w))
  end))

  it("deletes what vanished between plan and apply, and says so of what it was to change", test(function()
    local w = scripted.world({})
    local c = scripted.workspace(w, "  a: {}\n  b: {}\n")
    assert(spec.apply(c))
    c.write("  a: { label: y }\n")
    local file = c.dir .. "/plan.json"
    local _, plan = spec.plan(c)
    assert(require("prov.plan.file").save(c.need_workspace(), plan, file))
    w.things = {}
    local result = assert(spec.apply(c, { file = file, on_failure = "continue" }))
    assert.same({ "failed", 1, 1 }, { result.status, result.done, result.failed })
    assert.matches("thing.a has vanished since the plan was made", result.failures[1].error)
    assert.equal("the next apply makes it anew", result.failures[1].hint)
    assert.same({ "create thing.a" }, (spec.plan(c)))
  end))

  it("makes anew what vanished between two of its steps", test(function()
    local w
    w = scripted.world({
      script = function(verb, n)
        if verb == "create" and n == 2 then
          w.things = {}
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n  b: { after: \"${thing.a.id}\" }\n")
    local result = assert(spec.apply(c))
    assert.matches("there is no t1", result.failures[1].error)
    assert.same({ "create thing.a", "create thing.b" }, (spec.plan(c)))
    assert.equal("done", assert(spec.apply(c)).status)
    assert.equal(2, scripted.count(w))
  end))

  it("does not mind a clock that jumps", test(function()
    local wall, time, offset = clock.wall, os.time, 0
    local _ <close> = setmetatable({}, {
      __close = function()
        clock.wall = wall
        rawset(os, "time", time)
      end,
    })
    clock.wall = function()
      return wall() + offset * 1000
    end
    rawset(os, "time", function(...)
      return ... and time(...) or time() + offset
    end)
    local w = scripted.world({
      script = function(verb, n)
        if verb == "create" then
          offset = n % 2 == 1 and 86400 or -86400
        end
      end,
    })
    local c = scripted.workspace(w, "  a: {}\n  b: { after: \"${thing.a.id}\" }\n  c: { after: \"${thing.b.id}\" }\n")
    local result = assert(spec.apply(c))
    assert.equal("done", result.status)
    assert.is_true(result.ms < 60000)
    offset = -2 * 86400
    c.write("  a: { label: y }\n")
    local last = assert(spec.apply(c))
    local store = assert(c.need_workspace():store())
    local runs = require("prov.engine.runs")
    local shown = assert(runs.find(store, "last"))
    assert.equal(last.run, shown.id)
    assert.is_true(shown.ms < 60000)
    assert.equal(1, scripted.count(w))
    -- Runs that change nothing are behind those before, too.
    local ids = {}
    for i = 1, 3 do
      offset = offset - 3600
      w.script = function(verb)
        return verb == "create" and "failed" or nil
      end
      c.write("  a: { label: y }\n  bad" .. i .. ": {}\n")
      ids[4 - i] = assert(spec.apply(c)).run
    end
    for i, row in ipairs(assert(runs.list(store, 3))) do
      assert.equal(ids[i], row.id)
    end
  end))
end)
