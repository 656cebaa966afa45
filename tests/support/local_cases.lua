--- What every backend of the provider `local` must do; the spec that loads this says which.

local app = require("core.app")
local async = require("prov.async")
local err = require("prov.err")
local fs = require("prov.fs")
local proc = require("prov.proc")
local support = require("support.async")
local tmp = require("support.tmp")
local traces = require("support.lab_traces")
local uv = require("luv")

support.limit_ms = 600000

local driver = require("support.local_driver")

local backend = ...

local scratch, d, lab

local function reopen()
  return driver.open({ dir = scratch, name = "spec", config = { backend = backend } })
end

before_each(function()
  scratch = tmp.dir()
  uv.os_setenv("PROV_LOCAL_DIR", scratch .. "/labs")
  support.run(function()
    assert(require("prov.machine.image").ensure("debian-12"))
    d = reopen()
    return true
  end)
  lab = d.machine.lab_name({ name = "spec", dir = scratch })
end)

after_each(function()
  support.run(d.delete_all)
  uv.os_unsetenv("PROV_LOCAL_DIR")
  assert.same({}, traces.of(lab, scratch .. "/labs"))
end)

local function test(name, fn)
  it(name, support.test(fn))
end

local function sh(state, command)
  local r = d.ssh(state, command)
  assert.equal(0, r.code, command .. "\n" .. r.stdout .. r.stderr)
  return (r.stdout:gsub("%s+$", ""))
end

