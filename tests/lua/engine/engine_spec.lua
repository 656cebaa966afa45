--- The engine against the folder provider of tests/support: what it did can be counted from outside.

local fs = require("prov.fs")
local spec = require("support.project")
local test = require("support.async").test

local function fixture(name)
  local tests = debug.getinfo(1, "S").source:match("^@(.*)/lua/")
  local f = assert(io.open(tests .. "/support/extensions/providers/folder/" .. name))
  local text = f:read("a")
  f:close()
  return text
end

local function make(things, config)
  local world = require("support.tmp").dir()
  local c = spec.ctx({
    ["extensions/providers/folder/provider.lua"] = fixture("provider.lua"),
    ["extensions/providers/folder/thing.lua"] = fixture("thing.lua"),
    ["infra.yaml"] = "placeholder: true",
  })
  function c.write(new_things, new_config)
    spec.edit(c, "infra.yaml", ("providers: { folder: { dir: %q%s } }\ndefaults: { provider: folder }\n%s"):format(
      world, new_config and (", " .. new_config) or "", new_things))
  end
  function c.count()
    return #assert(fs.list(world))
  end
  c.world = world
  c.write(things, config)
  return c
end

local THREE = [[
things:
  a: {}
  b: { after: "${thing.a.id}" }
  c: { after: "${thing.b.id}" }
]]

