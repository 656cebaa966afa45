--- Servers with and without a way out, on a machine that is a network namespace of its own, so that
-- nothing leaves it: `unshare --net --mount prov internal lua local_nat.lua SCRATCH-FOLDER BACKEND`.

package.path = os.getenv("PROV_ROOT") .. "/tests/?.lua;" .. package.path
local async = require("prov.async")
local driver = require("support.local_driver")
local fs = require("prov.fs")
local proc = require("prov.proc")
local uv = require("luv")

local scratch, backend = ...
local OUTSIDE, RESOLVER = "198.51.100.7", "127.0.0.77"

local function must(...)
  local r = assert(proc.run({ ... }))
  assert(r.code == 0, r.stderr)
end

--- A server at an address of this "machine" that says its port and, for long, 5 MB more.
local function listen(port)
  local tcp = assert(uv.new_tcp())
  assert(tcp:bind(OUTSIDE, port))
  assert(tcp:listen(16, function()
    local client = uv.new_tcp()
    tcp:accept(client)
    client:write(("here is %d %s"):format(port, ("x"):rep(5000000)), function()
      client:shutdown(function()
        client:close()
      end)
    end)
  end))
  return tcp
end

--- A name server that has the address for every name.
local function resolve()
  local udp = assert(uv.new_udp())
  assert(udp:bind(RESOLVER, 53))
  udp:recv_start(function(_, q, from)
    if not q then
      return
    end
    local last = q:find("\0", 13, true) + 4
    local is_a = q:byte(last - 2) == 1
    local answer = q:sub(1, 2) .. "\x81\x80\0\1\0" .. (is_a and "\1" or "\0") .. "\0\0\0\0" .. q:sub(13, last)
    if is_a then
      answer = answer .. "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc6\x33\x64\x07"
    end
    udp:send(answer, from.ip, from.port)
  end)
  return udp
end

local function check(d, s, command, wanted)
  local r = d.ssh(s, command)
  assert(r.stdout == wanted, ("%s\nwanted %s, is %s%s"):format(command, wanted, r.stdout, r.stderr))
end

local READ = "timeout 10 bash -c 'head -c %d < /dev/tcp/%s/%d' 2>&1 | %s"

local function use(d)
  local out = assert(d.create("network", "out", { nat = true, cidr = "10.93.0.0/24" }))
  local lan = assert(d.create("network", "lan", { cidr = "10.94.0.0/24" }))
  assert(out.nat and not lan.nat)
  local a = assert(d.create("server", "a", { network = out.id, image = "debian-12", init = "sshd" }))
  local b = assert(d.create("server", "b", { network = lan.id, image = "debian-12", init = "sshd" }))
  for _, port in ipairs({ 8080, 22, 53, 3142 }) do -- also where the lab itself listens
    check(d, a, READ:format(12, OUTSIDE, port, "cut -c1-9"), "here is " .. tostring(port):sub(1, 1) .. "\n")
  end
  check(d, a, READ:format(9000000, "web.example", 8080, "wc -c"), "5000013\n")
  check(d, a, "getent hosts a | cut -d' ' -f1", a.ip .. "\n") -- names of the lab first
  for _, where in ipairs({ OUTSIDE .. "/9", b.ip .. "/22", "169.254.169.254/80", "10.94.0.1/22" }) do
    check(d, a, ("timeout 5 bash -c 'head -c 1 < /dev/tcp/%s' 2>/dev/null | wc -c"):format(where), "0\n")
  end
  local asks = "ip route add default via 10.94.0.1; " .. READ:format(4, OUTSIDE, 8080, "grep -c here")
  check(d, b, asks, "0\n")
  check(d, b, "getent hosts web.example | wc -l", "0\n")
  assert(fs.read("/proc/sys/net/ipv4/ip_forward") == "0\n")
end

local ok, e = async.run(function()
  must("ip", "link", "set", "lo", "up")
  must("ip", "addr", "add", OUTSIDE .. "/32", "dev", "lo")
  assert(fs.write_atomic(scratch .. "/resolv.conf", ("nameserver %s\n"):format(RESOLVER)))
  must("mount", "--bind", scratch .. "/resolv.conf", "/etc/resolv.conf")
  local handles = { resolve() }
  for _, port in ipairs({ 8080, 22, 53, 3142 }) do
    handles[#handles + 1] = listen(port)
  end
  local d = driver.open({ dir = scratch, name = "nat", config = { backend = backend } })
  local used, why = pcall(use, d)
  d.delete_all()
  for _, handle in ipairs(handles) do
    handle:close()
  end
  return used or nil, why
end)
if not ok then
  io.stderr:write(tostring(e), "\n")
  return 1
end