test("makes a server that runs systemd, has its own name and address, and deletes it", function()
  local net = assert(d.create("network", "lan", { cidr = "10.91.0.0/24" }))
  assert.equal("10.91.0.1", net.gateway)
  local s = assert(d.create("server", 'web["Eu 1"]', { network = net.id, image = "debian-12" }))
  assert.equal("web-eu-1", s.hostname)
  assert.equal("10.91.0.2", s.ip)
  assert.equal("running", s.status)
  assert.same({ net.id, s.id }, d.adopted)
  assert.equal("web-eu-1", sh(s, "hostname"))
  assert.equal("running", sh(s, "systemctl is-system-running --wait"))
  assert.equal("systemd", sh(s, "cat /proc/1/comm"))
  assert.equal("", sh(s, "ip route | grep default || true")) -- no way out
  assert.equal(s.ssh.host_key, sh(s, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub"))
  assert.matches("^%x+$", sh(s, "cat /etc/machine-id"))
  assert.equal("no", sh(s, "test -w /proc/sys/vm/swappiness && echo yes || echo no"))
  assert.equal("debian-12", assert(d.call("server", "read", s.id)).image)
  assert(d.call("server", "delete", s.id))
  assert(d.call("server", "delete", s.id)) -- gone is fine
  assert.is_nil(d.call("server", "read", s.id))
  assert.same({}, assert(d.call("server", "list")))
  return true
end)

test("keeps files, address and host key over stop, start and restart", function()
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
  sh(s, "echo kept > /root/file; sync")
  assert.equal("stopped", assert(d.call("server", "action_stop", s.id)).status)
  assert.equal("stopped", assert(d.call("server", "read", s.id)).status)
  local again = assert(d.call("server", "action_start", s.id))
  assert.equal("running", again.status)
  assert.equal(s.ip, again.ip)
  assert.equal("kept", sh(again, "cat /root/file"))
  assert(d.call("server", "action_restart", s.id))
  assert(d.call("server", "action_start", s.id)) -- runs already
  assert.equal("kept", sh(s, "cat /root/file"))
  return true
end)

test("reaches a server at once that has the address of one that is gone", function()
  local net = assert(d.create("network", "lan", { cidr = "10.92.0.0/24" }))
  local fixed = { network = net.id, image = "debian-12", ip = "10.92.0.9" }
  local s = assert(d.create("server", "a", fixed))
  assert.equal("a", sh(s, "hostname"))
  assert(d.call("server", "delete", s.id))
  local began = uv.hrtime()
  assert.equal("b", sh(assert(d.create("server", "b", fixed)), "hostname"))
  assert.is_true(uv.hrtime() - began < 15e9, "neighbours do not know it") -- they forget after half a minute
  return true
end)

test("reads a server as stopped and starts it after the machine was restarted", function()
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
  sh(s, "echo kept > /root/file")
  -- What a restart takes away: every process, the namespace, and the boot id.
  local dir = ("%s/labs/%s"):format(scratch, lab)
  local run = assert(fs.read(("%s/servers/%s/run"):format(dir, s.id)))
  local pid = run:match("pid=(%d+)")
  assert(uv.kill(math.tointeger(pid), "sigkill"))
  for _ = 1, 100 do -- the kernel ends the other processes of the server first
    if assert(d.call("server", "read", s.id)).status == "stopped" then
      break
    end
    async.sleep(50)
  end
  assert.equal("stopped", assert(d.call("server", "read", s.id)).status)
  local other = run:gsub("boot=[^\n]*", "boot=00000000-0000-0000-0000-000000000000")
  assert(fs.write_atomic(("%s/servers/%s/run"):format(dir, s.id), (other:gsub("pid=%d+", "pid=" .. uv.os_getpid()))))
  assert(require("prov.machine.helper").lab_down(dir))
  assert.equal("stopped", assert(d.call("server", "read", s.id)).status)
  assert(d.call("server", "action_start", s.id))
  assert.equal("kept", sh(s, "cat /root/file"))
  return true
end)

test("connects servers of one network by name and keeps networks apart", function()
  local lan = assert(d.create("network", "lan", { cidr = "10.91.0.0/24" }))
  local dmz = assert(d.create("network", "dmz", { cidr = "10.92.0.0/24" }))
  local a = assert(d.create("server", "a", { network = lan.id, image = "debian-12" }))
  local b = assert(d.create("server", "b", { network = lan.id, image = "debian-12" }))
  local c = assert(d.create("server", "c", { network = dmz.id, image = "debian-12" }))
  local banner = "timeout 3 bash -c 'head -c 4 < /dev/tcp/%s/22'"
  assert.equal("SSH-", sh(a, banner:format("b")))
  assert.equal(b.ip, sh(a, "getent hosts b | cut -d' ' -f1"))
  assert.not_equal(0, d.ssh(a, "getent hosts c").code)
  assert.not_equal(0, d.ssh(a, banner:format(c.ip)).code)
  assert.not_equal(0, d.ssh(c, banner:format(a.ip)).code)
  -- also when a server gives itself a route through the lab
  assert.not_equal(0, d.ssh(c, "ip route add default via 10.92.0.1; " .. banner:format(a.ip)).code)
  local _, e = d.create("network", "again", { cidr = "10.91.0.128/25" })
  assert.equal("conflict", e.code)
  local _, used = d.call("network", "delete", lan.id)
  assert.equal("conflict", used.code)
  return true
end)

test("hands out every address once, also to many at a time", function()
  local net = assert(d.create("network", "lan", { cidr = "10.91.0.0/29" }))
  local ips = {}
  local full
  assert(async.scope(function(scope)
    for i = 1, 6 do -- one more than the network has room for
      scope:spawn(function()
        local s, e = d.create("server", "s" .. i, { network = net.id, image = "debian-12", init = "sshd" })
        if s then
          ips[#ips + 1] = s.ip
        else
          full = e
        end
        return true
      end)
    end
    return true
  end))
  table.sort(ips)
  assert.same({ "10.91.0.2", "10.91.0.3", "10.91.0.4", "10.91.0.5", "10.91.0.6" }, ips)
  assert.equal("limit", full.code)
  local _, taken = d.create("server", "x", { network = net.id, image = "debian-12", ip = "10.91.0.3" })
  assert.equal("conflict", taken.code)
  local _, outside = d.create("server", "x", { network = net.id, image = "debian-12", ip = "10.99.0.3" })
  assert.equal("invalid", outside.code)
  return true
end)

test("installs packages through the proxy, which fetches nothing else", function()
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
  sh(s, "apt-get -q update && apt-get install -yq --no-install-recommends nginx-light")
  assert.equal("active", sh(s, "systemctl is-active nginx"))
  local proxy = ("curl -s -o /dev/null -w '%%{http_code}' -x http://%s:3142 "):format(net.gateway)
  assert.equal("403", sh(s, proxy .. "http://example.org/"))
  assert.equal("405", sh(s, proxy .. "-X CONNECT --request-target example.org:443 http://example.org/ || true"))
  local brew = "printf 'BREW / HTTP/1.1\\r\\n\\r\\n' "
    .. "| timeout 3 bash -c 'exec 3<>/dev/tcp/%s/3142; cat >&3; head -1 <&3' | cut -d' ' -f2"
  assert.equal("400", sh(s, brew:format(net.gateway)))
  return true
end)

test("a unit file takes effect when a recipe writes it, changes it, and writes it again after its removal", function()
  local host = require("prov.host")
  local op = host.op
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
  local session = { exec = function(_, command, opts)
    return d.ssh(s, command, { stdin = opts.stdin, on_stdout = opts.on_stdout })
  end }
  local path = "/etc/systemd/system/sleeper.service"
  local function run(ops)
    local report = assert(host.run(session, ops, { name = "sleeper" }))
    for _, row in ipairs(report.ops) do
      assert.not_equal("failed", row.status, row.title .. ": " .. tostring(row.reason))
    end
  end
  local function install(seconds)
    run({
      op.file { path, text = ("[Service]\nExecStart=/bin/sleep %d\n[Install]\nWantedBy=multi-user.target\n")
        :format(seconds), notify = "restart" },
      op.service { "sleeper", state = "running", enabled = true, on = { restart = "restart" } },
    })
    return sh(s, "tr '\\0' ' ' < /proc/$(systemctl show -P MainPID sleeper)/cmdline")
  end
  assert.equal("/bin/sleep 1001", install(1001))
  assert.equal("/bin/sleep 1002", install(1002))
  run({ op.service { "sleeper", state = "stopped", enabled = false }, op.file { path, absent = true } })
  assert.equal("/bin/sleep 1003", install(1003))
  return true
end)

test("forwards ports of the loopback, and says which is taken", function()
  local one, two, three = driver.free_port(), driver.free_port(), driver.free_port()
  local net = assert(d.create("network", "lan", {}))
  local ports = { { host = one, guest = 22 } }
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12", ports = ports }))
  local function banner(port)
    local r = assert(proc.run({ "timeout", "5", "bash", "-c", ("head -c 4 < /dev/tcp/127.0.0.1/%d"):format(port) }))
    return r.stdout
  end
  assert.equal("SSH-", banner(one))
  assert.same({ { host = one, guest = 22 } }, assert(d.call("server", "read", s.id)).ports)
  local want = { network = net.id, image = "debian-12", ports = { { host = one, guest = 80 } } }
  local _, e = d.create("server", "b", want)
  assert.equal("conflict", e.code)
  assert(d.call("server", "update", s.id, { ports = { { host = two, guest = 22 } } }))
  assert.equal("SSH-", banner(two))
  assert.equal("", banner(one))
  -- a port that another program of the machine has
  local taken = assert(uv.new_tcp())
  assert(taken:bind("127.0.0.1", three))
  assert(taken:listen(1, function() end))
  local _, busy = d.call("server", "update", s.id, { ports = { { host = three, guest = 22 } } })
  assert.equal("conflict", busy.code)
  assert.matches(tostring(three), tostring(busy), 1, true)
  taken:close()
  assert.same({ { host = two, guest = 22 } }, assert(d.call("server", "read", s.id)).ports)
  assert.equal("SSH-", banner(two))
  assert(d.call("server", "update", s.id, { ports = { { host = two, guest = 23 } } }))
  assert.equal("", banner(two))
  assert(d.call("server", "update", s.id, { ports = { { host = two, guest = 22 } } }))
  assert.equal("SSH-", banner(two))
  assert(d.call("server", "update", s.id, { ports = { { host = three, guest = 22 } } }))
  assert.equal("SSH-", banner(three))
  local other = assert(d.create("server", "b", { network = net.id, image = "debian-12", init = "sshd" }))
  local _, held = d.call("server", "update", other.id, { ports = { { host = three, guest = 80 } } })
  assert.equal("conflict", held.code)
  assert(d.call("server", "update", s.id, {}))
  assert.equal("", banner(three))
  return true
end)

test("limits memory and processor time, and changes the limits of a running server", function()
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12", memory = 128 << 20, cpus = 0.2 }))
  assert.equal(128 << 20, s.memory)
  assert.equal(0.2, s.cpus)
  local eat = "head -c 300m /dev/zero | tail -c 300m | wc -c"
  assert.not_equal("314572800", d.ssh(s, eat).stdout:match("%d*"))
  local spin = "timeout 2 sh -c 'while :; do :; done'; cut -d' ' -f1 /proc/uptime >/dev/null; times | tail -1"
  local used = d.ssh(s, spin).stdout
  local seconds = tonumber(used:match("m([%d.]+)s"))
  assert.is_true(seconds < 1.2, used)
  s = assert(d.call("server", "update", s.id, { memory = 1 << 30 }))
  assert.equal(1 << 30, s.memory)
  assert.is_nil(s.cpus)
  assert.equal("314572800", sh(s, eat))
  return true
end)

test("binds volumes that outlive their servers", function()
  local net = assert(d.create("network", "lan", {}))
  local v = assert(d.create("volume", "data", {}))
  local want = { network = net.id, image = "debian-12", volumes = { { volume = v.id, path = "/srv/data" } } }
  local a = assert(d.create("server", "a", want))
  local b = assert(d.create("server", "b", want))
  sh(a, "echo shared > /srv/data/file")
  assert.equal("shared", sh(b, "cat /srv/data/file"))
  local _, e = d.call("volume", "delete", v.id)
  assert.equal("conflict", e.code)
  assert(d.call("server", "delete", a.id))
  b = assert(d.call("server", "update", b.id, { volumes = {} }))
  assert.same({}, b.volumes)
  assert.not_equal(0, d.ssh(b, "test -e /srv/data/file").code)
  assert.equal("shared\n", assert(fs.read(v.path .. "/file")))
  local bad = { network = net.id, image = "debian-12", volumes = { { volume = "x", path = "/x" } } }
  local _, missing = d.create("server", "c", bad)
  assert.equal("notfound", missing.code)
  return true
end)

local function conf_of(kind, id)
  return ("%s/labs/%s/%ss/%s/%s.conf"):format(scratch, lab, kind, id, kind)
end

test("does an update again that was cut short", function()
  local net = assert(d.create("network", "lan", {}))
  local v = assert(d.create("volume", "data", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }))
  local path = conf_of("server", s.id)
  -- Killed after the description was written and before anything else.
  local text = assert(fs.read(path)) .. ("memory=%d\nvolume=%s:/srv\npending=volumes\n"):format(1 << 30, v.path)
  assert(fs.write_atomic(path, text))
  local seen = assert(d.call("server", "read", s.id))
  assert.is_nil(seen.memory)
  assert.is_nil(seen.volumes)
  assert.equal("string", type(seen.ports)) -- unlike any that is wanted
  local want = { memory = 1 << 30, volumes = { { volume = v.id, path = "/srv" } } }
  seen = assert(d.call("server", "update", s.id, want))
  assert.equal(1 << 30, seen.memory)
  assert.same({}, seen.ports)
  assert.same(want.volumes, seen.volumes)
  sh(seen, "mountpoint -q /srv")
  assert.is_nil(assert(fs.read(path)):find("pending", 1, true))
  return true
end)

test("marks an update until it has taken effect", function()
  local net = assert(d.create("network", "lan", {}))
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12", init = "sshd" }))
  local Lab, marked = require("prov.machine.lab").Lab, nil
  local run = Lab.run
  Lab.run = function(...)
    marked = assert(fs.read(conf_of("server", s.id))):match("pending=(%w+)")
    return run(...)
  end
  local ok, e = d.call("server", "update", s.id, { memory = 1 << 30 })
  Lab.run = run
  assert(ok, e)
  assert.equal("limits", marked)
  assert.equal(1 << 30, ok.memory)
  return true
end)

test("removes what has lost its description", function()
  local net = assert(d.create("network", "lan", {}))
  local v = assert(d.create("volume", "data", {}))
  local want = { network = net.id, image = "debian-12", volumes = { { volume = v.id, path = "/srv" } } }
  local s = assert(d.create("server", "a", want)) -- it runs on
  for kind, id in pairs({ network = net.id, volume = v.id, server = s.id }) do
    assert(fs.write_atomic(conf_of(kind, id), ""))
  end
  assert(fs.write_atomic(("%s/labs/%s/lab.conf"):format(scratch, lab), ""))
  for kind, id in pairs({ network = net.id, server = s.id }) do
    local state = assert(d.call(kind, "read", id))
    assert.equal(id, state.id)
    assert.matches("damaged", state.incomplete)
  end
  assert.same({ id = v.id, name = "data", path = v.path }, assert(d.call("volume", "read", v.id)))
  local _, e = d.call("server", "action_stop", s.id)
  assert.equal("corrupt", e.code)
  assert(d.call("server", "delete", s.id))
  assert.is_nil(d.call("server", "read", s.id))
  assert(d.call("volume", "delete", v.id))
  assert(d.call("network", "delete", net.id)) -- and nothing is left, says after_each
  return true
end)

test("takes nothing for gone that it cannot read", function()
  local net = assert(d.create("network", "lan", {}))
  local v = assert(d.create("volume", "data", {}))
  for kind, id in pairs({ network = net.id, volume = v.id }) do
    local path = conf_of(kind, id)
    assert(fs.rename(path, path .. ".kept"))
    assert(fs.mkdirp(path))
    local ok, e = d.call(kind, "delete", id)
    assert.is_nil(ok)
    assert.matches("cannot read", tostring(e))
    assert(fs.remove(path))
    assert(fs.rename(path .. ".kept", path))
    assert.equal(id, assert(d.call(kind, "read", id)).id)
  end
  return true
end)

test("finds by key what a creation made, and creates it once", function()
  local net = assert(d.create("network", "lan", {}, "k-net"))
  assert.equal(net.id, assert(d.create("network", "lan", {}, "k-net")).id)
  assert.equal(net.id, assert(d.call("network", "find", "k-net")).id)
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12" }, "k-a"))
  assert.equal(s.id, assert(d.create("server", "a", { network = net.id, image = "debian-12" }, "k-a")).id)
  assert.equal(s.id, assert(d.call("server", "find", "k-a")).id)
  assert.is_nil(d.call("server", "find", "k-b"))
  assert.equal(1, #assert(d.call("server", "list")))
  return true
end)

test("starts the lab's process again when it was killed", function()
  local port = driver.free_port()
  local net = assert(d.create("network", "lan", {}))
  local ports = { { host = port, guest = 22 } }
  local s = assert(d.create("server", "a", { network = net.id, image = "debian-12", ports = ports }))
  local found = assert(proc.run({ "pgrep", "-f", "lab serve .*" .. lab }))
  assert(uv.kill(math.tointeger(tonumber(found.stdout)), "sigkill"))
  async.sleep(100)
  d = reopen()
  assert(d.call("server", "read", s.id))
  local r = assert(proc.run({ "timeout", "5", "bash", "-c", "head -c 4 < /dev/tcp/127.0.0.1/" .. port }))
  assert.equal("SSH-", r.stdout)
  return true
end)

test("refuses what it cannot do, with a reason", function()
  local net = assert(d.create("network", "lan", {}))
  local _, e = d.create("server", "a", { network = net.id, image = "windows-95" })
  assert.equal("invalid", e.code)
  assert.matches("debian%-12", tostring(e))
  _, e = d.create("server", "a", { network = "nowhere", image = "debian-12" })
  assert.equal("notfound", e.code)
  _, e = d.create("network", "bad", { cidr = "10.1.1.7/24" })
  assert.equal("invalid", e.code)
  assert.is_true(err.is(e))
  _, e = d.call("server", "action_start", "no-such")
  assert.equal("notfound", e.code)
  _, e = d.call("server", "delete", "../../etc")
  assert.equal("invalid", e.code)
  return true
end)

test("lets servers out where the network says nat, and no others", function()
  local r = assert(proc.run({
    "unshare", "--net", "--mount", app.exe, "internal", "lua",
    (os.getenv("PROV_ROOT") or ".") .. "/tests/support/local_nat.lua", scratch, backend,
  }))
  assert.equal(0, r.code, r.stdout .. r.stderr)
  return true
end)
