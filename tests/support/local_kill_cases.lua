--- kill -9 in mid-creation: whatever the moment, what was begun is found by its key and finished,
-- or removed, and then nothing is left.

local app = require("core.app")
local async = require("prov.async")
local fs = require("prov.fs")
local support = require("support.async")
local tmp = require("support.tmp")
local traces = require("support.lab_traces")
local uv = require("luv")

support.limit_ms = 600000

local ROUNDS = 16

local driver = require("support.local_driver")

local backend = ...

--- Starts the creator and kills it after `ms`; with `helpers`, its helper processes too.
local function create_and_kill(scratch, lab, port, ms, helpers)
  local ended = async.await(function(resume)
    local handle, pid, timer
    handle, pid = uv.spawn(app.exe, {
      args = {
        "internal", "lua", os.getenv("PROV_ROOT") .. "/tests/support/local_creator.lua",
        scratch, tostring(port), backend,
      },
      stdio = { nil, nil, 2 },
    }, function(code, signal)
      handle:close()
      timer:stop()
      if not timer:is_closing() then
        timer:close()
      end
      resume(signal ~= 0 and "killed" or code == 0 and "complete" or "failed")
    end)
    assert(handle, pid)
    timer = uv.new_timer()
    timer:start(ms, 0, function()
      timer:close()
      uv.kill(pid, "sigkill")
      for _, row in ipairs(helpers and fs.list("/proc") or {}) do
        local command = row.name:find("^%d+$") and fs.read(("/proc/%s/cmdline"):format(row.name)) or ""
        if command:find("internal%zlab%z") and command:find(lab, 1, true) then
          uv.kill(math.tointeger(tonumber(row.name)), "sigkill")
        end
      end
    end)
    return true
  end)
  return ended
end

local function delete_all(d)
  d.delete_all()
  -- A network that never got as far as its first rename leaves an empty lab.
  assert(d.machine.lab_of({ config = {}, workspace = { name = "kill", dir = d.dir } }):close_empty())
end

local outcomes = {}
local lab, labs
local whole -- how long an undisturbed creation takes, in milliseconds

after_each(function() -- a failed round must not disturb others, whatever it left
  uv.os_unsetenv("PROV_LOCAL_DIR")
  support.run(function()
    return require("prov.machine.helper").run("purge", "/run/prov/netns/" .. lab)
  end)
end)

for round = 1, ROUNDS do
  it("leaves nothing, round " .. round, support.test(function()
    local scratch = tmp.dir()
    labs = scratch .. "/labs"
    uv.os_setenv("PROV_LOCAL_DIR", labs)
    assert(require("prov.machine.image").ensure("debian-12"))
    lab = require("prov.machine").lab_name({ name = "kill", dir = scratch })
    if not whole then
      local started = uv.hrtime()
      assert.equal("complete", create_and_kill(scratch, lab, driver.free_port(), 60000, false))
      whole = (uv.hrtime() - started) // 1000000
      local d = driver.open({ dir = scratch, name = "kill", config = { backend = backend } })
      d.dir = scratch
      delete_all(d)
    end
    local ms = math.random(5, whole)
    local helpers = round % 2 == 0
    local port = driver.free_port()
    local ended = create_and_kill(scratch, lab, port, ms, helpers)
    assert.not_equal("failed", ended)
    outcomes[ended] = (outcomes[ended] or 0) + 1
    local d = driver.open({ dir = scratch, name = "kill", config = { backend = backend } })
    d.dir = scratch
    local about = ("killed after %d ms%s"):format(ms, helpers and " with its helpers" or "")
    if round % 4 < 2 then -- as a resumed run does: find by key, go on with what is there
      for _, key in ipairs({ "key-a", "key-b" }) do
        local s, e = d.call("server", "find", key)
        assert.is_nil(e, about)
        if s then
          assert.equal("running", s.status, about)
        end
      end
      local net = assert(d.create("network", "lan", {}, "key-net"), about)
      local want = { network = net.id, image = "debian-12", ports = { { host = port, guest = 22 } } }
      local a = assert(d.create("server", "a", want, "key-a"))
      local b = assert(d.create("server", "b", { network = net.id, image = "debian-12" }, "key-b"))
      assert.not_equal(a.ip, b.ip)
      assert.equal(2, #assert(d.call("server", "list")), about)
      assert.equal(1, #assert(d.call("network", "list")), about)
      assert.equal("running", assert(d.call("server", "read", b.id)).status)
    end
    delete_all(d)
    local left
    for _ = 1, 60 do -- a helper of the killed process may just be ending
      left = traces.of(lab, labs)
      if #left == 0 then
        break
      end
      async.sleep(50)
    end
    assert.same({}, left, about)
    return true
  end))
end

it("really was killed in the middle most of the time", function()
  assert.is_true((outcomes.killed or 0) >= ROUNDS / 2, "killed: " .. tostring(outcomes.killed))
end)
