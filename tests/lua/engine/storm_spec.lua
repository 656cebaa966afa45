-- Providers that fail in every way a cloud does: what happens in the world is counted outside of prov.
local err = require("prov.err")
local providers = require("prov.provider")
local test = require("support.async").test

local function open(body, limits)
  local declaration = {
    kind = "provider", name = "storm", config = {}, limits = limits,
    resources = { thing = setmetatable({ schema = {} }, { __index = body }) },
  }
  return providers.open({ name = "w", dir = "/", state_dir = "/" }, {
    get = function()
      return declaration
    end,
  }, {})
end

-- A world in which calls fail as `script` says: "ok", "before" the effect, or "after" it (the answer is lost).
local function world(script)
  local w = { things = {}, calls = 0, created = 0 }
  local function outcome()
    w.calls = w.calls + 1
    return script[w.calls] or "ok"
  end
  function w.find(_, key)
    return w.things[key]
  end
  function w.create(ctx)
    local what = outcome()
    if what == "before" then
      return ctx.fail("unavailable", "no answer")
    end
    w.created = w.created + 1
    w.things[ctx.key] = { id = "t" .. w.created }
    if what == "after" then
      return ctx.fail("timeout", "the answer was lost")
    end
    return w.things[ctx.key]
  end
  function w.read(ctx, id)
    local what = outcome()
    if what ~= "ok" then
      return ctx.fail("unavailable", "429")
    end
    for _, thing in pairs(w.things) do
      if thing.id == id then
        return thing
      end
    end
  end
  return w
end

local FAST = { retry = { base = 0.001, max = 0.002 } }

describe("a provider in a storm", function()
  it("creates exactly once for every order of lost requests and lost answers", test(function()
    for mask = 0, 3 ^ 4 - 1 do
      local script, m = {}, mask
      for i = 1, 4 do
        script[i] = ({ "ok", "before", "after" })[m % 3 + 1]
        m = m // 3
      end
      local w = world(script)
      local made, e = open(w, FAST):call("storm", "thing", "create", { address = "thing.a", key = "k" }, {})
      assert.is_nil(e)
      assert.equal("t1", made.id)
      assert.equal(1, w.created)
    end
  end))

  it("gives up after as many tries as declared, with the last error", test(function()
    local w = world({ "before", "before", "before", "before", "before", "before" })
    local told = {}
    local fields = {
      address = "thing.a", key = "k",
      waiting = function(ms, why)
        told[#told + 1] = { ms, why }
      end,
    }
    local limits = { retry = { attempts = 3, base = 0.001 } }
    local made, e = open(w, limits):call("storm", "thing", "create", fields, {})
    assert.is_nil(made)
    assert.equal("unavailable", e.code)
    assert.equal(3, w.calls)
    assert.equal(2, #told)
    assert.equal("no answer", told[1][2])
  end))

  it("reads again after 429s, and never takes one for a thing that is gone", test(function()
    local w = world({ "ok", "x", "x", "ok", "x", "x", "x", "x", "x" })
    local p = open(w, FAST)
    local made = assert(p:call("storm", "thing", "create", { address = "thing.a", key = "k" }, {}))
    assert.equal(made, p:call("storm", "thing", "read", { address = "thing.a" }, made.id))
    local state, e = p:call("storm", "thing", "read", { address = "thing.a" }, made.id)
    assert.is_nil(state)
    assert.equal("unavailable", e.code)
    state, e = p:call("storm", "thing", "read", { address = "thing.a" }, "gone")
    assert.is_nil(state)
    assert.is_nil(e)
  end))

  it("does not create again when it cannot ask what became of the first try", test(function()
    local w = world({ "after" })
    w.find = function(ctx)
      return ctx.fail("denied", "no")
    end
    local made, e = open(w, FAST):call("storm", "thing", "create", { address = "thing.a", key = "k" }, {})
    assert.is_nil(made)
    assert.equal("timeout", e.code)
    assert.equal(1, w.created)
    w = world({ "after" })
    w.find = nil
    made, e = open(w, FAST):call("storm", "thing", "create", { address = "thing.a", key = "k" }, {})
    assert.is_nil(made)
    assert.equal("timeout", e.code)
    assert.equal(1, w.calls)
  end))

  it("leaves what was found half made to be replaced", test(function()
    local w = world({ "after" })
    w.find = function()
      return { id = "t1", incomplete = true }
    end
    local made, e = open(w, FAST):call("storm", "thing", "create", { address = "thing.a", key = "k" }, {})
    assert.is_nil(made)
    assert.is_true(err.is(e))
    assert.equal(1, w.created)
  end))
end)