describe("engine", function()
  it("creates, leaves alone, and destroys", test(function()
    local c = make(THREE)
    local result = assert(spec.apply(c))
    assert.same({ "done", 3, 0, 0 }, { result.status, result.done, result.failed, result.skipped })
    assert.equal(3, c.count())
    assert.is_false(assert(spec.apply(c)).changed)
    assert.equal(3, assert(spec.apply(c, { destroy = true })).done)
    assert.equal(0, c.count())
  end))

  it("stops at a failure, says what was not started, and goes on next time", test(function()
    local c = make(THREE, "fail: b")
    local result = assert(spec.apply(c))
    assert.same({ "failed", 1, 1, 1 }, { result.status, result.done, result.failed, result.skipped })
    assert.matches("refused", result.failures[1].error)
    c.write(THREE)
    assert.equal(2, assert(spec.apply(c)).done)
    assert.equal(3, c.count())
  end))

  it("goes on with independent branches when told to", test(function()
    local independent = "things: { a: {}, b: {}, c: { after: \"${thing.b.id}\" }, d: {} }\n"
    local c = make(independent, "fail: b")
    local result = assert(spec.apply(c, { on_failure = "continue", parallelism = 1 }))
    assert.same({ 2, 1, 1 }, { result.done, result.failed, result.skipped })
  end))

  it("ends with the provider's name when an update gives nothing, or raises", test(function()
    local c = make("things: { a: {}, b: { after: \"${thing.a.label}\" } }\n")
    assert(spec.apply(c))
    for mute, expected in pairs({
      nothing = "provider 'folder': update thing gave neither a value nor an error",
      raise = "provider 'folder': update thing: table",
    }) do
      c.write(("things: { a: { label: %s }, b: { after: \"${thing.a.label}\" } }\n"):format(mute), "mute: " .. mute)
      local result = assert(spec.apply(c))
      assert.equal("failed", result.status)
      assert.matches(expected, result.failures[1].error, 1, true)
    end
  end))

  it("tells the last run from others of the same second", test(function()
    local c = make("things: { a: {} }\n")
    local engine = require("prov.engine")
    for i = 1, 5 do
      c.write(("things: { a: { label: x%d } }\n"):format(i))
      local result = assert(spec.apply(c))
      assert.equal(result.run, engine.last_run(assert(c.need_workspace():store())).id)
    end
  end))

  it("finds what a creation made whose answer was lost, and makes nothing twice", test(function()
    local c = make("things: { a: {} }\n", "lose: a")
    assert.equal("done", assert(spec.apply(c)).status)
    assert.equal(1, c.count())
    c.write("things: { a: {} }\n")
    assert.same({}, (spec.plan(c)))
    assert.equal(1, c.count())
  end))

  it("asks again when neither the creation nor the question about it was answered", test(function()
    local c = make("things: { a: {} }\n", "lose: a, unreadable: true")
    assert.equal("failed", assert(spec.apply(c)).status)
    assert.equal(1, c.count())
    c.write("things: { a: {} }\n")
    assert.is_false(assert(spec.apply(c)).changed)
    assert.equal(1, c.count())
    assert.same({}, (spec.plan(c)))
  end))

  it("records what a killed update wanted when it took effect, so that going back later goes there", test(function()
    local c = make("things: { a: { label: one } }\n")
    assert(spec.apply(c))
    local names = assert(fs.list(c.world))
    assert(fs.write_atomic(c.world .. "/" .. names[1].name, "two")) -- as if killed before the outcome was written
    c.write("things: { a: { label: two } }\n")
    assert.same({}, (spec.plan(c)))
    assert(spec.apply(c))
    local record = assert(require("prov.state").load(assert(c.need_workspace():store()))).records["thing.a"]
    assert.same({ "two", "two" }, { record:args().label, record:state().label })
  end))

  it("sees what was deleted and what was changed outside", test(function()
    local c = make("things: { a: {}, b: {} }\n")
    assert(spec.apply(c))
    local names = assert(fs.list(c.world))
    local first = type(names[1]) == "table" and names[1].name or names[1]
    assert(fs.write_atomic(c.world .. "/" .. first, "edited by hand"))
    local ids, plan = spec.plan(c)
    assert.equal(1, #ids)
    assert.equal("edited by hand", plan.steps[1].changes[1].before)
    assert.is_true(plan.steps[1].changes[1].outside)
    assert(fs.remove(c.world .. "/" .. first))
    ids, plan = spec.plan(c)
    assert.equal(1, #ids)
    assert.equal("create", plan.steps[1].action)
    assert.equal("deleted outside prov", plan.steps[1].reason)
    assert(spec.apply(c))
    assert.equal(2, c.count())
  end))

  it("sees what was cleared outside, also after it was accepted", test(function()
    local c = make("things: { a: {} }\n")
    assert(spec.apply(c))
    local function clear()
      local name = assert(fs.list(c.world))[1]
      name = type(name) == "table" and name.name or name
      assert(fs.write_atomic(c.world .. "/" .. name, ""))
      return name
    end
    clear()
    local ids, plan = spec.plan(c)
    assert.equal(1, #ids)
    assert.same({ path = "label", after = "x", outside = true }, plan.steps[1].changes[1])
    local name = clear()
    assert.equal("changed", assert(require("prov.drift").run(c, true)).changes[1].status)
    ids, plan = spec.plan(c)
    assert.equal(1, #ids)
    assert.same({ path = "label", after = "x" }, plan.steps[1].changes[1])
    assert(spec.apply(c))
    assert.equal("x", assert(fs.read(c.world .. "/" .. name)))
    assert.same({}, (spec.plan(c)))
  end))

  it("never takes a read that failed for a resource that is gone", test(function()
    local c = make("things: { a: {} }\n")
    assert(spec.apply(c))
    c.write("things: { a: {} }\n", "unreadable: true")
    local ok, e = pcall(spec.plan, c)
    assert.is_false(ok)
    assert.equal("unavailable", e.code)
    assert.same({}, (spec.plan(c, { refresh = false })))
  end))

  --- What the journal holds when the process dies right after the effect; the store.
  local function killed_at_create(c, text)
    local data = require("core.data")
    local store = assert(c.need_workspace():store())
    assert(fs.write_atomic(c.world .. "/key1", text))
    assert(require("prov.async").await(function(resume)
      return store:commit({
        { "put", "open", "run-1", data.encode({ started = 0, steps = 1, revision = assert(store:head()) }) },
        { "journal", "run-1", data.encode({
          step = "create thing.a", address = "thing.a", action = "create", phase = "intent", key = "key1",
          kind = "thing", provider = "folder", args = data.encode({ label = "x" }), needs = data.list({}), time = 0,
        }) },
      }, resume)
    end))
    return store
  end

  it("brings what a killed run has half created up to date", test(function()
    local c = make("things: { a: {} }\n")
    killed_at_create(c, "") -- it has no label yet, and its provider tells none
    local result = assert(spec.apply(c))
    assert.is_true(result.changed)
    assert.equal("x", assert(fs.read(c.world .. "/key1")))
    assert.equal(1, c.count())
    assert.same({}, (spec.plan(c)))
  end))

  it("takes over what a killed run created", test(function()
    local c = make("things: { a: {} }\n")
    local store = killed_at_create(c, "x")
    local result = assert(spec.apply(c))
    assert.is_false(result.changed)
    assert.equal(1, c.count())
    assert.same({}, (spec.plan(c)))
    local runs = require("prov.engine.runs")
    local killed = assert(runs.find(store, "run-1"))
    assert.equal("interrupted", killed.status)
    assert.equal(1, killed.steps)
    assert.equal(0, killed.failed)
    assert.equal("run-1", require("prov.engine").last_run(store).id)
    assert.equal(1, #assert(runs.diff(store, "run-1")).changes)
    assert.matches("was killed", select(2, runs.to_retry(store, "run-1")).msg)
  end))

  it("refuses a second apply while one holds the workspace", test(function()
    local c = make("things: { a: {} }\n")
    local p <close> = assert(require("prov.project").open(c))
    local lock <close> = assert(p:begin("test"))
    assert.truthy(lock.token)
    local ok, e = pcall(spec.apply, c)
    assert.is_false(ok)
    assert.equal("locked", e.code)
    assert.matches("test by", tostring(e))
  end))
end)
