--- Benchmark: `prov validate` of the same n servers in Lua, YAML, TOML and JSON, whole processes.
--   prov bench formats [N [ROUNDS]]
-- The floor of each is a program that only reads the same file: lua5.4, and Python with yaml.CSafeLoader, tomllib
-- and json. All take turns; prints a Markdown table. A reader that is not there is skipped and counted.

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../support/?.lua;" .. package.path
local app = require("core.app")
local fs = require("prov.fs")
local measure = require("measure")
local proc = require("prov.proc")

local SECONDS = 300 -- for one command

local HEAD_YAML = "defaults: { provider: demo }\nnetworks:\n  lan: { cidr: 10.0.0.0/8 }\nservers:\n"
local HEAD_TOML = '[defaults]\nprovider = "demo"\n[networks.lan]\ncidr = "10.0.0.0/8"\n'
local HEAD_LUA = "return {\n  defaults = { provider = 'demo' },\n  networks = { lan = { cidr = '10.0.0.0/8' } },\n"
  .. "  servers = {\n"
local HEAD_JSON = '{"defaults":{"provider":"demo"},"networks":{"lan":{"cidr":"10.0.0.0/8"}},"servers":{'

local FORMATS = {
  {
    file = "infra.lua",
    head = HEAD_LUA,
    line = "    web@ = { plan = '2xCPU-4GB', network = network.lan },\n",
    tail = "  },\n}\n",
    name = "lua5.4",
    floor = { "lua5.4", "-e", "network = { lan = 1 }", "infra.lua" },
  },
  {
    file = "infra.yaml",
    head = HEAD_YAML,
    line = "  web@: { plan: 2xCPU-4GB, network: '${network.lan}' }\n",
    name = "yaml.CSafeLoader",
    floor = { "python3", "-c", "import yaml; yaml.load(open('infra.yaml'), Loader=yaml.CSafeLoader)" },
  },
  {
    file = "infra.toml",
    head = HEAD_TOML,
    line = '[servers.web@]\nplan = "2xCPU-4GB"\nnetwork = "${network.lan}"\n',
    name = "tomllib",
    floor = { "python3", "-c", "import tomllib; tomllib.load(open('infra.toml', 'rb'))" },
  },
  {
    file = "infra.json",
    head = HEAD_JSON,
    line = '"web@":{"plan":"2xCPU-4GB","network":"${network.lan}"}',
    between = ",",
    tail = "}}",
    name = "json",
    floor = { "python3", "-c", "import json; json.load(open('infra.json'))" },
  },
}

--- Writes a workspace whose infra is one file of n servers; its size in MB.
local function write(dir, format, n)
  local lines = {}
  for i = 1, n do
    lines[i] = format.line:gsub("@", i)
  end
  local text = format.head .. table.concat(lines, format.between) .. (format.tail or "")
  assert(fs.mkdirp(dir))
  assert(fs.write_atomic(dir .. "/prov.yaml", "name: formats\n", { sync = false }))
  assert(fs.write_atomic(dir .. "/" .. format.file, text, { sync = false }))
  return #text / 1e6
end

local function is_there(dir, command)
  local argv = table.move(command, 1, #command, 1, {})
  argv.cwd = dir
  local result = proc.run(argv)
  return result ~= nil and result.code == 0
end

--- "0.10 / 0.11 / 0.15 s, 40 MB" of processor time, and the median.
local function cell(samples)
  local times, mb = {}, 0
  for i, figures in ipairs(samples) do
    times[i], mb = figures.cpu, math.max(mb, figures.mb)
  end
  table.sort(times)
  local median = times[(#times + 1) // 2]
  return ("%.3f / %.3f / %.3f s, %.0f MB"):format(times[1], median, times[#times], mb), median
end

local function main(n, rounds)
  local root = assert(fs.tempdir("prov-bench-formats"))
  local tool, skipped = measure.tool(root), 0
  print(("| %d servers | MB | `prov validate` | only reading | by | prov to it |"):format(n))
  print("| --- | --- | --- | --- | --- | --- |")
  for _, format in ipairs(FORMATS) do
    local dir = root .. "/" .. format.file
    local mb, own, floor = write(dir, format, n), {}, {}
    local has_floor = is_there(dir, format.floor)
    skipped = skipped + (has_floor and 0 or 1)
    for i = 1, rounds do
      own[i] = measure.run(tool, { app.exe, "-w", ".", "validate" },
        { dir = dir, env = measure.BUILT_IN, seconds = SECONDS })
      assert(own[i].code == 0, "prov validate failed")
      floor[i] = has_floor and measure.run(tool, format.floor, { dir = dir, seconds = SECONDS }) or nil
    end
    local text, median = cell(own)
    local other, least = "-", nil
    if has_floor then
      other, least = cell(floor)
    end
    print(("| %s | %.1f | %s | %s | %s | %s |"):format(format.file, mb, text, other, format.name,
      least and ("%.2f"):format(median / least) or "-"))
    io.stdout:flush()
  end
  fs.remove(root, { recursive = true })
  if skipped > 0 then
    print(("\nSKIP: %d of %d readers are not there (lua5.4; python3 3.11 with python3-yaml)"):format(skipped, #FORMATS))
  end
  return true
end

local n, rounds = ...
return measure.main(main, math.tointeger(n) or 10000, math.tointeger(rounds) or 9)
