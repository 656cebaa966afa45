--- Benchmark: the rules of prov validate over n resources, beside loading them.
--   prov internal lua tests/bench/rules/run.lua [N] [ROUNDS]
-- Prints a Markdown table of best times; resources are of the demo provider, in YAML.

local clock = os.clock -- CPU time: what other processes do does not count
local check = require("prov.validate.check")
local infra = require("prov.infra")
local registry = require("prov.registry")
local rules = require("prov.rules")
local scene = require("prov.validate.scene")
local yaml = require("prov.yaml")

local n, rounds = tonumber((...)) or 10000, tonumber((select(2, ...))) or 5
local installed = registry.open(nil, { path = "" })
local all = rules.built_in()

local LAN = "defaults: { provider: demo }\nnetworks:\n  lan: { cidr: 10.0.0.0/8 }\nservers:\n"

local function each(head, count, line)
  local out = { head }
  for i = 1, count do
    out[#out + 1] = line:gsub("@", i)
  end
  return table.concat(out)
end

local FORMS = {
  { "items", each("defaults: { provider: demo }\nitems:\n", n, "  i@: { value: some text number @ }\n") },
  { "servers", each(LAN, n, "  web@: { plan: 2xCPU-4GB, network: '${network.lan}' }\n") },
  {
    "servers with a service, half of them each",
    each(LAN, n // 2, "  web@: { plan: 2xCPU-4GB, network: '${network.lan}', taskservs: { nginx: { port: 8080 } } }\n"),
  },
  { "one count of servers", LAN .. ("  web: { count: %d, plan: 2xCPU-4GB, network: '${network.lan}' }\n"):format(n) },
  { "servers, each with two mistakes", each(LAN, n, "  Web@: { plan: huge, network: '${network.lan}' }\n") },
}

local function measure(text)
  local load, ran, found = math.huge, math.huge, nil
  for _ = 1, rounds do
    collectgarbage()
    local start = clock()
    local tree, place = yaml.decode(text)
    local source = { file = "infra.yaml", path = "infra.yaml", tree = tree, place = place, text = text }
    local loaded = assert(infra.build({ dir = "/", name = "bench" }, { source }, { registry = installed }))
    local middle = clock()
    found = check.run(scene.new(loaded, installed), all)
    load, ran = math.min(load, middle - start), math.min(ran, clock() - middle)
  end
  return load * 1e3, ran * 1e3, #found
end

print(("| %d resources | load ms | %d rules ms | findings |\n| --- | --- | --- | --- |"):format(n, #all))
for _, form in ipairs(FORMS) do
  print(("| %s | %.0f | %.0f | %d |"):format(form[1], measure(form[2])))
end
