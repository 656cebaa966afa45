-- luacheck: no max line length (rows of texts)
local data = require("core.data")
local infra = require("prov.infra")
local registry = require("prov.registry")
local tmp = require("support.tmp")
local value = require("prov.value")

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "tiny", summary = "Nothing",
  config = { zone = { type = "string", default = "a" }, token = { type = "secret" } },
  resources = {
    network = { body = "none", schema = { cidr = { type = "cidr", required = true } }, outputs = {} },
    volume = { body = "none", schema = { size = { type = "size", required = true }, server = { type = "ref" } } },
    server = {
      body = "none",
      schema = {
        image = { type = "string", required = true },
        memory = { type = "size", default = "256 MiB" },
        cpus = { type = "int", default = 1, min = 1, max = 8 },
        network = { type = "ref" },
        label = { type = "string" },
        env = { type = "map", of = { type = "string" } },
        peers = { type = "list", of = { type = "ref" } },
      },
      outputs = { ip = { type = "string" } },
    },
  },
}
]]
local TASKSERV = [[
return { kind = "taskserv", api = 1, name = "%s", summary = "x", needs = %s, conflicts = %s,
  schema = { port = { type = "port", default = 80 }, backends = { type = "list", of = { type = "string" } } },
  recipe = function() return {} end }
]]
local CLUSTER = [[
return { kind = "cluster", api = 1, name = "pair", summary = "x",
  schema = { size = { type = "int", default = 2, max = 9 }, note = { type = "string" }, net = { type = "ref" } },
  expand = function(want)
    return {
      servers = {
        node = { count = want.size, image = "i", label = want.note, taskservs = { web = {} } },
        lb = { image = "i", label = "${server.node[1].ip}", needs = { "server.node" }, network = want.net and want.net.id },
      },
      outputs = { url = "http://${server.lb.ip}", nodes = "${server.node.ip}" },
    }
  end }
]]

