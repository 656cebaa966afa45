-- luacheck: no max line length (rows of texts)
--- Environments, variables and modules of infra files.

local data = require("core.data")
local infra = require("prov.infra")
local registry = require("prov.registry")
local tmp = require("support.tmp")
local value = require("prov.value")

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "tiny", summary = "Nothing",
  config = { zone = { type = "string", default = "a" } },
  resources = {
    network = { body = "none", schema = { cidr = { type = "cidr", required = true } }, outputs = {} },
    server = {
      body = "none",
      schema = {
        image = { type = "string", default = "i" },
        cpus = { type = "int", default = 1, min = 1, max = 8 },
        network = { type = "ref" },
        label = { type = "string" },
        env = { type = "map", of = { type = "any" } },
      },
      outputs = { ip = { type = "string" } },
    },
  },
}
]]

describe("the infra language", function()
  local dir

  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/extensions/providers/tiny/provider.lua", PROVIDER)
  end)

  local function load(files, workspace)
    for name, text in pairs(files) do
      tmp.write(dir .. "/" .. name, text)
    end
    workspace = workspace or {}
    workspace.dir, workspace.name = dir, "t"
    return infra.load(workspace, { registry = registry.open(dir, { path = "", share_dir = "/nonexistent" }) })
  end

  local function good(files, workspace)
    local loaded, errs = load(files, workspace)
    assert(loaded, errs and tostring(errs[1]))
    local by = {}
    for _, one in ipairs(loaded.resources) do
      by[one.address] = one
    end
    return by, loaded
  end

  local function mistakes(files, workspace)
    local loaded, errs = load(files, workspace)
    assert.is_nil(loaded)
    local out = {}
    for i, e in ipairs(errs) do
      out[i] = tostring(e) .. (e.hint and " | " .. e.hint or "")
    end
    return out
  end

  describe("has variables", function()
    local INFRA = [[
inputs:
  n: { type: int, default: 2, max: 5 }
  name: { type: string, required: true }
  list: { type: list, of: { type: string }, default: [] }
  pw: { type: secret, default: x }
vars: { name: base }
defaults: { provider: tiny }
servers:
  a: { count: "${var.n}", label: "${var.name}-${index}", env: { l: "${var.list}", p: "${var.pw}", k: "${join(var.list, '+')}" } }
]]

    it("from the file, the environment of the process and the command line", function()
      local by = good({ ["infra.yaml"] = INFRA })
      assert.equal("base-2", by["server.a[2]"].args.label)
      assert.is_true(value.is_secret(by["server.a[1]"].args.env.p))
      by = good({}, { vars = { n = "3", name = "cli", list = "[x, y]" } })
      assert.equal("cli-3", by["server.a[3]"].args.label)
      assert.same({ "x", "y" }, by["server.a[1]"].args.env.l)
      assert.equal("x+y", by["server.a[1]"].args.env.k)
    end)

    it("and says what is wrong with them", function()
      assert.same({ "--var n: 9 is more than the largest allowed: 5" }, mistakes({ ["infra.yaml"] = INFRA }, { vars = { n = "9" } }))
      assert.same({ "--var naem: there is no variable 'naem' | did you mean 'name'?" }, mistakes({}, { vars = { naem = "9" } }))
      assert.same({ "infra.yaml:3:3: inputs.name: the variable 'name' has no value | give it with --var name=..., PROV_VAR_name, or vars in a file of environments/" },
        mistakes({ ["infra.yaml"] = INFRA:gsub("vars:[^\n]*\n", "") }))
      assert.same({ "infra.yaml:6:9: vars.nam: there is no variable 'nam' | did you mean 'name'?" },
        { mistakes({ ["infra.yaml"] = INFRA:gsub("vars: { name: base", "vars: { nam: base, name: x") })[1] })
      assert.matches("servers.a.label: '${var.nme}': there is no variable 'nme' | did you mean 'name'?",
        mistakes({ ["infra.yaml"] = INFRA:gsub("{var.name}", "{var.nme}") })[1], 1, true)
      assert.matches("infra.yaml:2:8: inputs.n.typ: is not known", mistakes({ ["infra.yaml"] = INFRA:gsub("type: int", "typ: int") })[1], 1, true)
    end)

    it("in Lua files that import others", function()
      local by = good({
        ["infra.lua"] = [[
local lib = import("lib/names.lua")
local servers = {}
for name, cpus in pairs(import("lib/sizes.yaml")) do
  servers[lib.name(name)] = { cpus = cpus, label = fn.upper(name) }
end
return { defaults = { provider = "tiny" }, servers = servers }
]],
        ["lib/names.lua"] = "return { name = function(n) return 'x_' .. n end }",
        ["lib/sizes.yaml"] = "a: 2\nb: 3\n",
      })
      assert.equal(3, by["server.x_b"].args.cpus)
      local function wrong(text, lib)
        return mistakes({ ["infra.lua"] = text, ["lib/names.lua"] = lib or "" })[1]
      end
      assert.matches("infra.lua:1: import: there is no lib/none.lua", wrong("import('lib/none.lua')"), 1, true)
      assert.matches("infra.lua:1: import: '../x.lua' is no path below the workspace", wrong("import('../x.lua')"), 1, true)
      assert.matches("lib/names.lua:2: oops", wrong("import('lib/names.lua')", "\nerror('oops')"), 1, true)
      assert.matches("import each other too deep", wrong("import('lib/names.lua')", "import('lib/names.lua')"), 1, true)
    end)

    it("in Lua too", function()
      local by = good({ ["infra.lua"] = [[
        local var = inputs { n = { type = "int", default = 2 } }
        local servers = {}
        for i = 1, var.n do servers["s" .. i] = { cpus = i, label = fn.upper("x" .. i) } end
        return { defaults = { provider = "tiny" }, servers = servers }
      ]] }, { vars = { n = "3" } })
      assert.equal(3, by["server.s3"].args.cpus)
      assert.equal("X3", by["server.s3"].args.label)
      assert.matches("infra.lua:1: there is no variable 'm' yet; declare it above", mistakes({ ["infra.lua"] = "local n = var.m return {}" })[1], 1, true)
    end)
  end)

  describe("has environments", function()
    local BASE = [[
inputs: { n: { type: int, default: 1 } }
defaults: { provider: tiny }
networks: { lan: { cidr: 10.0.0.0/24 } }
servers:
  a: { count: "${var.n}", cpus: 1, env: { x: 1, y: 2 } }
  b: { label!: fixed }
  c: { label?: soft }
]]

    it("that are merged over the base", function()
      local by = good({ ["infra.yaml"] = BASE, ["environments/prod.yaml"] = [[
vars: { n: 2 }
servers:
  a: { cpus: 4, env: { y: 3 } }
  b: { label: other }
  c: { label: given }
  d: {}
networks: { lan: { cidr: 10.9.0.0/24 } }
]] }, { env = "prod" })
      assert.equal(4, by["server.a[2]"].args.cpus)
      assert.same({ x = 1, y = 3 }, by["server.a[1]"].args.env)
      assert.equal("fixed", by["server.b"].args.label)
      assert.equal("given", by["server.c"].args.label)
      assert.equal("10.9.0.0/24", by["network.lan"].args.cidr)
      assert.equal("environments/prod.yaml", by["server.d"].origin.file)
      assert.equal(6, by["server.d"].origin.line)
      assert.equal("soft", good({}).by and "" or good({})["server.c"].args.label)
    end)

    it("that take away, and name their file in errors", function()
      local by = good({ ["infra.yaml"] = BASE, ["environments/dev.lua"] = "return { servers = { b = null, a = { cpus = 2 } } }" }, { env = "dev" })
      assert.is_nil(by["server.b"])
      assert.equal(2, by["server.a[1]"].args.cpus)
      assert.matches("^environments/bad.yaml:2:8: servers.a.cpus: 99 is more",
        mistakes({ ["environments/bad.yaml"] = "servers:\n  a: { cpus: 99 }\n" }, { env = "bad" })[1])
      assert.matches("^environments/none.yaml:1:1: inputs: an environment declares no variables",
        mistakes({ ["environments/none.yaml"] = "inputs: { x: string }\n" }, { env = "none" })[1])
      assert.matches("there is no environments/gone.yaml any more", mistakes({}, { env = "gone" })[1], 1, true)
    end)
  end)

  describe("has modules", function()
    local SITE = [[
inputs:
  name: { type: string, required: true }
  net: { type: any }
  n: { type: int, default: 1 }
defaults: { cpus: 2 }
servers:
  web: { count: "${var.n}", label: "${var.name}", network: "${var.net}" }
  lb: { env: { peers: "${server.web.ip}" } }
outputs:
  url: http://${server.lb.ip}/
  webs: ${server.web.ip}
  name: ${var.name}
]]
    local INFRA = [[
defaults: { provider: tiny, cpus: 3 }
networks: { lan: { cidr: 10.0.0.0/24 } }
modules:
  eu:
    source: ./modules/site
    for_each: { a: 1, b: 2 }
    inputs: { name: "eu-${key}", net: "${network.lan}", n: "${value}" }
  us: { source: modules/site, inputs: { name: "${module.eu['a'].name}" }, needs: [module.eu] }
servers:
  x: { label: "${module.eu[\"b\"].url}", env: { all: "${module.eu.webs}", n: "${length(module.us.webs)}" } }
  y: { needs: [module.us] }
outputs: { us: "${module.us.url}" }
]]

    it("with inputs, outputs, addresses and needs", function()
      local by, loaded = good({ ["infra.yaml"] = INFRA, ["modules/site/module.yaml"] = SITE })
      local web = by['module.eu["b"].server.web[2]']
      assert.equal("eu-b", web.args.label)
      assert.equal(2, web.args.cpus)
      assert.same({ "network.lan" }, web.needs)
      assert.equal("modules/site/module.yaml", web.origin.file)
      assert.equal(7, web.origin.line)
      assert.equal(3, by["server.x"].args.cpus)
      assert.same({ 'module.eu["b"].server.web[1]', 'module.eu["b"].server.web[2]' }, by['module.eu["b"].server.lb'].needs)
      assert.equal('http://${module.eu["b"].server.lb.ip}/', tostring(by["server.x"].args.label))
      assert.equal(2, #by["server.x"].args.env.all)
      assert.same({ "module.us.server.lb", "module.us.server.web[1]" }, by["server.y"].needs)
      assert.equal(5, #by["module.us.server.web[1]"].needs)
      assert.equal("eu-a", by["module.us.server.web[1]"].args.label)
      assert.equal("http://${module.us.server.lb.ip}/", tostring(loaded.outputs.us))
    end)

    it("of whose lists one item is one instance", function()
      local by = good({
        ["modules/site/module.yaml"] = SITE,
        ["infra.yaml"] = [[
defaults: { provider: tiny }
networks: { lan: { cidr: 10.0.0.0/24 } }
modules:
  one: { source: modules/site, inputs: { name: one, net: "${network.lan}", n: 2 } }
  eu: { source: modules/site, for_each: { a: 1 }, inputs: { name: "${key}", net: "${network.lan}", n: 2 } }
servers:
  web: { count: 2 }
  none: { count: 0 }
  a: { label: "${server.web.ip[2]}" }
  b: { label: "${module.one.webs[2]}" }
  c: { label: "${module.eu.webs[1][2]}" }
  d: { label: "${server.web.env.x[1].y}" }
  e: { label: "${if length(server.none.ip) > 0 then server.none.ip[1] else 'no'}" }
]],
      })
      local function label(name)
        return tostring(by["server." .. name].args.label)
      end
      assert.equal("${server.web[2].ip}", label("a"))
      assert.same({ "server.web[2]" }, by["server.a"].needs)
      assert.equal("${module.one.server.web[2].ip}", label("b"))
      assert.equal('${module.eu["a"].server.web[2].ip}', label("c"))
      assert.equal("${server.web[1].env.x.y}", label("d"))
      local function nothing()
        return data.list({})
      end
      assert.equal("no", value.resolve(by["server.e"].args.label, nothing))
      assert.is_nil((value.resolve(value.call("index", { value.ref("server.none", { "ip" }), 1 }), nothing)))
    end)

    it("whose outputs may say how many there are", function()
      local by = good({
        ["infra.yaml"] = "defaults: { provider: tiny }\nmodules:\n  m: { source: modules/m, inputs: { n: 3 } }\n"
          .. "servers:\n  a: { count: '${module.m.n + 1}' }\n  b: { for_each: '${module.m.names}', label: '${value}' }\n",
        ["modules/m/module.yaml"] = "inputs: { n: { type: int } }\nservers: { x: {} }\n"
          .. "outputs: { n: '${var.n}', names: [x, y], ip: '${server.x.ip}' }\n",
      })
      assert.is_truthy(by["server.a[4]"] and not by["server.a[5]"])
      assert.equal("y", by['server.b["y"]'].args.label)
      assert.matches("servers.a.count: ${servr.b} refers to something that is not declared", mistakes({
        ["infra.yaml"] = "defaults: { provider: tiny }\nservers: { a: { count: '${servr.b.id}' } }\n",
      })[1], 1, true)
      local M = "inputs: { n: { type: int } }\nservers: { x: { count: '${var.n}' } }\noutputs: { n: '${var.n}' }\n"
      by = good({ -- of modules too, whichever comes first
        ["infra.yaml"] = "defaults: { provider: tiny }\nmodules:\n  a: { source: modules/m, count: '${module.z.n}', inputs: { n: '${module.b.n}' } }\n"
          .. "  b: { source: modules/m, inputs: { n: 1 } }\n  z: { source: modules/m, inputs: { n: 2 } }\n",
        ["modules/m/module.yaml"] = M,
      })
      assert.is_truthy(by["module.a[2].server.x[1]"] and not by["module.a[3].server.x[1]"])
      local all = mistakes({
        ["infra.yaml"] = "defaults: { provider: tiny }\nmodules:\n  a: { source: modules/m, count: '${module.z.n}', inputs: { n: 1 } }\n"
          .. "  z: { source: modules/m, count: '${module.a.n}', inputs: { n: 2 } }\nservers: { s: { label: '${module.z[1].n}' } }\n",
        ["modules/m/module.yaml"] = M,
      })
      assert.equal(2, #all, table.concat(all, "\n")) -- nothing of what follows from them
      assert.matches("modules.a.count: ${module.z.n} is known only after apply", all[1], 1, true)
      assert.matches("servers.a.count: ${module.m.ip} is known only after apply, but how many there are must be known before", mistakes({
        ["infra.yaml"] = "defaults: { provider: tiny }\nmodules:\n  m: { source: modules/m, inputs: { n: 3 } }\n"
          .. "servers:\n  a: { count: '${module.m.ip}' }\n",
      })[1], 1, true)
    end)

    it("in every form with one meaning", function()
      local yaml = { good({ ["infra.yaml"] = INFRA, ["modules/site/module.yaml"] = SITE }) }
      local function shape(by, loaded)
        local out = { outputs = loaded.outputs }
        for address, one in pairs(by) do
          out[address] = { args = one.args, needs = data.list(one.needs), kind = one.kind, provider = one.provider }
        end
        return data.encode(out)
      end
      local wanted = shape(yaml[1], yaml[2])
      local tree = assert(require("prov.yaml").decode(INFRA))
      os.remove(dir .. "/infra.yaml")
      assert.equal(wanted, shape(good({ ["infra.json"] = assert(require("prov.json").encode(tree)) })))
      os.remove(dir .. "/infra.json")
      os.remove(dir .. "/modules/site/module.yaml")
      assert.equal(wanted, shape(good({
        ["infra.lua"] = [[
return {
  defaults = { provider = "tiny", cpus = 3 },
  networks = { lan = { cidr = "10.0.0.0/24" } },
  modules = {
    eu = {
      source = "./modules/site",
      for_each = { a = 1, b = 2 },
      inputs = { name = "eu-${key}", net = network.lan, n = "${value}" },
    },
    us = { source = "modules/site", inputs = { name = module.eu.a.name }, needs = { "module.eu" } },
  },
  servers = {
    x = { label = module.eu.b.url, env = { all = module.eu.webs, n = fn.length(module.us.webs) } },
    y = { needs = { module.us } },
  },
  outputs = { us = module.us.url },
}
]],
        ["modules/site/module.lua"] = [[
local var = inputs {
  name = { type = "string", required = true },
  net = { type = "any" },
  n = { type = "int", default = 1 },
}
return {
  defaults = { cpus = 2 },
  servers = {
    web = { count = var.n, label = var.name, network = var.net },
    lb = { env = { peers = server.web.ip } },
  },
  outputs = { url = "http://" .. server.lb.ip .. "/", webs = server.web.ip, name = var.name },
}
]],
      })))
    end)

    it("that see only their inputs, and of which only outputs are seen", function()
      assert.same({ "modules/site/module.yaml:8:9: servers.lb.label: ${network.lan.id} refers to something that is not declared | write $${ for a plain ${" },
        mistakes({ ["infra.yaml"] = INFRA, ["modules/site/module.yaml"] = SITE:gsub("lb: {", "lb: { label: '${network.lan.id}',") }))
      local function wrong(text)
        return mistakes({ ["infra.yaml"] = INFRA:gsub("servers:.*", "") .. "servers:\n  z: { label: '" .. text .. "' }\n", ["modules/site/module.yaml"] = SITE })[1]
      end
      assert.matches("the module 'us' has no output 'server' | it has: name, url, webs", wrong("${module.us.server.web.ip}"), 1, true)
      assert.matches("the module 'us' has no output 'ulr' | did you mean 'url'?", wrong("${module.us.ulr}"), 1, true)
      assert.matches("there is no module 'as' | did you mean 'us'?", wrong("${module.as.url}"), 1, true)
      assert.matches('does not exist: module.eu has 2 instances | its keys are: ["a"], ["b"]', wrong('${module.eu["c"].url}'), 1, true)
      assert.matches("is a whole module | name one of its outputs", wrong("${module.us}"), 1, true)
      assert.matches("module.us.url.x} has no value 'x'", wrong("${module.us.url.x}"), 1, true)
    end)

    it("and says what is wrong with their use", function()
      local function wrong(entry, site)
        return mistakes({ ["infra.yaml"] = "defaults: { provider: tiny }\nmodules:\n  eu: " .. entry .. "\n", ["modules/site/module.yaml"] = site or SITE })[1]
      end
      assert.equal("infra.yaml:3:3: modules.eu: a module needs a 'source' | source: ./modules/site", wrong("{}"))
      assert.equal("infra.yaml:3:9: modules.eu.source: there is no modules/sit/module.yaml | did you mean 'site'?", wrong("{ source: modules/sit }"))
      assert.equal("infra.yaml:3:9: modules.eu.source: '../x' is no folder of the workspace | source: ./modules/site", wrong("{ source: ../x }"))
      assert.equal("infra.yaml:3:3: modules.eu.inputs: the module wants an input 'name' | it is declared at modules/site/module.yaml:2", wrong("{ source: modules/site }"))
      assert.matches("infra.yaml:3:41: modules.eu.inputs.nmae: there is no variable 'nmae' | did you mean 'name'?", wrong("{ source: modules/site, inputs: { nmae: x, name: y } }"), 1, true)
      assert.matches("infra.yaml:3:41: modules.eu.inputs.name: expected a string, found a map", wrong("{ source: modules/site, inputs: { name: { x: 1 } } }"), 1, true)
      assert.matches("modules.eu.size: a module has no such field | what it takes stands in its 'inputs'", wrong("{ source: modules/site, size: 1, inputs: { name: x } }"), 1, true)
      assert.matches("the module is inside of itself: modules/site/ -> modules/site/", wrong("{ source: modules/site, inputs: { name: x } }", SITE .. "modules: { me: { source: ., inputs: { name: y } } }\n"), 1, true)
      assert.matches("a module has no providers", wrong("{ source: modules/site, inputs: { name: x } }", SITE .. "providers: { tiny: {} }\n"), 1, true)
      assert.matches("count: ${server.q.cpus2} is known only after apply", wrong("{ source: modules/site, inputs: { name: x, n: '${server.q.cpus2}' } }\nservers: { q: {} }"), 1, true)
    end)
  end)
end)
