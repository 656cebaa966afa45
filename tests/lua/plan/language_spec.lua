-- luacheck: no max line length (rows of texts)
--- Plans of what the infra language has beyond resources: look-ups, instances of providers, triggers, conditions.

local spec = require("support.project")
local test = require("support.async").test

local PROVIDER = [[
return {
  kind = "provider", api = 1, name = "shelf", summary = "What is on a shelf",
  config = { broken = { type = "string" }, rows = { type = "any" } },
  catalog = function(ctx)
    if ctx.config.broken == "catalog" then return nil, ctx.error("unavailable", "the catalog is closed") end
    return { images = { { id = "a", size = 1 }, { id = "b", size = 2, tags = { "x" } }, { id = "b2", size = 2 } } }
  end,
  resources = {
    book = { body = "book", schema = { title = { type = "string" } }, outputs = {} },
    pen = { body = "pen", schema = {}, outputs = {} },
  },
}
]]
local BOOK = [[
return {
  list = function(ctx)
    ctx.sleep(0.01) -- as a call over a network would
    if ctx.config.broken == "list" then return nil, ctx.error("unavailable", "the shelf is dark") end
    if ctx.config.broken == "empty" then return nil end
    return { { id = "1", title = "Lua" }, { id = "2", title = "C" } }
  end,
}
]]

local function ctx(infra, files)
  files = files or {}
  files["infra.yaml"] = infra
  files["extensions/providers/shelf/provider.lua"] = PROVIDER
  files["extensions/providers/shelf/book.lua"] = BOOK
  files["extensions/providers/shelf/pen.lua"] = "return {}"
  return spec.ctx(files)
end

local function plan_of(infra)
  local project <close> = assert(require("prov.project").open(ctx(infra)))
  return project:plan()
end

local function value_of(entry, config)
  local plan, e = plan_of(("providers: { shelf: %s }\ndata: { x: %s }\nitems: { i: { provider: demo, value: '${data.x}' } }\n"):format(
    config or "{}", entry))
  if not plan then
    return tostring(e) .. (e.hint and " | " .. e.hint or "")
  end
  return plan.steps[1].changes[1].after
end

