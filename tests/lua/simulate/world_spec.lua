--- The world behind the simulated clouds.

local async = require("support.async")
local data = require("core.data")
local tmp = require("support.tmp")
local world_of = require("prov.simulate.world")

local KINDS = {
  server = { unique = { "name" }, refs = { ["nets[].network"] = "network", ["keys[]"] = "key" }, quota = 3 },
  network = { unique = { "name" } },
  key = {},
  plan = {},
}

local function setup(w)
  w:add("plan", { id = "small", cpus = 1 })
end

--- A world whose wall clock a test moves.
local function open(dir, at, opts)
  local wall = at or { now = 1000000 }
  local world = assert(world_of.open(dir, { now = function()
    return wall.now
  end, speed = opts and opts.speed, quotas = opts and opts.quotas }))
  return world, assert(world:add_cloud("sky", KINDS, setup)), wall
end

local function add(world, w, kind, fields)
  return world:transact(function()
    return w:add(kind, fields)
  end)
end

describe("the world", function()
  it("keeps objects over a restart, with ids that go on", async.test(function()
    local dir = tmp.dir()
    local world, w = open(dir)
    local one = assert(add(world, w, "server", { name = "a", list = data.list({}), deep = { x = { 1, 2 } } }))
    local two = assert(add(world, w, "network", { name = "n" }))
    assert.is_true(two.id > one.id)
    world:close()
    world, w = open(dir)
    local again = assert(w:get("server", one.id))
    assert.are.same({ "a", { x = { 1, 2 } } }, { again.name, again.deep })
    assert.are.equal("list", data.kind(again.list))
    assert.are.equal(again, w:find("server", "a"))
    assert.is_true(assert(add(world, w, "server", { name = "b" })).id > two.id)
    assert.are.equal(1, w:count("plan")) -- the setup ran once
    world:close()
  end))

  it("undoes all that a failed transaction did", async.test(function()
    local world, w = open(tmp.dir())
    local n = assert(add(world, w, "network", { name = "n" }))
    local s = assert(add(world, w, "server", { name = "a", nets = { { network = n.id } } }))
    for _, how in ipairs({ "returns", "raises" }) do
      local ok, e = world:transact(function()
        assert(w:add("server", { name = "b" }))
        w:change(s, { name = "c", extra = 1, nets = world_of.NONE })
        w:later(s, 10, { state = "x" })
        w:remove(n)
        if how == "raises" then
          error("boom")
        end
        return require("prov.err").fail("conflict", "no")
      end)
      assert.is_nil(ok)
      assert.are.equal(how == "raises" and "bug" or "conflict", e.code)
      assert.are.equal(1, w:count("server"))
      assert.are.equal(1, #w:list("server"))
      assert.are.equal(s, w:find("server", "a"))
      assert.is_nil(w:find("server", "b"))
      assert.is_nil(w:find("server", "c"))
      assert.is_nil(s.extra)
      assert.is_nil(s.next)
      assert.are.equal(n, w:get("network", n.id))
      assert.are.same({ s }, w:holders(n))
    end
    world:close()
  end))

  it("lets what is due happen in order, also after a restart", async.test(function()
    local dir = tmp.dir()
    local world, w, wall = open(dir)
    local s = assert(world:transact(function()
      local s = w:add("server", { name = "a", state = "off" })
      w:later(s, 3000, { state = "running", seen = 1 })
      w:later(s, 1000, { state = "starting" })
      w:later(s, 9000, "gone")
      return s
    end))
    local function state()
      return world:transact(function()
        local it = w:get("server", s.id)
        return it and it.state or "none"
      end)
    end
    assert.are.equal("off", state())
    wall.now = wall.now + 1000
    assert.are.equal("starting", state())
    world:close()
    world, w = open(dir, wall)
    assert.are.equal("starting", state())
    wall.now = wall.now + 1999
    assert.are.equal("starting", state())
    wall.now = wall.now + 1
    assert.are.equal("running", state())
    world:advance(6000)
    assert.are.equal("none", state())
    assert.are.equal(0, w:count("server"))
    world:close()
  end))

  it("has a clock of its own speed", async.test(function()
    local world, _, wall = open(tmp.dir(), nil, { speed = 10 })
    local from = world:now()
    wall.now = wall.now + 100
    assert.are.equal(from + 1000, world:now())
    world:set_speed(1)
    assert.are.equal(from + 1000, world:now())
    wall.now = wall.now + 100
    world:advance(50)
    assert.are.equal(from + 1150, world:now())
    world:close()
  end))

  it("refuses names that are taken, and more than the quota", async.test(function()
    local world, w = open(tmp.dir(), nil, { quotas = { ["sky.network"] = 1 } })
    assert(add(world, w, "server", { name = "a" }))
    local b = assert(add(world, w, "server", { name = "b" }))
    local _, e = add(world, w, "server", { name = "a" })
    assert.are.equal("exists", e.code)
    assert.are.same({ "server", "name" }, { e.data.kind, e.data.field })
    _, e = world:transact(function()
      return w:change(b, { name = "a" })
    end)
    assert.are.equal("exists", e.code)
    assert(world:transact(function()
      return w:change(b, { name = "b", x = 1 }) -- its own
    end))
    assert(add(world, w, "server", { name = "c" }))
    _, e = add(world, w, "server", { name = "d" })
    assert.are.equal("limit", e.code)
    assert(add(world, w, "network", { name = "n" }))
    _, e = add(world, w, "network", { name = "m" })
    assert.are.equal("limit", e.code)
    world:close()
  end))

  it("knows what points at what", async.test(function()
    local world, w = open(tmp.dir())
    local n = assert(add(world, w, "network", { name = "n" }))
    local k = assert(add(world, w, "key", {}))
    local s = assert(add(world, w, "server", { name = "a", nets = { { network = n.id } }, keys = { k.id } }))
    assert.are.same({ s }, w:holders(n, "server"))
    assert.are.same({ s }, w:holders(k))
    assert.are.same({}, w:holders(k, "network"))
    world:transact(function()
      w:touch(s)
      table.remove(s.nets)
      assert.are.same({}, w:holders(n)) -- at once
      return true
    end)
    assert.are.same({}, w:holders(n))
    world:transact(function()
      w:remove(s)
      return true
    end)
    assert.are.same({}, w:holders(k))
    world:close()
  end))

  it("shows reads an older world", async.test(function()
    local world, w, wall = open(tmp.dir())
    local s = assert(add(world, w, "server", { name = "a", state = "off" }))
    local gone = assert(add(world, w, "server", { name = "gone" }))
    wall.now = wall.now + 10000
    world:transact(function()
      w:change(s, { state = "running" })
      w:remove(gone)
      w:add("server", { name = "new" })
      return true
    end)
    wall.now = wall.now + 1000
    local function names(opts)
      local out = {}
      world:transact(function()
        for i, one in ipairs(w:list("server")) do
          assert.are.equal(one, w:get("server", one.id))
          out[i] = one.name .. (one.state and ":" .. one.state or "")
        end
        return true
      end, opts)
      return out
    end
    assert.are.same({ "a:running", "new" }, names())
    assert.are.same({ "a:running", "new" }, names({ age = 900 }))
    assert.are.same({ "a:off", "gone" }, names({ age = 5000 }))
    assert.are.same({ "a:running" }, names({ age = 5000, writes = true }))
    wall.now = wall.now + 5000
    assert.are.same({ "a:running", "new" }, names({ age = 5000 }))
    world:close()
  end))

  it("is emptied", async.test(function()
    local dir = tmp.dir()
    local world, w = open(dir)
    assert(add(world, w, "server", { name = "a" }))
    assert(world:reset())
    assert.are.equal(0, w:count("server"))
    assert.are.equal(1, w:count("plan"))
    assert(add(world, w, "server", { name = "a" }))
    world:close()
    world, w = open(dir)
    assert.are.equal(1, w:count("server"))
    assert.are.equal(1, w:count("plan"))
    world:close()
  end))

  it("is emptied while nobody serves it, and filled anew when somebody does", async.test(function()
    local dir = tmp.dir()
    local world, w = open(dir)
    assert(add(world, w, "server", { name = "a" }))
    world:close()
    world = assert(world_of.open(dir))
    assert(world:reset())
    world:close()
    world, w = open(dir)
    assert.same({ 0, 1 }, { w:count("server"), w:count("plan") })
    world:close()
  end))

  it("shows a request what it has made itself, however old the world is that it sees", async.test(function()
    local world <close>, w = open(tmp.dir())
    local function look(made)
      return w:get("server", made) ~= nil, #w:list("server"), w:actual("server", made) ~= nil, #w:list("server", true)
    end
    local id
    local seen = table.pack(world:transact(function()
      id = w:add("server", { name = "a" }).id
      return look(id)
    end, { age = 60000, writes = true }))
    assert.same({ true, 1, true, 1 }, { table.unpack(seen) })
    for _, writes in ipairs({ true, false }) do
      seen = table.pack(world:transact(function()
        return look(id)
      end, { age = 60000, writes = writes }))
      assert.same({ false, 0, true, 1 }, { table.unpack(seen) })
    end
  end))

  it("gives names and addresses that never came before", async.test(function()
    local world = open(tmp.dir())
    local seen = {}
    for _ = 1, 3000 do
      for _, text in ipairs({ world:uuid(), world:ipv4(), world:ipv6(), world:hex(17) }) do
        assert.is_nil(seen[text])
        seen[text] = true
      end
    end
    assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", world:uuid())
    assert.matches("^198%.1[89]%.%d+%.%d+$", world:ipv4())
    world:close()
  end))
end)
