--- Servers of a world as real ones, with a lab that only notes what it is asked for.

local async = require("support.async")
local err = require("prov.err")
local machines_of = require("prov.simulate.machines")
local tmp = require("support.tmp")
local wait = require("prov.async")
local world_of = require("prov.simulate.world")

local KINDS = { server = { unique = { "name" } }, address = { refs = { server = "server" } } }

package.loaded["prov.simulate.sky"] = {
  machine = {
    kind = "server",
    running = { running = true },
    gone = { told = true },
    of = function(w, object)
      local public = {}
      for i, one in ipairs(w:holders(object, "address")) do
        public[i] = one.ip
      end
      return {
        hostname = object.name, image = "debian-12",
        login = { user = "root", keys = { "ssh-ed25519 AAAA a\nssh-ed25519 BBBB b" } },
        user_data = object.user_data, memory = 1 << 30, cpus = 1, public = public, private = object.private or {},
      }
    end,
    failed = function(w, object, why)
      w:change(object, { state = "broken", why = why, next = world_of.NONE })
    end,
  },
}

--- A lab in memory; `lab.calls` is what was done, `lab.hold` a time that everything takes, `lab.broken` an error.
local function new_lab()
  local lab = { name = "lab", calls = {}, servers = {}, networks = {}, n = 0 }
  local function note(...)
    table.insert(lab.calls, table.concat({ ... }, " "))
    wait.sleep(lab.hold or 0)
    if lab.broken then
      return nil, err.new("failed", "no room")
    end
    return true
  end
  function lab.all()
    local out = {}
    for id, one in pairs(lab.servers) do
      out[id] = { key = one.key }
    end
    return out
  end
  function lab.network_create(_, want)
    lab.networks[want.key] = true
    return { id = want.key }
  end
  function lab.network_list()
    return next(lab.networks) and { { id = "world" } } or {}
  end
  function lab.network_delete(_, id)
    lab.networks[id] = nil
    return note("network_delete")
  end
  function lab.server_create(_, want, keygen)
    local ok, e = note("create", want.hostname)
    if not ok then
      return nil, e
    end
    lab.n = lab.n + 1
    local one = { id = "s" .. lab.n, ip = "198.18.0.2", status = "running" }
    for name, value in pairs(want) do
      one[name] = value
    end
    one.host_key = keygen().public
    lab.servers[one.id] = one
    return one
  end
  function lab.server_read(_, id)
    return lab.servers[id]
  end
  function lab.server_update(_, id, want)
    note("update", lab.servers[id].hostname)
    for name, value in pairs(want) do
      lab.servers[id][name] = value
    end
    return lab.servers[id]
  end
  for verb, status in pairs({ start = "running", stop = "stopped", restart = "running" }) do
    lab["server_" .. verb] = function(_, id)
      note(verb, lab.servers[id].hostname)
      lab.servers[id].status = status
      return lab.servers[id]
    end
  end
  function lab.server_delete(_, id)
    local name = lab.servers[id].hostname
    lab.servers[id] = nil
    return note("delete", name)
  end
  --- What was done since this was asked last.
  function lab.said()
    local calls = lab.calls
    lab.calls = {}
    table.sort(calls)
    return table.concat(calls, ", ")
  end
  return lab
end

--- fn(world, w, lab, machines, wall) on a world whose servers that lab makes.
local function with(fn, dir, lab)
  return async.test(function()
    local wall = { now = 1000000 }
    local world = assert(world_of.open(dir or tmp.dir(), { now = function()
      return wall.now
    end }))
    local w = assert(world:add_cloud("sky", KINDS))
    lab = lab or new_lab()
    local machines = assert(machines_of.open(world, "/world", { lab = lab, ports = { 22, 80 } }))
    world.machines = machines
    local task = wait.spawn(machines.run, machines)
    machines:settled()
    fn(world, w, lab, machines, wall)
    task:cancel()
    wait.sleep(5)
    world:close()
  end)
end

local function change(world, fn)
  return assert(world:transact(function()
    fn()
    return true
  end))
end

--- Adds a server that runs in a second.
local function add(world, w, name, fields)
  local object
  change(world, function()
    fields = fields or {}
    fields.name, fields.state = name, fields.state or "new"
    object = w:add("server", fields)
    w:later(object, 1000, { state = "running" })
  end)
  return object
end

