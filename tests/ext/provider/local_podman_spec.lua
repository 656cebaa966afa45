--- The same contract as local_spec.lua, with servers made by podman.

local fs = require("prov.fs")
local proc = require("prov.proc")
local support = require("support.async")
local tmp = require("support.tmp")

describe("provider local with podman", function()
  local obstacle = require("prov.machine.podman").obstacle()
  if obstacle then
    pending(("needs podman as root: %s"):format(obstacle))
    return
  end
  local root = os.getenv("PROV_ROOT") or "."
  assert(loadfile(root .. "/tests/support/local_cases.lua", "t", _ENV))("podman") -- with what busted gives to specs
end)

describe("servers of podman", function()
  if require("prov.machine.podman").obstacle() then
    return -- said above
  end

  local driver = require("support.local_driver")

  local function stdout(...)
    return assert(proc.run({ ... })).stdout
  end

  --- What podman usually changes on a machine.
  local function machine()
    local there = {}
    for _, path in ipairs({ "/var/lib/containers", "/run/containers", "/run/libpod", "/dev/shm/libpod_lock" }) do
      there[path] = fs.exists(path)
    end
    return {
      there = there,
      forward = fs.read("/proc/sys/net/ipv4/ip_forward"),
      links = stdout("ip", "-o", "link"),
      routes = stdout("ip", "route", "show", "table", "all"),
      states = #(fs.list("/run/runc") or {}),
    }
  end

  it("are the only thing of podman that there is", support.test(function()
    local scratch = tmp.dir()
    local config = { backend = "podman", dir = scratch .. "/labs" }
    local d = driver.open({ dir = scratch, name = "pods", config = config })
    local before = machine()
    local net = assert(d.create("network", "lan", {}))
    local _, e = d.create("server", "n", { network = net.id, image = "debian-12", nesting = true })
    assert.equal("unsupported", e.code)
    assert.matches("nesting", tostring(e))
    assert.same({}, assert(d.call("server", "list")))
    local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
    assert.same(before, machine())
    assert.equal("podman", d.ssh(s, "systemd-detect-virt --container").stdout:gsub("%s", ""))

    -- A server keeps its backend when the setting changes, a new one has the new.
    config.backend = "namespaces"
    assert(d.call("server", "action_restart", s.id))
    assert.equal("podman", d.ssh(s, "systemd-detect-virt --container").stdout:gsub("%s", ""))
    local b = assert(d.create("server", "b", { network = net.id, image = "debian-12" }))
    assert.not_equal("podman", d.ssh(b, "systemd-detect-virt --container").stdout:gsub("%s", ""))
    assert.equal("SSH-", d.ssh(b, ("timeout 3 bash -c 'head -c 4 < /dev/tcp/%s/22'"):format(s.ip)).stdout)

    -- What goes wrong is said in podman's words.
    assert(d.call("server", "action_stop", s.id))
    local conf = ("%s/%s/servers/%s/server.conf"):format(config.dir, net.netns:match("[^/]+$"), s.id)
    local text = assert(fs.read(conf))
    assert(fs.write_atomic(conf, text .. "volume=/nonexistent/data:/srv\n"))
    _, e = d.call("server", "action_start", s.id)
    assert.matches("podman ended with code", tostring(e), 1, true)
    for _, id in ipairs({ s.id, b.id }) do
      assert(d.call("server", "delete", id))
    end
    assert(d.call("network", "delete", net.id))
    assert.same(before, machine())
    return true
  end))
end)