describe("look-ups", function()
  it("find one, the first, the last or all", test(function()
    assert.same({ id = "1", title = "Lua" }, value_of("{ provider: shelf, kind: book, where: { title: L* } }"))
    assert.same({ id = "a", size = 1 }, value_of("{ provider: shelf, kind: image, sort: size, pick: first }"))
    assert.same({ id = "b", size = 2, tags = { "x" } }, value_of("{ provider: shelf, kind: image, where: { tags: [x] } }"))
    assert.equal(2, #value_of("{ provider: shelf, kind: image, where: { size: 2 }, pick: all }"))
    assert.equal(0, #value_of("{ provider: shelf, kind: image, where: { size: 9 }, pick: all }"))
  end))

  it("are errors when they fail, and never mean that there is nothing", test(function()
    assert.matches("^infra.yaml:2:9: data.x: the shelf is dark", value_of("{ provider: shelf, kind: book, pick: all }", "{ broken: list }"))
    assert.matches("it gave no list", value_of("{ provider: shelf, kind: book, pick: all }", "{ broken: empty }"))
    assert.matches("the catalog is closed", value_of("{ provider: shelf, kind: image, pick: all }", "{ broken: catalog }"))
    assert.matches("cannot list its pens", value_of("{ provider: shelf, kind: pen }"))
    assert.matches("has no image with size 9", value_of("{ provider: shelf, kind: image, where: { size: 9 } }"))
    assert.matches("has 2 images with size 2 | narrow it with 'where'", value_of("{ provider: shelf, kind: image, where: { size: 2 } }"), 1, true)
  end))

  it("wait for what they refer to, and are read in the run then", test(function()
    local c = ctx([[
data:
  one: { provider: demo, kind: plan, where: { cpus: 2 } }
  two: { provider: demo, kind: plan, where: { id: "${data.one.id}" } }
  late: { provider: demo, kind: plan, where: { id: "${item.a.value}", cpus: "${length(item.a.id) // 10}" } }
items:
  a: { provider: demo, value: "${data.two.id}" }
  b: { provider: demo, value: "${data.late.memory}" }
]])
    local _, plan = spec.plan(c)
    assert.equal("2xCPU-4GB", plan.steps[1].changes[1].after)
    assert.is_true(plan.steps[2].changes[1].unknown)
    assert.equal("done", spec.apply(c).status)
    local project <close> = assert(require("prov.project").open(spec.reopen(c.dir)))
    assert.equal("4 GiB", project.state.records["item.b"]:state().value)
    assert.same({}, (spec.plan(c)))
  end))

  it("are ordered by numbers as numbers", test(function()
    local c = ctx("data: { all: { provider: shelf, kind: box, sort: n, pick: all } }\nitems: { i: { provider: demo, value: '${[for x in data.all => x.n]}' } }\n")
    spec.edit(c, "extensions/providers/shelf/provider.lua", (PROVIDER:gsub("images = {", "boxes = { { n = 10 }, { n = 9 }, { n = 100 }, { n = 2.5 } }, images = {")))
    local project <close> = assert(require("prov.project").open(spec.reopen(c.dir)))
    assert.same({ 2.5, 9, 10, 100 }, assert(project:plan()).steps[1].changes[1].after)
  end))
end)

describe("instances of providers", function()
  it("are configured by resources, and wait for them", test(function()
    local infra = [[
defaults: { provider: demo }
providers:
  demo: {}
  in: { provider: demo, world: "world-${server.host.id}" }
servers: { host: {} }
items: { x: { provider: in, value: 1 } }
]]
    local c = ctx(infra)
    local ids, plan = spec.plan(c)
    assert.same({ "create server.host", "create item.x" }, ids)
    assert.same({ "create server.host" }, plan.steps[2].needs)
    assert.equal("done", spec.apply(c).status)
    local host = assert(require("prov.fs").list(c.dir))
    local found = false
    for _, entry in ipairs(host) do
      found = found or entry.name:match("^world%-server%-") ~= nil
    end
    assert.is_true(found)
    assert.same({}, (spec.plan(c)))
    -- What configures it is made anew: until then it is not asked, and nothing is thought to be gone.
    spec.edit(c, "infra.yaml", (infra:gsub("host: {}", "host: { zone: other }")))
    ids = spec.plan(c)
    assert.same({ "delete server.host", "create server.host" }, { ids[1], ids[2] })
    assert.is_nil(ids[3])
  end))

  it("say what is wrong with them", test(function()
    local function wrong(infra)
      local c = ctx(infra)
      local _, e = require("prov.project").open(c)
      return tostring(e.data and e.data.errors and e.data.errors[1] or e) .. " | " .. tostring(e.hint)
    end
    assert.matches("the provider 'r' is several | its instances are: r[\"a\"], r[\"b\"]", wrong("providers: { r: { provider: demo, for_each: [a, b] } }\nitems: { x: { provider: r } }"), 1, true)
    assert.matches("infra.yaml:1:19: providers.r.zone: expected a string, found 1", wrong("providers: { r: { zone: 1, provider: demo } }"), 1, true)
    assert.matches("no provider 'dmo'", wrong("providers: { r: { provider: dmo } }"), 1, true)
    assert.matches("of which provider its instances are", wrong("providers: { r: { for_each: [a] } }"), 1, true)
    assert.matches("refers to something that is not declared", wrong("providers: { r: { provider: demo, zone: '${server.x.id}' } }\nitems: { x: { provider: r } }"), 1, true)
  end))
end)

describe("circles", function()
  local function circle(infra, files)
    local _, e = require("prov.project").open(ctx(infra, files))
    if not e then
      local project <close> = assert(require("prov.project").open(ctx(infra, files)))
      _, e = project:plan()
    end
    return tostring(e.data and e.data.errors and e.data.errors[1] or e)
  end
  local SIDE = "inputs: { x: { type: any } }\nservers: { s: { labels: { x: '${var.x}' } } }\noutputs: { x: '${var.x}' }\n"

  it("are told as a whole, with the place of each hop", test(function()
    assert.equal("infra.yaml:1:9: these need each other: data.a (infra.yaml:1) -> data.b (line 2) -> data.a",
      circle("data: { a: { provider: demo, kind: plan, where: { id: '${data.b.id}' } },\n  b: { provider: demo, kind: plan, where: { id: 'x${data.a.id}' } } }"))
    assert.equal("infra.yaml:3:12: these need each other: server.a.provider (infra.yaml:3) -> server.b.provider (line 4) -> server.a",
      circle("providers: { p: { provider: demo, zone: '${server.b.zone}' },\n  q: { provider: demo, zone: '${server.a.zone}' } }\nservers: { a: { provider: p },\n  b: { provider: q } }"))
    assert.equal("m/module.yaml:3:12: outputs.x: these need each other: module.b.x (m/module.yaml:3) -> module.a.x (line 3) -> module.b.x",
      circle("defaults: { provider: demo }\nmodules: { a: { source: m, inputs: { x: '${module.b.x}' } }, b: { source: m, inputs: { x: '${module.a.x}' } } }",
        { ["m/module.yaml"] = SIDE }))
  end))

  it("of one thing say how it needs itself", test(function()
    assert.matches("server.a needs itself: its provider 'p' is configured with it",
      circle("providers: { p: { provider: demo, zone: '${server.a.zone}' } }\nservers: { a: { provider: p } }"), 1, true)
    assert.matches("server.a needs itself: data.i, which it refers to, is looked up with it",
      circle("defaults: { provider: demo }\ndata: { i: { kind: image, where: { id: '${server.a.zone}' } } }\nservers: { a: { image: '${data.i.id}' } }"), 1, true)
  end))
end)

describe("loops over what is known only after apply", function()
  it("see the names of the loops around them, and files", test(function()
    local c = ctx("defaults: { provider: demo }\nservers: { w: { count: 2 } }\nitems:\n"
      .. "  a: { value: \"${[for a in [1, 2] => [for b in ['x'] => [for ip in server.w.ip => a .. b .. template('t.txt', { n = length(ip) > 0 })]]]}\" }\n",
      { ["t.txt"] = "{{ n }}{{ 1 + 1 }}" })
    assert.equal("done", spec.apply(c).status)
    local project <close> = assert(require("prov.project").open(spec.reopen(c.dir)))
    assert.same({ { { "1xtrue2", "1xtrue2" } }, { { "2xtrue2", "2xtrue2" } } }, project.state.records["item.a"]:state().value)
    assert.same({}, (spec.plan(c)))
  end))

  it("want the names of files to be known", test(function()
    local _, e = require("prov.project").open(ctx("defaults: { provider: demo }\nservers: { w: { count: 2 } }\nitems: { a: { value: '${[for ip in server.w.ip => file(ip)]}' } }"))
    assert.matches("which file this is has to be known", tostring(e.data and e.data.errors and e.data.errors[1] or e))
  end))
end)

describe("ignore_changes", function()
  local function infra(fields, lifecycle)
    return ("defaults: { provider: demo }\nservers: { a: { %s, lifecycle: { ignore_changes: %s } } }\n"):format(fields, lifecycle)
  end
  local function after(first, second, lifecycle)
    local c = ctx(infra(first, lifecycle))
    assert.equal("done", spec.apply(c).status)
    spec.edit(c, "infra.yaml", infra(second, lifecycle))
    local ids = spec.plan(c)
    assert.equal("done", spec.apply(c).status)
    local project <close> = assert(require("prov.project").open(spec.reopen(c.dir)))
    assert.same({}, (spec.plan(c)))
    return ids, project.state.records["server.a"]:state()
  end

  it("keeps a field, and what is at a path, when something else is updated", test(function()
    local ids, state = after("plan: 1xCPU-1GB, labels: { keep: a, other: b, 'x.y': c }",
      "plan: 2xCPU-4GB, labels: { keep: A, other: B, 'x.y': C, new: D }", "[plan, labels.keep, 'labels[\"x.y\"]']")
    assert.same({ "update server.a" }, ids)
    assert.equal("1xCPU-1GB", state.plan)
    assert.same({ keep = "a", other = "B", ["x.y"] = "c", new = "D" }, state.labels)
    ids, state = after("plan: 1xCPU-1GB", "plan: 2xCPU-4GB, labels: { a: b }, zone: demo-2", "[all]")
    assert.same({}, ids)
    assert.equal("demo-1", state.zone)
  end))

  it("does not keep anything of what is replaced", test(function()
    local ids, state = after("plan: 1xCPU-1GB, labels: { keep: a }", "plan: 2xCPU-4GB, labels: { keep: b }, zone: demo-2", "[plan, labels.keep]")
    assert.same({ "delete server.a", "create server.a" }, ids)
    assert.same({ "2xCPU-4GB", { keep = "b" } }, { state.plan, state.labels })
  end))

  it("names fields that there are", test(function()
    local _, e = require("prov.project").open(ctx(infra("plan: 1xCPU-1GB", "[plan, lables.x, 'a b']")))
    assert.matches("servers.a.lifecycle.ignore_changes[2]: there is no field 'lables.x'", tostring(e.data.errors[1]), 1, true)
    assert.equal("did you mean 'labels'?", e.data.errors[1].hint)
    assert.equal(2, #e.data.errors)
  end))
end)

describe("moved", function()
  it("goes into a count and out of it, for resources and modules, and once only", test(function()
    local HEAD = "defaults: { provider: demo }\n"
    local c = ctx(HEAD .. "servers: { a: {}, b: { count: 2 }, c: {} }\nmodules: { m: { source: m }, n: { source: m, for_each: [x] } }\n",
      { ["m/module.yaml"] = "items: { i: {} }\n" })
    spec.apply(c)
    spec.edit(c, "infra.yaml", HEAD .. "servers: { a: { count: 2 }, b: {}, c: { for_each: ['q]z', 'w['] } }\nmodules: { m: { source: m, for_each: [y] }, n: { source: m } }\n"
      .. "moved:\n- { from: server.a, to: 'server.a[1]' }\n- { from: 'server.b[1]', to: server.b }\n- { from: server.c, to: 'server.c[\"q]z\"]' }\n"
      .. "- { from: module.m, to: 'module.m[\"y\"]' }\n- { from: 'module.n[\"x\"]', to: module.n }\n")
    assert.same({ "create server.a[2]", 'create server.c["w["]', "delete server.b[2]" }, (spec.plan(c)))
    spec.apply(c)
    local _, plan = spec.plan(c)
    assert.same({ 0, 0 }, { #plan.steps, #(plan.moves or {}) })
  end))
end)

describe("replace_triggered_by", function()
  local function ids_after(trigger, change)
    local infra = ("defaults: { provider: demo }\nitems:\n  a: { value: 1, triggers: 1 }\n  b: { value: x, lifecycle: { replace_triggered_by: [%s] } }\n"):format(trigger)
    local c = ctx(infra)
    spec.apply(c)
    spec.edit(c, "infra.yaml", (infra:gsub("value: 1, triggers: 1", change)))
    return (spec.plan(c))
  end

  it("replaces when the field, or anything of it, changes", test(function()
    assert.same({ "update item.a", "delete item.b", "create item.b" }, ids_after("item.a.value", "value: 2, triggers: 1"))
    assert.same({ "update item.a" }, ids_after("item.a.id", "value: 2, triggers: 1"))
    assert.same({ "update item.a", "delete item.b", "create item.b" }, ids_after("item.a", "value: 2, triggers: 1"))
    assert.equal(4, #ids_after("item.a.id", "value: 1, triggers: 2"))
    assert.same({}, ids_after("item.a", "value: 1, triggers: 1"))
  end))
end)
