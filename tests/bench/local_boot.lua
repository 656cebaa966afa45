--- Time from the create call of local servers until their SSH answers, 1, 3, 10 (or given) at once:
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

local ok, e = async.run(function()
  local scratch = assert(fs.tempdir("prov-bench"))
  local d = driver.open({ dir = scratch, name = "bench" })
  assert(require("prov.machine.image").ensure(image, print))
  local pair = driver.keygen(scratch)
  d.keygen = function() -- made before: what ssh-keygen takes is not what a server takes
    return pair
  end
  local net = assert(d.create("network", "bench", {}))
  print(("%-10s %8s %14s %14s %10s"):format("image", "servers", "create (s)", "delete (s)", "MiB each"))
  for _, count in ipairs(counts) do
    local times = { create = {}, delete = {}, memory = {} }
    for _ = 1, ROUNDS do
      round(d, net, count, times)
    end
    local used = median(times.memory)
    print(("%-10s %8d %14.3f %14.3f %10s"):format(
      image, count, median(times.create), median(times.delete), used and ("%.1f"):format(used) or "?"))
  end
  assert(d.call("network", "delete", net.id))
  return fs.remove(scratch, { recursive = true })
end)
if not ok then
  io.stderr:write(tostring(e), "\n")
  return 1
end
