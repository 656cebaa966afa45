--- Deadlines of runs and steps, and running again what is left.

local runs = require("prov.engine.runs")
local scripted = require("support.scripted")
local spec = require("support.project")
local test = require("support.async").test

local CHAIN = "  a: {}\n  b: { after: \"${thing.a.id}\" }\n  c: { after: \"${thing.b.id}\" }\n"

--- A world whose thing of this name takes seconds, while `w.slow` says so.
local function slow_world(name)
  local w
  w = scripted.world({
    linger = function(ctx)
      return w.slow and ctx.address == "thing." .. name and 30 or 0
    end,
  })
  w.slow = true
  return w
end

local function phases(c, run)
  local list = {}
  for _, step in ipairs(runs.steps(assert(runs.journal(assert(c.need_workspace():store()), run)))) do
    list[#list + 1] = step.step .. " " .. step.phase
  end
  table.sort(list)
  return list
end

describe("a deadline", function()
  it("of the run cancels what runs, and the next apply takes over", test(function()
    local w = slow_world("b")
    local c = scripted.workspace(w, CHAIN)
    local result = assert(spec.apply(c, { run_timeout = 0.1 }))
    assert.same({ "failed", "timeout", 1, 0, 1, 1 }, {
      result.status, result.error.code, result.done, result.failed, result.canceled, result.skipped,
    })
    assert.equal("the run took longer than 100 ms", result.error.msg)
    assert.is_true(result.ms < 20000)
    assert.same({ "create thing.a done", "create thing.b unknown" }, phases(c, result.run))
    local found = assert(runs.find(assert(c.need_workspace():store()), "last"))
    assert.same({ "failed", "timeout" }, { found.status, found.error.code })
    w.slow = false
    assert.equal("done", assert(spec.apply(c, { run_timeout = 60 })).status)
    assert.same({ 3, 3 }, { scripted.count(w), w.made })
  end))

  it("that no step reaches changes nothing", test(function()
    local c = scripted.workspace(scripted.world({}), CHAIN)
    local result = assert(spec.apply(c, { run_timeout = 60, step_timeout = 60 }))
    assert.same({ "done", 3 }, { result.status, result.done })
    assert.is_nil(result.error)
  end))

  it("of a step cancels that one; others go on, and the next apply finds what it made", test(function()
    local w = slow_world("b")
    local c = scripted.workspace(w, CHAIN .. "  d: {}\n")
    local result = assert(spec.apply(c, { step_timeout = 0.1, on_failure = "continue" }))
    assert.same({ "failed", 2, 1, 1 }, { result.status, result.done, result.failed, result.skipped })
    assert.equal("timeout", result.failures[1].code)
    assert.matches("cancelled after 100 ms (config: step_timeout)", result.failures[1].error, 1, true)
    assert.same({ "create thing.a done", "create thing.b unknown", "create thing.d done" }, phases(c, result.run))
    w.slow = false
    assert.equal("done", assert(spec.apply(c, { step_timeout = 60 })).status)
    assert.same({ 4, 4 }, { scripted.count(w), w.made })
  end))

  it("of a run that undoes what failed leaves nothing", test(function()
    local w = slow_world("c")
    local c = scripted.workspace(w, CHAIN)
    local result = assert(spec.apply(c, { run_timeout = 0.1, on_failure = "rollback" }))
    assert.same({ "failed", "done" }, { result.status, result.rollback.status })
    assert.equal(0, scripted.count(w))
  end))
end)

--- What `prov run retry` runs.
local function retry(c, name)
  local run, e = runs.to_retry(assert(c.need_workspace():store()), name or "last")
  if not run then
    return nil, e
  end
  return spec.apply(c, {
    destroy = run.what == "destroy",
    target_of = function(p)
      return runs.left(run, p.infra, p.state)
    end,
  })
end

describe("a retry", function()
  local function failing(name)
    local w
    w = scripted.world({
      script = function(verb, _, ctx)
        if w.broken == verb and ctx.address == "thing." .. name then
          return ctx.error("failed", "refused")
        end
      end,
    })
    w.broken = "create"
    return w
  end

  it("runs what failed and what waited for it, and nothing else", test(function()
    local w = failing("b")
    local c = scripted.workspace(w, CHAIN)
    assert.equal("failed", assert(spec.apply(c)).status)
    w.broken = nil
    c.write(CHAIN .. "  new: {}\n")
    local result = assert(retry(c))
    assert.same({ "done", 2 }, { result.status, result.done })
    assert.same({ "create thing.new" }, (spec.plan(c)))
    local none, e = retry(c)
    assert.is_nil(none)
    assert.matches("did not fail: there is nothing to run again", e.msg)
  end))

  it("takes the run that is named, and says what is gone", test(function()
    local w = failing("b")
    local c = scripted.workspace(w, CHAIN)
    local first = assert(spec.apply(c)).run
    c.write("  a: {}\n")
    assert.equal("done", assert(spec.apply(c)).status)
    local ok, e = pcall(retry, c, first)
    assert.is_false(ok)
    assert.equal("notfound", e.code)
    assert.matches("left thing.b, thing.c, which neither the infra nor the state has any more", e.msg)
    assert.equal("plan anew: prov apply", e.hint)
    c.write(CHAIN)
    w.broken = nil
    assert.equal(2, assert(retry(c, first)).done)
  end))

  it("goes on with a destroy, and says when nothing is left of it", test(function()
    local w = failing("a")
    w.broken = nil
    local c = scripted.workspace(w, CHAIN)
    assert(spec.apply(c))
    w.broken = "delete"
    local first = assert(spec.apply(c, { destroy = true, on_failure = "continue" }))
    assert.same({ "failed", 2 }, { first.status, first.done })
    w.broken = nil
    assert.equal(1, assert(retry(c)).done)
    assert.equal(0, scripted.count(w))
    local ok, e = pcall(retry, c, first.run)
    assert.is_false(ok)
    assert.matches("all that run.- left is gone already", e.msg)
  end))

  it("refuses what it cannot know", test(function()
    local c = scripted.workspace(scripted.world({}), "  a: {}\n")
    assert(spec.apply(c))
    local store = assert(c.need_workspace():store())
    local _, e = runs.to_retry(store, "nonsense")
    assert.equal("notfound", e.code)
    local data = require("core.data")
    local async = require("prov.async")
    for _, row in ipairs({
      { { what = "rollback", status = "failed" }, "was a rollback" },
      { { what = "apply", status = "failed" }, "by an older prov" },
      { { what = "apply", status = "open" }, "was killed" },
    }) do
      row[1].id, row[1].started, row[1].revision = "run-x", 1, 9999
      assert(async.await(function(resume)
        return store:commit({ { "put", "runs", "run-x", data.encode(row[1]) } }, resume)
      end))
      _, e = runs.to_retry(store, "run-x")
      assert.equal("unsupported", e.code)
      assert.matches(row[2], e.msg)
      assert.equal("go on with it: prov run resume", e.hint)
    end
  end))
end)
