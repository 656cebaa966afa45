--- Catalogs, costs, and taking over what exists: `prov catalog`, `prov cost`, `prov import`.

local catalogs = require("prov.catalog")
local context = require("prov.context")
local cost = require("prov.cost")
local fs = require("prov.fs")
local project = require("support.project")
local test = require("support.async").test
local tmp = require("support.tmp")
local workspaces = require("prov.workspace")

local PLAIN = { paint = function(_, _, text) return text end }

-- A cloud that is a Lua table in a file of the workspace's folder, with a catalog that is asked for.
local PROVIDER = [[
local M = {}
local function world(ctx)
  local out = {}
  for line in assert(ctx.fs.read(ctx.workspace.dir .. "/world")):gmatch("[^\n]+") do
    local one = {}
    for key, text in line:gmatch("(%w+)=(%S+)") do
      one[key] = text:gsub("_", " ")
    end
    one.size = one.size and tonumber(one.size)
    if one.kind == "server" then
      one.backups = false
    end
    one.labels = one.kind == "server" and {} or nil
    out[one.id] = one
  end
  return out
end
function M.list(ctx)
  local out = {}
  for _, one in pairs(world(ctx)) do
    if one.kind == ctx.kind then
      out[#out + 1] = one
    end
  end
  table.sort(out, function(a, b) return a.id < b.id end)
  return out
end
function M.read(ctx, id)
  local one = world(ctx)[id]
  if one and ctx.want and ctx.want.told then
    one.told = ctx.want.told:upper() -- in the words of what is wanted
  end
  return one
end
function M.create(ctx, want) return ctx.fail("failed", "nothing is made here") end
M.update, M.delete = M.create, M.create
local server = { plan = { type = "string", default = "small" }, network = { type = "ref" },
  zone = { type = "string", replace = true }, told = { type = "string" },
  memory = { type = "size" }, labels = { type = "map", of = { type = "string" }, default = {} },
  password = { type = "secret" }, backups = { type = "bool", default = false }, image = { type = "string" } }
return {
  kind = "provider", api = 1, name = "cloud", summary = "A cloud",
  resources = {
    server = { schema = server, outputs = { ip = { type = "ip" } }, list = M.list, read = M.read, create = M.create,
      update = M.update, delete = M.delete },
    network = { schema = { cidr = { type = "cidr" }, plan = { type = "string" } }, outputs = {}, list = M.list,
      read = M.read, create = M.create, update = M.update, delete = M.delete },
    volume = { schema = { size = { type = "size" } }, outputs = {}, list = M.list, read = M.read, create = M.create,
      update = M.update, delete = M.delete },
  },
  catalog = function(ctx)
    local n = tonumber((ctx.fs.read(ctx.workspace.dir .. "/asked")) or "0") + 1
    assert(ctx.fs.write_atomic(ctx.workspace.dir .. "/asked", tostring(n)))
    if ctx.fs.read(ctx.workspace.dir .. "/down") then
      return ctx.fail("unavailable", "the cloud is away")
    end
    return {
      currency = "EUR",
      plans = {
        { name = "small", cpus = 1, memory = "1 GiB", price = 7.3 },
        { name = "big", cpus = 8, memory = "16 GiB", price = 73, prices = { far = { price = 80, hourly = 0.2 } } },
      },
      zones = { { name = "far", also = { "abroad" } }, { name = "near" } },
      images = { { name = "debian", id = "d-1" }, { name = "debian", id = "d-2" }, { name = "arch" } },
      unlisted = { images = "^ami%-" },
      prices = { volume = { base = 1, per_gib = 0.1 } },
      quotas = { server = 2 },
    }
  end,
}
]]

local WORLD = [[
id=s1 kind=server name=web_1 plan=big zone=eu network=n1 ip=10.0.0.5 password=hush
id=s2 kind=server name=web_1 plan=small
id=n1 kind=network name=lan cidr=10.0.0.0/24
id=v1 kind=volume name=data size=42949672960
]]

describe("what exists already", function()
  local dir, ctx

  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/prov.yaml", "name: t\ndefaults: { provider: cloud }\n")
    tmp.write(dir .. "/infra.yaml", "networks: { lan: { cidr: 10.0.0.0/24 } }\n")
    tmp.write(dir .. "/world", WORLD)
    tmp.write(dir .. "/extensions/providers/cloud/provider.lua", PROVIDER)
    ctx = context.new({ workspace = dir, yes = true }, { ui = project.reopen(dir).ui, output = "json" })
  end)

  local function asked()
    return (fs.read(dir .. "/asked")) or "0"
  end

  it("keeps a catalog that was asked for, and asks again when told", test(function()
    local opened <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    for _ = 1, 2 do
      assert.equal(8, assert(catalogs.of(opened.workspace, opened.providers, "cloud")).plans[2].cpus)
    end
    assert.equal("1", asked())
    assert(catalogs.of(opened.workspace, opened.providers, "cloud", { refresh = true }))
    assert.equal("2", asked())
    require("support.settings").with({ ["catalog.keep"] = 0 }, function()
      assert(catalogs.of(opened.workspace, opened.providers, "cloud"))
    end)
    assert.equal("3", asked())
    tmp.write(dir .. "/down", "")
    local old, e = catalogs.of(opened.workspace, opened.providers, "cloud", { refresh = true })
    assert.equal("small", old.plans[1].name)
    assert.equal("unavailable", e.code)
  end))

  it("searches all words of a row", test(function()
    local found = assert(catalogs.show(ctx, { what = "plans", search = "BIG 16" }))
    assert.equal(1, #found.rows)
    assert.equal("big", found.rows[1].name)
    assert.same({ { name = "server", most = 2 } }, setmetatable(catalogs.show(ctx, { what = "quota" }).rows, nil))
  end))

  it("counts by plan, zone, size and kind", test(function()
    local catalog = assert(catalogs.show(ctx, { what = "plans" })) and catalogs.kept(workspaces.open_dir(dir), "cloud")
    local function month(kind, args)
      return (cost.of(catalog, kind, args))
    end
    assert.equal(7.3, month("server", { plan = "small" }))
    assert.near(0.01, select(2, cost.of(catalog, "server", { plan = "small" })), 1e-9)
    assert.equal(80, month("server", { plan = "big", zone = "far" }))
    assert.equal(0.2, select(2, cost.of(catalog, "server", { plan = "big", zone = "far" })))
    assert.equal(73, month("server", { plan = "big", zone = "near" }))
    assert.near(3, month("volume", { size = 20 * (1 << 30) }), 1e-9)
    assert.is_nil(month("network", {}))
    assert.equal(1, month("volume", {}))
    assert.is_nil(month("server", { plan = "huge" }))
  end))

  it("says what the infra would cost, and what it lets rules know without asking", test(function()
    tmp.write(dir .. "/infra.yaml", "servers: { a: {}, b: { plan: big, zone: far }, c: { plan: bgi } }\n")
    local v = assert(cost.show(ctx, {}))
    assert.equal(2, #v.rows)
    assert.near(87.3, v.totals[1].month, 1e-9)
    assert.near(87.3, v.totals[1].change, 1e-9)
    assert.same({ "server.c" }, setmetatable(v.unpriced, nil))
    local report = assert(require("prov.validate").run(ctx, {}))
    local rules = {}
    for _, finding in ipairs(report.findings) do
      rules[finding.rule] = finding.message
    end
    assert.truthy(rules["catalog-unknown"], "the kept catalog knows no plan bgi")
    assert.truthy(rules.quota)
    assert.equal("1", asked())
  end))

  it("knows names, ids and other names of what there is, and of what it knows no list", test(function()
    tmp.write(dir .. "/infra.yaml", [[
servers:
  a: { zone: abroad, image: d-2 }
  b: { zone: near, image: ami-1 }
  c: { zone: abroda, image: slackware }
networks:
  lan: { plan: of-networks }
]])
    assert(catalogs.show(ctx, { what = "plans" }))
    local found = {}
    for _, finding in ipairs(assert(require("prov.validate").run(ctx, {})).findings) do
      found[#found + 1] = finding.rule == "catalog-unknown" and finding.address .. ": " .. finding.hint or nil
    end
    table.sort(found)
    assert.same({ "server.c: there are: debian, arch", "server.c: there are: far, near" }, found)
  end))

  it("says that a provider tells nothing of a kind, or nothing with these words", test(function()
    local render = require("prov.face.cli.view.catalog").render
    assert.equal("cloud tells no plans with these words.\n",
      render(assert(catalogs.show(ctx, { what = "plans", search = "huge" }))))
    assert.equal("demo tells no quotas.\n", render(assert(catalogs.show(ctx, { what = "quota", provider = "demo" }))))
  end))

  it("takes over one thing, and says where it differs", test(function()
    local rows, e = require("prov.adopt").run(ctx, { address = "server.web", id = "s1" })
    assert.is_nil(rows)
    assert.equal("notfound", e.code)
    tmp.write(dir .. "/infra.yaml",
      "networks: { lan: { cidr: 10.0.0.0/24 } }\nservers: { web: { plan: small } } # mine\n")
    rows = assert(require("prov.adopt").run(ctx, { address = "server.web", id = "s1" }))
    assert.same({ "imported", "cloud" }, { rows[1].status, rows[1].provider })
    assert.truthy(table.concat(rows[1].differs, " "):find("plan", 1, true))
    local opened <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    assert.equal("s1", opened.state.records["server.web"].id)
    assert.equal("big", opened.state.records["server.web"]:args().plan)
    assert.equal("known", require("prov.adopt").run(ctx, { address = "server.web", id = "s1" })[1].status)
    local ok
    ok, e = pcall(require("prov.adopt").run, ctx, { address = "network.lan", id = "nix" })
    assert.is_false(ok)
    assert.equal("notfound", e.code)
  end))

  it("leaves what the infra does not say, and asks in the words of what it says", test(function()
    tmp.write(dir .. "/infra.yaml", "servers: { web: { plan: big, told: x } }\nimport: [{ to: server.web, id: s1 }]\n")
    local opened <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    local plan = assert(opened:plan({}))
    assert.equal(1, #plan.steps)
    assert.equal("update", plan.steps[1].action)
    assert.same({ { path = "told", before = "X", after = "x" } }, plan.steps[1].changes)
  end))

  it("declares what is not in the infra yet", test(function()
    assert(require("prov.adopt").run(ctx, { address = "server.one", id = "s1", write = true }))
    local text = fs.read(dir .. "/infra.yaml")
    assert.truthy(text:find("one:", 1, true) and text:find("plan: big", 1, true), text)
    assert.is_nil(text:find("hush", 1, true))
  end))

  it("writes infra for all, with references, which a plan takes over without a change", test(function()
    os.remove(dir .. "/infra.yaml")
    local rows = assert(require("prov.adopt").run(ctx, { all = true, out = "infra/found.yaml" }))
    assert.equal(4, #rows)
    local text = fs.read(dir .. "/infra/found.yaml")
    assert.truthy(text:find("network: ${network.lan}", 1, true), text)
    assert.truthy(text:find("web-1-2", 1, true), text)
    assert.truthy(text:find("size: 40 GiB", 1, true), text)
    assert.is_nil(text:find("backups", 1, true), "what is as by default")
    assert.is_nil(text:find("provider", 1, true), "the default one")
    assert.is_nil(text:find("hush", 1, true))
    local again, e = require("prov.adopt").run(ctx, { all = true, out = "infra/found.yaml" })
    assert.is_nil(again)
    assert.equal("conflict", e.code)
    local opened <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    local plan = assert(opened:plan({}))
    assert.equal(4, #plan.imported)
    assert.equal(0, #plan.steps)
    local outcome = assert(require("prov.apply").run(ctx, {}))
    assert.same({ 4, 0 }, { outcome.imported, outcome.done })
    local screen = require("prov.face.cli.view.apply").render(outcome, PLAIN)
    assert.truthy(screen:find("Done. 4 imported in", 1, true), screen)
  end))

  it("writes what `defaults` of the infra would say otherwise", test(function()
    tmp.write(dir .. "/infra.yaml", "defaults: { backups: true }\nservers: { a: {} }\n")
    assert(require("prov.adopt").run(ctx, { all = true, out = "infra/found.yaml" }))
    assert.truthy(fs.read(dir .. "/infra/found.yaml"):find("backups: false", 1, true))
    local opened <close> = assert(require("prov.project").open(ctx, { infra = "need" }))
    assert.equal(1, #assert(opened:plan({})).steps, "server.a alone")
  end))

  it("says when nobody will read the file", test(function()
    local said = {}
    for _, how in ipairs({ "warn", "info" }) do
      ctx.ui[how] = function(fmt, ...)
        said[#said + 1] = how .. " " .. fmt:format(...)
      end
    end
    assert(require("prov.adopt").run(ctx, { all = true, out = "found.yaml" }))
    assert(require("prov.adopt").run(ctx, { all = true, out = "infra/found.yaml" }))
    assert.truthy(said[1]:find("^warn found.yaml is no part of the infra"), said[1])
    assert.truthy(said[2]:find("^info infra/found.yaml is part of the infra now"), said[2])
  end))

  it("means the provider of `defaults` in the infra when none is named", test(function()
    tmp.write(dir .. "/prov.yaml", "name: t\n")
    tmp.write(dir .. "/infra.yaml", "defaults: { provider: cloud }\nservers: { a: {} }\n")
    assert.equal("cloud", assert(catalogs.show(ctx, { what = "plans" })).provider)
    tmp.write(dir .. "/infra.yaml", "servers: { a: { nonsense: 1, provider: cloud } }\n")
    local found, e = catalogs.show(ctx, { what = "plans" })
    assert.is_nil(found)
    assert.truthy(tostring(e):find("nonsense", 1, true), "what is wrong with the infra, not: name a provider")
  end))

  it("lists only a kind when told", test(function()
    local rows = assert(require("prov.adopt").run(ctx, { all = true, kind = { "network" } }))
    assert.same({ { address = "network.lan-2", id = "n1", provider = "cloud" } }, setmetatable(rows, nil))
  end))
end)