describe("real servers of a world", function()
  it("are made at once, and the world waits for them", with(function(world, w, lab, machines, wall)
    lab.hold = 30
    local object = add(world, w, "web.example")
    wall.now = wall.now + 5000
    change(world, function()
      assert.are.equal("new", w:get("server", object.id).state)
    end)
    machines:settled()
    assert.are.equal("create web", lab.said())
    assert.are.equal("ssh-ed25519 AAAA a\n", lab.servers.s1.user_key)
    change(world, function()
      assert.are.equal("running", w:get("server", object.id).state)
    end)
    machines:settled()
    assert.are.equal("", lab.said()) -- it is as it should be
    assert.are.same({ id = "s1", ip = "198.18.0.2", status = "running" }, machines:describe("sky/server/1"))
  end))

  it("are removed before they are only told of", with(function(world, w, lab, machines, wall)
    local object = add(world, w, "a")
    machines:settled()
    change(world, function()
      w:change(object, { state = "ending", next = world_of.NONE })
      w:later(object, 1000, { state = "told" })
    end)
    machines:settled()
    assert.are.equal("create a, delete a, network_delete", lab.said())
    wall.now = wall.now + 2000
    change(world, function()
      assert.are.equal("told", w:get("server", object.id).state)
    end)
    assert.is_false(machines_of.is_server(object))
  end))

  it("have the users and the host key of their user data", with(function(world, w, lab, machines)
    add(world, w, "a", { user_data = "#cloud-config\nusers: [default, { name: deploy, sudo: ALL, ssh_authorized_keys: "
      .. "[ssh-rsa CCCC] }]\nssh_keys: { ed25519_private: x, ed25519_public: ssh-ed25519 HOST }\n" })
    add(world, w, "b")
    machines:settled()
    local a, b = lab.servers.s1, lab.servers.s2
    if a.hostname == "b" then
      a, b = b, a
    end
    assert.are.same({ name = "deploy", keys = "ssh-rsa CCCC\n", groups = {}, sudo = { "ALL" } }, a.users[1])
    assert.are.equal("ssh-ed25519 HOST", a.host_key)
    assert.are.equal("ssh-ed25519 AAAA a\n", a.user_key)
    assert.are.same({}, b.users)
    assert.matches("^ssh%-ed25519 AAAA", b.host_key)
  end))

  it("are stopped, started, restarted, made anew and removed", with(function(world, w, lab, machines)
    local object = add(world, w, "a")
    machines:settled()
    lab.said()
    local function expect(said, fn)
      change(world, fn)
      machines:settled()
      assert.are.equal(said, lab.said())
    end
    expect("stop a", function()
      w:later(object, 2000, { state = "off" })
    end)
    expect("", function()
      w:change(object, { label = "x" })
    end)
    expect("start a", function()
      w:later(object, 3000, { state = "running" })
    end)
    expect("restart a", function()
      w:change(object, { boots = 1 })
    end)
    expect("update a", function()
      w:change(object, { private = { "10.0.0.2/16" } })
    end)
    expect("create a, delete a", function()
      w:change(object, { rebuilt = 1 })
    end)
    expect("update a", function()
      w:add("address", { ip = "127.20.0.1", server = object.id })
    end)
    assert.are.same({
      { address = "127.20.0.1", host = 22, guest = 22 },
      { address = "127.20.0.1", host = 80, guest = 80 },
    }, lab.servers.s2.ports)
    expect("delete a, network_delete", function()
      w:later(object, 4000, "gone")
    end)
    assert.is_not_nil(w:get("server", object.id)) -- it was not due yet
  end))

  it("are not made when nothing was done, or when they never run", with(function(world, w, lab, machines)
    world:transact(function()
      w:later(w:add("server", { name = "a", state = "new" }), 1000, { state = "running" })
      return nil, err.new("failed", "no")
    end)
    local object
    change(world, function()
      object = w:add("server", { name = "b", state = "new" })
      w:later(object, 1000, { state = "off" })
    end)
    machines:settled()
    assert.are.equal("", lab.said())
    change(world, function()
      w:later(object, 2000, { state = "running" })
    end)
    machines:settled()
    assert.are.equal("create b", lab.said())
  end))

  it("that cannot be made are told, and hold nobody up", with(function(world, w, lab, machines, wall)
    lab.broken = true
    local object = add(world, w, "a")
    machines:settled()
    assert.matches("no room", machines:describe("sky/server/1").error)
    wall.now = wall.now + 2000
    change(world, function()
      assert.are.same({ "broken", "no room" }, { object.state, object.why })
    end)
    assert.are.equal("create a", lab.calls[1])
    lab.broken = false
    change(world, function()
      w:later(object, 1000, { state = "running" })
    end)
    machines:settled()
    assert.are.equal("s1", machines:describe("sky/server/1").id)
  end))

  local dir, lab = tmp.dir(), new_lab()

  it("stay when the simulator goes", with(function(world, w, _, machines)
    add(world, w, "kept")
    add(world, w, "halted")
    machines:settled()
    assert.are.equal("create halted, create kept", lab.said())
  end, dir, lab))

  it("of a cloud that is not served now are left alone", async.test(function()
    local world = assert(world_of.open(dir))
    local machines = assert(machines_of.open(world, dir, { lab = lab }))
    assert(machines:sweep())
    assert.are.equal("", lab.said())
    world:close()
  end))

  it("are found again; what changed meanwhile is made good", function()
    for _, one in pairs(lab.servers) do
      one.status = one.hostname == "halted" and "stopped" or one.status
    end
    lab.servers.x = { id = "x", key = "sky/server/99#0", hostname = "orphan" }
    with(function(_, _, _, machines)
      assert.are.equal("delete orphan, start halted", lab.said())
      assert.is_true(machines:describe("sky/server/1") ~= nil)
    end, dir, lab)()
  end)

  it("go when the world is emptied", with(function(world, _, _, machines)
    assert(world:reset())
    assert(machines:clear())
    assert.are.equal("delete halted, delete kept, network_delete", lab.said())
  end, dir, lab))
end)