describe("infra", function()
  local dir

  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/extensions/providers/tiny/provider.lua", PROVIDER)
    tmp.write(
      dir .. "/extensions/taskservs/t/web/taskserv.lua",
      TASKSERV:format("web", '{ "base" }', '{ "web2" }')
    )
    tmp.write(dir .. "/extensions/taskservs/t/web2/taskserv.lua", TASKSERV:format("web2", "{}", "{}"))
    tmp.write(dir .. "/extensions/taskservs/t/base/taskserv.lua", TASKSERV:format("base", "{}", "{}"))
    tmp.write(dir .. "/extensions/clusters/pair/cluster.lua", CLUSTER)
  end)

  local function load(files, defaults)
    for name, text in pairs(files) do
      tmp.write(dir .. "/" .. name, text)
    end
    return infra.load({ dir = dir, name = "t", defaults = defaults }, {
      registry = registry.open(dir, { path = "", share_dir = "/nonexistent" }),
    })
  end

  local function good(files, defaults)
    local loaded, errs = load(files, defaults)
    assert(loaded, errs and tostring(errs[1]))
    local by = {}
    for _, list in ipairs({ loaded.resources, loaded.taskservs }) do
      for _, one in ipairs(list) do
        by[one.address] = one
      end
    end
    return loaded, by
  end

  local function mistakes(text, name)
    local loaded, errs = load({ [name or "infra.yaml"] = text })
    assert.is_nil(loaded)
    local out = {}
    for i, e in ipairs(errs) do
      out[i] = (tostring(e) .. (e.hint and " | " .. e.hint or "")):gsub(" %(looked in .-%)$", "")
    end
    return out
  end

  local YAML = [[
providers: { tiny: { zone: b } }
defaults: { provider: tiny, image: debian-12 }
networks:
  lan: { cidr: 10.77.0.0/24 }
servers:
  web:
    count: 2
    network: ${network.lan}
    label: web-${index}
    taskservs: { web: { port: 8080 } }
  lb:
    label: "x ${server.web[2].ip} y"
    peers: ["${server.web[1]}", "${network.lan}"]
    taskservs: { web: { backends: "${server.web.ip}" } }
outputs:
  url: http://${server.lb.ip}
]]
  local LUA = [[
return {
  providers = { tiny = { zone = "b" } },
  defaults = { provider = "tiny", image = "debian-12" },
  networks = { lan = { cidr = "10.77.0.0/24" } },
  servers = {
    web = {
      count = 2,
      network = network.lan,
      label = function(i) return "web-" .. i end,
      taskservs = { web = { port = 8080 } },
    },
    lb = {
      label = "x " .. server.web[2].ip .. " y",
      peers = { server.web[1], network.lan },
      taskservs = { web = { backends = server.web.ip } },
    },
  },
  outputs = { url = "http://" .. server.lb.ip },
}
]]
  local JSON = [[
{ "providers": { "tiny": { "zone": "b" } }, "defaults": { "provider": "tiny", "image": "debian-12" },
  "networks": { "lan": { "cidr": "10.77.0.0/24" } },
  "servers": {
    "web": { "count": 2, "network": "${network.lan}", "label": "web-${index}", "taskservs": { "web": { "port": 8080 } } },
    "lb": { "label": "x ${server.web[2].ip} y", "peers": ["${server.web[1]}", "${network.lan}"],
      "taskservs": { "web": { "backends": "${server.web.ip}" } } } },
  "outputs": { "url": "http://${server.lb.ip}" } }
]]

  local function flat(loaded)
    local out = {}
    for _, list in ipairs({ loaded.resources, loaded.taskservs }) do
      for _, one in ipairs(list) do
        out[#out + 1] =
          { one.address, one.kind or "", one.name, one.key or "", one.args, one.needs, one.server or "" }
      end
    end
    return data.encode({ out, loaded.outputs, loaded.providers })
  end

  it("means the same in YAML, JSON and Lua", function()
    local yaml = flat(good({ ["infra.yaml"] = YAML }))
    os.remove(dir .. "/infra.yaml")
    local json = flat(good({ ["infra.json"] = JSON }))
    os.remove(dir .. "/infra.json")
    local lua = flat(good({ ["infra.lua"] = LUA }))
    assert.are.equal(yaml, json)
    assert.are.equal(yaml, lua)
  end)

  it("completes, expands and links", function()
    local loaded, by = good({ ["infra.yaml"] = YAML })
    local order = {}
    for i, one in ipairs(loaded.resources) do
      order[i] = one.address
    end
    assert.are.same({ "network.lan", "server.lb", "server.web[1]", "server.web[2]" }, order)
    local web = by["server.web[2]"]
    assert.are.same(
      {
        image = "debian-12",
        memory = 268435456,
        cpus = 1,
        network = value.ref("network.lan", { "id" }),
        label = "web-2",
      },
      web.args
    )
    assert.are.same({ "network.lan" }, web.needs)
    assert.are.same({ "tiny", "server", "web", 2 }, { web.provider, web.kind, web.name, web.key })
    assert.are.same({ file = "infra.yaml", line = 6, column = 3 }, web.origin)
    assert.are.same({ "network.lan", "server.web[1]", "server.web[2]" }, by["server.lb"].needs)
    assert.are.same({ zone = "b" }, loaded.providers.tiny)
    local backends = by["taskserv.web@server.lb"]
    assert.are.same(
      { "server.lb", "server.web[1]", "server.web[2]", "taskserv.base@server.lb" },
      backends.needs
    )
    assert.are.same({ 14 }, { backends.origin.line })
    assert.are.same({ port = 80 }, by["taskserv.base@server.web[1]"].args)
    assert.are.equal("http://${server.lb.ip}", tostring(loaded.outputs.url))
  end)

  it("expands for_each over maps and lists", function()
    local _, by = good({
      ["infra.yaml"] = [[
defaults: { provider: tiny, image: i }
servers:
  a: { for_each: { x: { n: 1 }, y: { n: 2 } }, label: "${key}=${value.n}", cpus: "${value.n}" }
  b: { for_each: [p, q], label: "${key}" }
  none: { count: 0 }
outputs: { x: '${server.a["x"].ip}', none: "${server.none.ip}" }
]],
    })
    assert.are.equal("y=2", by['server.a["y"]'].args.label)
    assert.are.equal(2, by['server.a["y"]'].args.cpus)
    assert.are.equal("q", by['server.b["q"]'].args.label)
    assert.is_nil(by["server.none"])
  end)

  it("calls Lua functions with key and value, also for the whole entry", function()
    local _, by = good({
      ["infra.lua"] = [[
return { defaults = { provider = "tiny", image = "i" }, servers = {
  a = { for_each = { x = { n = 3 } }, cpus = function(key, v) return v.n end },
  b = { count = 2, function(i) return { label = "b" .. i, cpus = i } end },
} }
]],
    })
    assert.are.equal(3, by['server.a["x"]'].args.cpus)
    assert.are.same({ "b2", 2 }, { by["server.b[2]"].args.label, by["server.b[2]"].args.cpus })
  end)

  it("keeps $${ as it is meant", function()
    local _, by = good({
      ["infra.yaml"] = 'defaults: { provider: tiny, image: i }\nservers: { a: { env: { X: "$${HOME}/$${y}", Y: $5 } } }\n',
    })
    assert.are.same({ X = "${HOME}/${y}", Y = "$5" }, by["server.a"].args.env)
  end)

  it("merges files and refuses what is declared twice", function()
    local loaded = good({
      ["infra/net.yaml"] = "networks: { lan: { cidr: 10.0.0.0/8 } }\ndefaults: { provider: tiny, image: i }\n",
      ["infra/web.lua"] = "return { servers = { web = { network = network.lan } } }",
      ["infra/README.md"] = "not infra",
    })
    assert.are.equal(2, #loaded.resources)
    assert.are.equal("infra/web.lua", loaded.resources[2].origin.file)
    local _, errs = load({ ["infra/more.yaml"] = "servers:\n  web: {}\n" })
    assert.are.equal(
      "infra/web.lua:1:22: servers.web: declared twice: also at infra/more.yaml:2",
      tostring(errs[1])
    )
  end)

  it("takes defaults of the workspace below those of the infra", function()
    local files = { ["infra.yaml"] = "defaults: { image: mine }\nservers: { a: {} }\n" }
    local _, by = good(files, { provider = "tiny", image = "theirs", cpus = 3 })
    assert.are.same({ "mine", 3 }, { by["server.a"].args.image, by["server.a"].args.cpus })
  end)

  it("expands clusters under their name", function()
    local loaded, by = good({
      ["infra.yaml"] = [[
defaults: { provider: tiny }
networks: { lan: { cidr: 10.0.0.0/8 } }
clusters:
  site: { template: pair, size: 2, note: "${network.lan.cidr}" }
servers:
  mine: { image: i, label: "${cluster.site.url}/x", peers: "${cluster.site.nodes}" }
]],
    })
    assert.are.same({ "server.site-node[1]", "server.site-node[2]" }, by["server.site-lb"].needs)
    assert.are.equal("${server.site-node[1].ip}", tostring(by["server.site-lb"].args.label))
    assert.are.same({ "network.lan" }, by["server.site-node[2]"].needs)
    assert.is_table(by["taskserv.web@server.site-node[1]"])
    assert.are.equal("http://${server.site-lb.ip}/x", tostring(by["server.mine"].args.label))
    assert.are.same(
      { "server.site-lb", "server.site-node[1]", "server.site-node[2]" },
      by["server.mine"].needs
    )
    assert.are.equal(4, by["server.site-lb"].origin.line)
    assert.are.equal(5, #loaded.resources)
  end)

  it("takes references given to a cluster from outside of it", function()
    tmp.write(dir .. "/extensions/clusters/own/cluster.lua", [[
return { kind = "cluster", api = 1, name = "own", summary = "x", schema = { net = { type = "ref" } },
  expand = function(want)
    return { networks = { lan = { cidr = "10.1.0.0/16" } },
      servers = { a = { image = "i", network = want.net, label = want.net.cidr .. "!" }, b = { image = "i", network = "${network.lan}" } } }
  end }
]])
    local _, by = good({ ["infra.yaml"] = [[
defaults: { provider: tiny }
networks: { lan: { cidr: 10.0.0.0/8 } }
clusters: { c: { template: own, net: "${network.lan}" } }
]] })
    assert.are.same({ "network.lan" }, by["server.c-a"].needs)
    assert.are.equal("${network.lan.cidr}!", tostring(by["server.c-a"].args.label))
    assert.are.same({ "network.c-lan" }, by["server.c-b"].needs)
  end)

  it("stops templates that do not end, and gives them no clock", function()
    tmp.write(dir .. "/extensions/clusters/loop/cluster.lua", [[
return { kind = "cluster", api = 1, name = "loop", summary = "x",
  expand = function() if os == nil and math.random == nil then while true do end end end }
]])
    local errs = mistakes("clusters: { c: { template: loop } }\ndefaults: { provider: tiny }\n")
    assert.truthy(errs[1]:find("the template 'loop' failed", 1, true))
    assert.truthy(errs[1]:find("stopped after 50 million instructions", 1, true))
  end)

  it("carries secrets, lifecycle, tags and needs", function()
    local loaded, by = good({
      ["infra.yaml"] = [[
providers: { tiny: { token: abc } }
networks: { lan: { cidr: 10.0.0.0/8, lifecycle: { prevent_destroy: true }, tags: { a: b } } }
servers: { a: { image: i, needs: [network.lan] }, b: { image: i, needs: "${server.a}" } }
]],
    })
    assert.is_true(value.is_secret(loaded.providers.tiny.token))
    assert.are.same({ prevent_destroy = true }, by["network.lan"].lifecycle)
    assert.are.same({ a = "b" }, by["network.lan"].tags)
    assert.are.same({ "network.lan" }, by["server.a"].needs)
    assert.are.same({ "server.a" }, by["server.b"].needs)
  end)

  it("finds places in Lua and JSON files too", function()
    assert.are.same({
      "infra.lua:12:9: servers.web.env.X: expected a string, found 3 | put quotes around it",
      "infra.lua:15:5: servers.db.imagee: there is no field 'imagee' | did you mean 'image'?",
    }, mistakes([==[
-- return { servers = { web = { wrong = 1 } } }
local text = "return { servers = {"
local function each(f) return f() end
return {
  defaults = { provider = "tiny", image = --[[ a comment, { ]] "i" },
  servers = {
    -- web = 3
    ["web"] = {
      label = ([[ }, ]]):rep(2), cpus = each(function() if true then return 1 end end),
      env = {
        A = "}",
        ["X"] = 3,
      },
    }, db = {
    imagee = "x" } },
}
]==], "infra.lua"))
    os.remove(dir .. "/infra.lua")
    assert.are.same(
      { 'infra.json:3:16: servers.a.cpus: expected an integer, found "x"' },
      mistakes('{ "defaults": { "provider": "tiny", "image": "i" },\n  "servers": {\n    "a": {     "cpus": "x" } } }', "infra.json")
    )
  end)

  it("survives hostile Lua trees", function()
    local function lua(body)
      return mistakes("local t = { provider = 'tiny', image = 'i' }\n" .. body, "infra.lua")[1]
    end
    assert.truthy(lua("t.env = t return { servers = { a = t } }"):find("servers.a.env", 1, true))
    assert.truthy(lua("t.count = 2 t.peers = { t } return { servers = { a = t } }"):find("servers.a.peers: the result holds itself", 1, true))
    assert.truthy(lua("t.env = { x = function() end } return { servers = { a = t } }"):find("a function can only stand", 1, true))
    assert.truthy(lua("return { servers = { [true] = t } }"):find("servers: a key must be a text or a whole number, not a boolean", 1, true))
    assert.truthy(lua("return { servers = { [7] = t } }"):find("every key must be a name", 1, true))
    assert.truthy(lua("return { [1] = t }"):find("must return a table", 1, true))
    assert.truthy(lua("return server.web"):find("must return a table", 1, true))
    assert.truthy(lua("return { servers = server }"):find("infra.lua", 1, true))
    assert.truthy(lua("return { servers = { a = server } }"):find("servers.a: 'server' is not defined", 1, true))
    assert.truthy(lua("return 5"):find("must return a table", 1, true))
    assert.truthy(lua("t.cpus = server.b.ip < 1 return {}"):find("cannot compare ${server.b.ip}", 1, true))
    for body, said in pairs({
      ["t.label = chosen return { servers = { a = t } }"] = "infra.lua:2:39: servers.a.label: 'chosen' is not defined",
      ["t.label = 'a' .. chosen return {}"] = "infra.lua:2: 'chosen' is not defined; chosen.NAME would refer to a resource",
      ["t.label = fn.join(lisst, ',') return {}"] = "infra.lua:2: 'lisst' is not defined; did you mean 'list'?",
      ["t.label = fm.join({}, ',') return {}"] = "infra.lua:2: there is no function 'fm.join'; did you mean fn.join?",
      ["t.label = server.b.ip:upper() return {}"] = "cannot call ${server.b.ip.upper}; write fn.upper(server.b.ip, ...)",
      ["t.label = ('a' .. server.b.ip):upper() return {}"] = "write fn.upper(",
      ["t.env = { [server.b.ip] = 'x' } return { servers = { a = t } }"] = "servers.a.env: a key must be a text or a whole number, not ${server.b.ip}",
      ["t.env = { [1.5] = 'x' } return { servers = { a = t } }"] = "servers.a.env: a key must be a text or a whole number, not a float",
      ["for k in pairs(server.b.env) do t[k] = 1 end return {}"] = "${server.b.env} is known only after apply, so no loop of Lua can go over it",
      ["for k in ipairs(fn.split(server.b.ip, '.')) do t[k] = 1 end return {}"] = "no loop of Lua can go over it",
      ["t.cpus = next(server.b.env) return {}"] = "no loop of Lua can go over it",
      ["t.cpus = #fn.split(server.b.ip, '.') return {}"] = "so it has no length yet; fn.length waits for it",
      ["t.cpus = #('a' .. server.b.ip) return {}"] = "so it has no length yet",
      ["t.cpus = fn.length(server.b.ip) ^ 2 return {}"] = "cannot calculate so with ${length(server.b.ip)}",
      ["local x = list{} x[1], x[2] = x, x t.label = fn.text(x) return {}"] = "infra.lua: stack overflow",
      ["t.label = function() return function() end end return { servers = { a = t } }"] = "infra.lua:2:69: the function gave a function",
      ["t.label = function() return chosen end return { servers = { a = t } }"] = ": 'chosen' is not defined",
      ["t.label = var return { servers = { a = t } }"] = "servers.a.label: 'var' is all variables; name one, as in var.size",
      ["t.cpus = 1 | server.b.cpus return {}"] = "cannot calculate so with ${server.b.cpus}",
    }) do
      assert.matches(said, lua(body), 1, true)
    end
    assert.truthy(lua("t.cpus = tonmber('1') return {}"):find("did you mean 'tonumber'?", 1, true))
    assert.truthy(lua("t.label = function() error('no') end return { servers = { a = t } }"):find("infra.lua:2: no", 1, true))
    assert.truthy(lua("t.label = function() while true do end end return { servers = { a = t } }"):find("stopped after", 1, true))
  end)

  it("keeps origins of a big file right", function()
    local text = { "defaults: { provider: tiny, image: i }\nservers:\n" }
    for i = 1, 3000 do
      text[#text + 1] = ("  s%d: {}\n"):format(i)
    end
    local _, by = good({ ["infra.yaml"] = table.concat(text) })
    for _, i in ipairs({ 1, 17, 1500, 3000 }) do
      assert.are.equal(i + 2, by["server.s" .. i].origin.line)
    end
  end)

  local HEAD = "defaults: { provider: tiny, image: i }\n"

  -- Text of the file behind HEAD, and the errors it must give, in order.
  local MISTAKES = {
    {
      [[
networks:
  x: {}
servers:
  a: { imge: x, cpus: many }
  b: { label: "${server.c.ip}" }
]],
      "infra.yaml:3:3: networks.x: the field 'cidr' is missing",
      "infra.yaml:5:8: servers.a.imge: there is no field 'imge' | did you mean 'image'?",
      'infra.yaml:5:17: servers.a.cpus: expected an integer, found "many"',
      "infra.yaml:6:8: servers.b.label: ${server.c.ip} refers to the server 'c', which is not declared",
    },
    {
      [[
servers:
  a: { label: "${server.a.ip}" }
]],
      "infra.yaml:3:3: servers.a: server.a refers to itself",
    },
    {
      [[
servers:
  a: { label: "${server.b.ipp}" }
  b: {}
]],
      "infra.yaml:3:8: servers.a.label: ${server.b.ipp}: a server of provider 'tiny' has no value 'ipp' | did you mean 'ip'?",
    },
    {
      [[
servers:
  a: { count: 2 }
  b: { label: "${server.a[3].ip}", env: { x: "${server.b[1].ip}" } }
]],
      "infra.yaml:4:8: servers.b.label: ${server.a[3].ip} does not exist: server.a has 2 instances | its keys are: [1], [2]",
      "infra.yaml:4:43: servers.b.env.x: ${server.b[1].ip} has a key, but server.b has neither count nor for_each",
    },
    {
      [[
serves:
  a: {}
]],
      "infra.yaml:3:3: serves.a: the provider 'tiny' has no serves | did you mean 'servers'?",
    },
    {
      [[
servers: [a]
]],
      "infra.yaml:2:1: servers: expected a map of names, found a list | write each with its fields: servers: { web: {} }",
    },
    {
      [[
servers:
  a: 3
  b c: {}
]],
      "infra.yaml:3:3: servers.a: expected a map of fields",
      "infra.yaml:4:3: servers[\"b c\"]: 'b c' cannot be a name: use letters, digits, - and _, starting with a letter or _",
    },
    {
      [[
servers:
  a: { provider: tinny }
]],
      "infra.yaml:3:8: servers.a.provider: no provider 'tinny' | did you mean 'tiny'?",
    },
    {
      [[
servers:
  a: { taskservs: { webb: {} } }
  b: { taskservs: { web: { port: 99999, prot: 1 } } }
  c: { taskservs: { web: {}, web2: {} } }
]],
      "infra.yaml:3:21: servers.a.taskservs.webb: no taskserv 'webb' | did you mean 'web'?",
      "infra.yaml:4:28: servers.b.taskservs.web.port: expected a port from 1 to 65535, found 99999",
      "infra.yaml:4:41: servers.b.taskservs.web.prot: there is no field 'prot' | did you mean 'port'?",
      "infra.yaml:5:21: servers.c.taskservs.web: cannot be on the same server as 'web2'",
    },
    {
      [[
servers:
  a: { label: "${index}", env: { x: "${unclosed", y: "${HOME}" } }
]],
      "infra.yaml:3:18: servers.a.label: '${index}': 'index' is only known inside of count or for_each | write $${ for a plain ${",
      "infra.yaml:3:38: servers.a.env.x: '${unclosed': the closing } is missing | write $${ for a plain ${",
      "infra.yaml:3:57: servers.a.env.y: '${HOME}' is not a reference: one looks like ${server.web.ip} | write $${ for a plain ${",
    },
    {
      [[
clusters:
  a: { template: piar }
  b: { template: pair, size: 10 }
  c: {}
]],
      "infra.yaml:3:8: clusters.a.template: no cluster 'piar' | did you mean 'pair'?",
      "infra.yaml:4:24: clusters.b.size: 10 is more than the largest allowed: 9",
      "infra.yaml:5:3: clusters.c: a cluster needs a 'template' | template: web",
    },
    {
      [[
servers:
  a: { label: "${cluster.x.url}", needs: [server.b, nonsense] }
]],
      "infra.yaml:3:8: servers.a.label: ${cluster.x.url} refers to the cluster 'x', which is not declared",
      "infra.yaml:3:43: servers.a.needs[1]: ${server.b} refers to the server 'b', which is not declared",
      "infra.yaml:3:53: servers.a.needs[2]: 'nonsense' is not an address such as network.lan",
    },
    {
      [[
servers:
  a: { count: -1 }
  b: { count: "${server.a}" }
  c: { count: 1, for_each: [x] }
  d: { for_each: [x, x] }
  e: { count: two }
]],
      "infra.yaml:3:8: servers.a.count: must be a whole number from 0 to 1000000",
      "infra.yaml:4:8: servers.b.count: ${server.a} is known only after apply, but how many there are must be known before | take the number or the names from what the infra says itself: a variable, or the list that both are made of",
      "infra.yaml:5:18: servers.c.for_each: count and for_each cannot both be given",
      "infra.yaml:6:22: servers.d.for_each[2]: must be a name, given once",
      "infra.yaml:7:8: servers.e.count: must be a whole number from 0 to 1000000",
    },
    {
      [[
networks: { lan: { cidr: 10.0.0.0/8 } }
servers:
  a: { network: lan }
  b: { network: network.lan }
  c: { network: net-17 }
]],
      "infra.yaml:4:8: servers.a.network: 'lan' is only text here | write ${network.lan} to refer to it",
      "infra.yaml:5:8: servers.b.network: 'network.lan' is only text here | write ${network.lan} to refer to it",
    },
    {
      [[
servers:
  a: { env: { X: "${server.c}", Y: "at ${server.d.ip}" } }
  b: { taskservs: { web: { backends: ["x", "${server.c.ip}", "${server.c.ip}"] } } }
]],
      "infra.yaml:3:15: servers.a.env.X: ${server.c} refers to the server 'c', which is not declared",
      "infra.yaml:3:33: servers.a.env.Y: ${server.d.ip} refers to the server 'd', which is not declared",
      "infra.yaml:4:44: servers.b.taskservs.web.backends[2]: ${server.c.ip} refers to the server 'c', which is not declared",
      "infra.yaml:4:62: servers.b.taskservs.web.backends[3]: ${server.c.ip} refers to the server 'c', which is not declared",
    },
    {
      [[
outputs: { x: "${server.nothing.ip}" }
]],
      "infra.yaml:2:12: outputs.x: ${server.nothing.ip} refers to something that is not declared | write $${ for a plain ${",
    },
    {
      [[
servers:
  a: { count: 500, cpus: 99 }
]],
      "infra.yaml:3:20: servers.a.cpus: 99 is more than the largest allowed: 8",
    },
    {
      [[
providers: { tiny: { zoen: x }, gone: {} }
]],
      "infra.yaml:2:22: providers.tiny.zoen: there is no field 'zoen' | did you mean 'zone'?",
      "infra.yaml:2:33: providers.gone: no provider 'gone' | there are: tiny",
    },
    {
      [[
servers:
  a: { lifecycle: { prevent: true }, tags: { x: [1] } }
]],
      "infra.yaml:3:21: servers.a.lifecycle.prevent: there is no field 'prevent' | the fields are: create_before_destroy, ignore_changes, postconditions, preconditions, prevent_destroy, replace_triggered_by",
      "infra.yaml:3:46: servers.a.tags.x: expected a string, found a list",
    },
    {
      [[
servers:
  a: { count: "${var.n}" }
  b: { for_each: "${var.n}" }
things: { x: {} }
variables: { x: {}, y: 1 }
]],
      "infra.yaml:3:18: servers.a.count: '${var.n}': there is no variable 'n' | declare it: inputs: { n: { type: string } }",
      "infra.yaml:4:21: servers.b.for_each: '${var.n}': there is no variable 'n' | declare it: inputs: { n: { type: string } }",
      "infra.yaml:5:11: things.x: the provider 'tiny' has no things | it has: networks, servers, volumes",
      "infra.yaml:6:14: variables.x: the provider 'tiny' has no variables | here it is 'inputs'",
      "infra.yaml:6:21: variables.y: expected a map of fields | here it is 'inputs'",
    },
    {
      [[
servers:
  a: { label: "${each.key} ${local.x}" }
  c: { label: "${tiny_server.a.ip}" }
]],
      "infra.yaml:3:8: servers.a.label: ${each.key} refers to something that is not declared | write key",
      "infra.yaml:3:8: servers.a.label: ${local.x} refers to something that is not declared"
        .. " | write var.x and declare it in 'inputs', or use Lua, which has local",
      "infra.yaml:4:8: servers.c.label: ${tiny_server.a.ip} refers to something that is not declared | write server.a",
    },
    {
      [[
servers:
  a: { label: "${server.c[*].ip}" }
  b: { label: "${true ? 1 : 2}" }
  c: { label: "${!true}" }
]],
      "infra.yaml:3:27: servers.a.label: '${server.c[*].ip}': a value is missing before '*].ip'"
        .. " | without [*] it is the list of all: server.web.ip",
      "infra.yaml:4:23: servers.b.label: '${true ? 1 : 2}': '? 1 : 2' is not expected here"
        .. " | write if ... then ... else ...",
      "infra.yaml:5:18: servers.c.label: '${!true}': a value is missing before '!true' | write not",
    },
    {
      [[
checks:
  a: { that: "1 > 2", message: no }
  b: { that: "${1 < 2}", message: yes }
]],
      "infra.yaml:3:8: checks.a.that: is a text, which always holds | write ${1 > 2}",
    },
  }

  for i, case in ipairs(MISTAKES) do
    it("reports mistakes with their place, " .. i, function()
      assert.are.same(table.move(case, 2, #case, 1, {}), mistakes(HEAD .. case[1]))
    end)
  end
end)
