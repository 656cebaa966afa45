--- Benchmark: a contract over N servers of 20 fields each.
--   prov internal lua tests/bench/contract/run.lua FOLDER [N] [ROUNDS]
-- Writes the exported schema and the values into the folder, for the peers, and prints rows of a Markdown table:
-- milliseconds of processor time, best of the rounds.

local contract = require("prov.contract")
local data = require("core.data")
local fs = require("prov.fs")
local json = require("prov.json")

local dir, n, rounds = (...), tonumber((select(2, ...))) or 10000, tonumber((select(3, ...))) or 7
local clock = os.clock

local SERVER = {
  plan = { type = "string", required = true },
  image = { type = "string", required = true, max = 64 },
  zone = { type = "enum", one_of = { "fi-hel1", "de-fra1", "uk-lon1" }, default = "fi-hel1" },
  memory = { type = "size", default = "256 MiB" },
  cpus = { type = "int", min = 1, max = 64, default = 1 },
  network = { type = "ref" },
  ip = { type = "ip" },
  cidr = { type = "cidr" },
  host = { type = "hostname" },
  port = { type = "port", default = 22 },
  url = { type = "url" },
  version = { type = "semver" },
  timeout = { type = "duration", default = "30s" },
  backups = { type = "bool", default = false },
  weight = { type = "number", min = 0, max = 1 },
  label = { type = "string", pattern = "[a-z][a-z0-9-]*" },
  tags = { type = "map", of = { type = "string" } },
  keys = { type = "list", of = { type = "string" } },
  password = { type = "secret" },
  disks = {
    type = "list",
    of = {
      type = "record",
      fields = {
        size = { type = "size", required = true },
        kind = { type = "enum", one_of = { "ssd", "hdd" }, default = "ssd" },
      },
    },
  },
}
local SCHEMA = { servers = { type = "map", of = { type = "record", fields = SERVER }, required = true } }

local function server(i)
  return {
    plan = "2xCPU-4GB",
    image = "debian-12",
    zone = "de-fra1",
    memory = "4 GiB",
    cpus = 4,
    network = "lan",
    ip = ("10.0.%d.%d"):format(i // 250 % 250, i % 250),
    cidr = "10.0.0.0/16",
    host = ("web-%d.example.org"):format(i),
    port = 8080,
    url = "https://example.org/x",
    version = "1.2.3",
    timeout = "5m",
    backups = true,
    weight = 0.5,
    label = "web-" .. i,
    tags = { tier = "front" },
    keys = data.list({ "k1" }),
    password = "not a secret",
    disks = data.list({ { size = "10 GiB" } }),
  }
end

local good, bare, bad = {}, {}, {}
for i = 1, n do
  good["web" .. i] = server(i)
  bare["web" .. i] = { plan = "2xCPU-4GB", image = "debian-12" }
  bad["web" .. i] = server(i)
  if i % 10 == 0 then
    bad["web" .. i].port, bad["web" .. i].imge = 99999, "x"
  end
end

local function best(fn)
  local least = math.huge
  for _ = 1, rounds do
    collectgarbage()
    local start = clock()
    fn()
    least = math.min(least, clock() - start)
  end
  return least * 1e3
end

local function row(what, ms)
  print(("| prov | %s | %.0f |"):format(what, ms))
end

local c = contract.compile(SCHEMA)
row("all 20 fields given: check and complete", best(function()
  assert(c:complete({ servers = good }))
end))
row("2 fields given, 6 defaults: check and complete", best(function()
  assert(c:complete({ servers = bare }))
end))
row("every tenth server has 2 mistakes: all told", best(function()
  local _, errs = c:complete({ servers = bad })
  assert(#errs == n // 10 * 2)
end))
local text = assert(json.encode({ servers = good }))
row("reading the same values from JSON", best(function()
  assert(json.decode(text))
end))
assert(fs.write_atomic(dir .. "/values.json", text))
assert(fs.write_atomic(dir .. "/schema.json", assert(json.encode(contract.json_schema(SCHEMA)))))
