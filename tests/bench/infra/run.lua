--- Benchmark: infra.load of n resources in every form, without planning.
--   prov internal lua tests/bench/infra/run.lua [N] [ROUNDS [instructions]]
-- With `instructions` it prints thousands of instructions of Lua in place of ms: the same on a busy machine.
-- Writes a provider and infra files into a folder of its own, and prints a Markdown table of
-- best times: reading (parse) and building (contracts, expansion, references).

local clock = os.clock -- CPU time: what other processes do does not count
local fs = require("prov.fs")
local infra = require("prov.infra")
local source = require("prov.infra.source")

if select(3, ...) == "instructions" then
  local thousands = 0
  debug.sethook(function()
    thousands = thousands + 1
  end, "", 1000)
  clock = function()
    return thousands / 1e3
  end
end

local n, rounds = tonumber((...)) or 10000, tonumber((select(2, ...))) or 5
local dir = assert(fs.tempdir("prov-bench-infra"))

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "tiny", summary = "Nothing",
  resources = {
    network = { body = "none", schema = { cidr = { type = "cidr", required = true } }, outputs = {} },
    server = {
      body = "none",
      schema = {
        image = { type = "string", required = true },
        memory = { type = "size", default = "256 MiB" },
        cpus = { type = "int", default = 1, min = 1, max = 64 },
        network = { type = "ref" },
        label = { type = "string" },
        mode = { type = "enum", one_of = { "small", "large" }, default = "small" },
        disks = { type = "list", of = { type = "record", fields = { size = { type = "size", required = true } } } },
      },
      outputs = { ip = { type = "string" } },
    },
  },
}
]]

local function write(path, text)
  assert(fs.mkdirp(path:match("^(.*)/")))
  assert(fs.write_atomic(path, text, { sync = false }))
end

local HEAD_YAML =
  "defaults: { provider: tiny, image: debian-12 }\nnetworks:\n  lan: { cidr: 10.0.0.0/16 }\nservers:\n"
local HEAD_LUA = 'return {\n  defaults = { provider = "tiny", image = "debian-12" },\n'
  .. '  networks = { lan = { cidr = "10.0.0.0/16" } },\n  servers = {\n'

local function each(head, line, tail)
  local out = { head }
  for i = 1, n do
    out[#out + 1] = line(i)
  end
  out[#out + 1] = tail
  return table.concat(out)
end

local FORMS = {
  {
    "count, same",
    "infra.yaml",
    function()
      return HEAD_YAML
        .. ("  web: { count: %d, memory: 512 MiB, network: '${network.lan}', cpus: 2 }\n"):format(n)
    end,
  },
  {
    "count, ${index}",
    "infra.yaml",
    function()
      return HEAD_YAML
        .. ("  web: { count: %d, memory: 512 MiB, network: '${network.lan}', label: 'web-${index}' }\n"):format(
          n
        )
    end,
  },
  {
    "count, Lua function",
    "infra.lua",
    function()
      return HEAD_LUA
        .. (
          "    web = { count = %d, memory = '512 MiB', network = network.lan, "
          .. "label = function(i) return 'web-' .. i end },\n  },\n}\n"
        ):format(n)
    end,
  },
  {
    "Lua entries, plain",
    "infra.lua",
    function()
      return each(HEAD_LUA, function(i)
        return ("    web%d = { memory = '512 MiB', cpus = 2, label = 'web-%d', mode = 'large' },\n"):format(
          i,
          i
        )
      end, "  },\n}\n")
    end,
  },
  {
    "Lua entries, references",
    "infra.lua",
    function()
      return each(HEAD_LUA, function(i)
        return ("    web%d = { memory = '512 MiB', cpus = 2, network = network.lan, label = 'web-%d' },\n"):format(
          i,
          i
        )
      end, "  },\n}\n")
    end,
  },
  {
    "Lua entries by a loop",
    "infra.lua",
    function()
      return "local servers = {}\nfor i = 1, "
        .. n
        .. " do\n  servers['web' .. i] = { memory = '512 MiB', cpus = 2, network = network.lan, "
        .. "label = i > 1 and server['web' .. i - 1].ip or 'first' }\nend\n"
        .. "return { defaults = { provider = 'tiny', image = 'debian-12' }, "
        .. "networks = { lan = { cidr = '10.0.0.0/16' } }, servers = servers }\n"
    end,
  },
  {
    "YAML entries, block",
    "infra.yaml",
    function()
      return each(HEAD_YAML, function(i)
        return ("  web%d:\n    memory: 512 MiB\n    cpus: 2\n    network: ${network.lan}\n    label: web-%d\n"):format(
          i,
          i
        )
      end, "")
    end,
  },
  {
    "JSON entries",
    "infra.json",
    function()
      local entries = {}
      for i = 1, n do
        entries[i] = ('"web%d":{"memory":"512 MiB","cpus":2,"network":"${network.lan}","label":"web-%d"}'):format(
          i,
          i
        )
      end
      return '{"defaults":{"provider":"tiny","image":"debian-12"},"networks":{"lan":{"cidr":"10.0.0.0/16"}},"servers":{'
        .. table.concat(entries, ",")
        .. "}}"
    end,
  },
}

local function measure(root)
  local best, best_read, best_build = math.huge, 0, 0
  for _ = 1, rounds do
    collectgarbage()
    local start = clock()
    local sources = assert(source.read({ dir = root, name = "bench" }))
    local middle = clock()
    local built, errs = infra.build({ dir = root, name = "bench" }, sources)
    local stop = clock()
    assert(built, errs and errs[1])
    assert(#built.resources == n + 1)
    if stop - start < best then
      best, best_read, best_build = stop - start, middle - start, stop - middle
    end
  end
  return best_read * 1e3, best_build * 1e3, best * 1e3
end

print(("| %d resources | read ms | build ms | total ms |\n| --- | --- | --- | --- |"):format(n))
for i, form in ipairs(FORMS) do
  local root = dir .. "/" .. i
  write(root .. "/extensions/providers/tiny/provider.lua", PROVIDER)
  write(root .. "/" .. form[2], form[3]())
  print(("| %s | %.1f | %.1f | %.1f |"):format(form[1], measure(root)))
end
fs.remove(dir, { recursive = true })
