--- Benchmark: reading, writing and editing of files that hold the same n servers.
--   prov internal lua tests/bench/data/run.lua [N] [ROUNDS]
-- Readers of prov and of Python (tomllib, yaml.CSafeLoader, json) take turns; prints Markdown tables of
-- least, median and most processor time.

local clock = os.clock -- CPU time: what other processes do does not count
local fs = require("prov.fs")
local readers = {
  toml = require("prov.toml").decode,
  yaml = require("prov.yaml").decode,
  json = require("prov.json").decode,
}
local writers = {
  toml = require("prov.toml").encode,
  yaml = require("prov.yaml").encode,
  json = require("prov.json").encode,
}

local n, rounds = tonumber((...)) or 10000, tonumber((select(2, ...))) or 9
local here = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
local dir = assert(fs.tempdir("prov-bench-data"))

local function tree_of()
  local servers = {}
  for i = 1, n do
    servers[("web%05d"):format(i)] = {
      image = "debian-12",
      memory = "512 MiB",
      cpus = i % 8 + 1,
      backup = i % 2 == 0,
      price = i * 0.25,
      network = "${network.lan}",
      labels = { role = "web", zone = "eu-" .. i % 3 },
      ports = { 80, 443, 8000 + i % 100 },
      disks = { { size = "10 GiB", name = "root" }, { size = ("%d GiB"):format(i % 500 + 1), name = "data" } },
    }
  end
  return { defaults = { provider = "demo" }, servers = servers }
end

local function timed(fn, ...)
  collectgarbage()
  local start = clock()
  local out = fn(...)
  local ms = (clock() - start) * 1000
  assert(out)
  return ms
end

local function summary(times)
  table.sort(times)
  return ("%.1f / %.1f / %.1f"):format(times[1], times[(#times + 1) // 2], times[#times])
end

local function peer(form, path, times)
  local pipe = io.popen(("python3 %s/peer.py %s %s 1 2>&1"):format(here, form, path))
  for line in pipe:lines() do
    times[#times + 1] = tonumber(line) or error(line)
  end
  return pipe:close()
end

local tree = tree_of()
print(("%d servers, %d rounds, CPU ms: least / median / most\n"):format(n, rounds))
print("| format | MB | prov reads | Python reads | median: Python to prov | prov writes |")
print("| --- | --- | --- | --- | --- | --- |")
for _, form in ipairs({ "toml", "yaml", "json" }) do
  local text = assert(writers[form](tree))
  local path = dir .. "/servers." .. form
  assert(fs.write_atomic(path, text, { sync = false }))
  local read, write, other = {}, {}, {}
  for _ = 1, rounds do
    read[#read + 1] = timed(readers[form], text)
    write[#write + 1] = timed(writers[form], tree)
    peer(form, path, other)
  end
  local mine, theirs = summary(read), summary(other)
  local ratio = other[(#other + 1) // 2] / read[(#read + 1) // 2]
  print(
    ("| %s | %.1f | %s | %s | %.1f | %s |"):format(form, #text / 1e6, mine, theirs, ratio, summary(write))
  )
end

local edit, text = require("prov.edit.toml"), assert(writers.toml(tree))
local name = ("web%05d"):format(n // 2)
local set, delete = {}, {}
for _ = 1, rounds do
  set[#set + 1] = timed(edit.set, text, { "servers", name, "cpus" }, 99)
  delete[#delete + 1] = timed(edit.delete, text, { "servers", name })
end
print(("\nTOML in place: set one value %s ms, delete one server %s ms"):format(summary(set), summary(delete)))
fs.remove(dir, { recursive = true })
