--- Time from the create call of local servers until their SSH answers, 1, 3, 10 (or given) at once,
-- and their memory, for every backend that works here, in turns:
-- `prov internal lua tests/bench/local_boot.lua [IMAGE [COUNT ...]]`, as root.

package.path = (os.getenv("PROV_ROOT") or ".") .. "/tests/?.lua;" .. package.path
local async = require("prov.async")
local driver = require("support.local_driver")
local fs = require("prov.fs")
local uv = require("luv")

local ROUNDS = 5

local image, counts = "debian-12", {}
for i, value in ipairs({ ... }) do
  if i == 1 then
    image = value
  else
    counts[#counts + 1] = math.tointeger(tonumber(value))
  end
end
if #counts == 0 then
  counts = { 1, 3, 10 }
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function seconds_since(started)
  return (uv.hrtime() - started) / 1e9
end

--- Memory of a server's own processes (anonymous, from its cgroup), in MiB.
local function memory(lab, id)
  local v1 = fs.read(("/sys/fs/cgroup/memory/prov/%s/%s/memory.stat"):format(lab, id))
  local v2 = fs.read(("/sys/fs/cgroup/prov/%s/%s/memory.stat"):format(lab, id))
  local bytes = (v1 and v1:match("total_rss (%d+)")) or (v2 and v2:match("anon (%d+)"))
  return bytes and tonumber(bytes) / (1 << 20)
end

local function all(count, fn)
  assert(async.scope(function(scope)
    for i = 1, count do
      scope:spawn(fn, i)
    end
    return true
  end))
end

local function round(d, net, count, times)
  local servers = {}
  local started = uv.hrtime()
  all(count, function(i)
    local e
    servers[i], e = d.create("server", "s" .. i, { network = net.id, image = image })
    return servers[i], e
  end)
  table.insert(times.create, seconds_since(started))
  local lab = net.netns:match("[^/]+$")
  local used = memory(lab, servers[1].id)
  if used then
    table.insert(times.memory, used)
  end
  started = uv.hrtime()
  all(count, function(i)
    return d.call("server", "delete", servers[i].id)
  end)
  table.insert(times.delete, seconds_since(started))
end

local backends = {}
for _, name in ipairs({ "namespaces", "podman" }) do
  local obstacle = require("prov.machine.backend").get(name).obstacle()
  if obstacle then
    print(("%s: %s"):format(name, obstacle))
  else
    backends[#backends + 1] = name
  end
end

--- A driver with a network of its own for a backend.
local function open(scratch, backend)
  local d = driver.open({ dir = scratch, name = "bench-" .. backend, config = { backend = backend } })
  local pair = driver.keygen(scratch)
  d.keygen = function() -- made before: what ssh-keygen takes is not what a server takes
    return pair
  end
  return { d = d, net = assert(d.create("network", "bench", {})) }
end

local function measure(opened, count)
  local times = {}
  for _, backend in ipairs(backends) do
    times[backend] = { create = {}, delete = {}, memory = {} }
  end
  for _ = 1, ROUNDS do
    for _, backend in ipairs(backends) do
      round(opened[backend].d, opened[backend].net, count, times[backend])
    end
  end
  for _, backend in ipairs(backends) do
    local t = times[backend]
    local used = median(t.memory)
    print(("%-10s %8d %14.3f %14.3f %10s"):format(
      backend, count, median(t.create), median(t.delete), used and ("%.1f"):format(used) or "?"))
  end
end

local ok, e = async.run(function()
  local scratch = assert(fs.tempdir("prov-bench"))
  assert(require("prov.machine.image").ensure(image, print))
  local opened = {}
  for _, backend in ipairs(backends) do
    opened[backend] = open(scratch, backend)
  end
  print(("%-10s %8s %14s %14s %10s"):format("backend", "servers", "create (s)", "delete (s)", "MiB each"))
  for _, count in ipairs(counts) do
    measure(opened, count)
  end
  for _, backend in ipairs(backends) do
    assert(opened[backend].d.call("network", "delete", opened[backend].net.id))
  end
  return fs.remove(scratch, { recursive = true })
end)
if not ok then
  io.stderr:write(tostring(e), "\n")
  return 1
end
