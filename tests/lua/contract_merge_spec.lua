local data = require("core.data")
local merge = require("prov.contract.merge")
local value = require("prov.value")
local yaml = require("prov.yaml")

local function source(file, text, priority)
  local tree, place = yaml.decode(text, { file = file })
  assert(tree, tostring(place))
  return { tree = tree, file = file, place = place, priority = priority, unmarked = not merge.may_mark(text) }
end

local function lua(tree, priority)
  return { tree = tree, file = "x.lua", priority = priority }
end

local function good(sources)
  local tree, place = merge.trees(sources)
  if not tree then
    error(place[1]:text() .. " | " .. tostring(place[1].hint), 0)
  end
  return tree, place
end

local function bad(sources)
  local tree, errs = merge.trees(sources)
  assert.is_nil(tree)
  local texts = {}
  for i, e in ipairs(errs) do
    texts[i] = e:text()
  end
  return texts, errs
end

describe("contract.merge", function()
  it("gives back the only tree as it is", function()
    local one = source("a.yaml", "servers:\n  web: { plan: small }\n")
    local tree, place = good({ one })
    assert.is_true(rawequal(one.tree, tree))
    assert.are.same({ 2, 10, "a.yaml" }, { place({ "servers", "web", "plan" }) })
    assert.are.same({}, (good({})))
  end)

  it("merges maps key by key, and knows the file of each value", function()
    local a = source("a.yaml", "servers:\n  web:\n    plan: small\n    tags: { a: 1 }\n  db: { plan: big }\n")
    local b = source("b.yaml", "servers:\n  web:\n    image: x\n    tags: { b: 2 }\n    plan: small\nnetworks: {}\n")
    local tree, place = good({ a, b })
    assert.are.same({
      servers = { web = { plan = "small", image = "x", tags = { a = 1, b = 2 } }, db = { plan = "big" } },
      networks = {},
    }, tree)
    assert.are.same(tree, (good({ b, a })))
    assert.are.same({ 3, 5, "b.yaml" }, { place({ "servers", "web", "image" }) })
    assert.are.same({ 4, 13, "b.yaml" }, { place({ "servers", "web", "tags", "b" }) })
    assert.are.same({ 4, 13, "a.yaml" }, { place({ "servers", "web", "tags", "a" }) })
    assert.are.same({ 5, 9, "a.yaml" }, { place({ "servers", "db", "plan" }) })
    assert.are.same({ 2, 3, "a.yaml" }, { place({ "servers", "web", "absent" }) })
    assert.are.same({ web = { plan = "small", tags = { a = 1 } }, db = { plan = "big" } }, a.tree.servers)
  end)

  it("reports every conflict with both places", function()
    local a = source("a.yaml", "servers:\n  web:\n    plan: small\n    zones: [a]\n    tags: {x: 1}\n")
    local b = source("b.yaml", "servers:\n  web:\n    plan: big\n    zones: [a, b]\n    tags: no\n")
    local texts, errs = bad({ a, b })
    assert.are.same({
      "b.yaml:3:5: servers.web.plan: given another value at a.yaml:3:5",
      "b.yaml:4:5: servers.web.zones: given another value at a.yaml:4:5",
      "b.yaml:5:5: servers.web.tags: a single value here, but a map at a.yaml:5:5",
    }, texts)
    assert.are.equal(
      "write 'plan!' for the key of the one that is to win, or 'plan?' for the one that may give way",
      errs[1].hint
    )
    assert.are.same({
      { file = "a.yaml", line = 3, column = 5 },
      { file = "b.yaml", line = 3, column = 5 },
    }, errs[1].data.places)
    errs = select(2, bad({ source("a.yaml", "plan!: small\n"), source("b.yaml", "plan!: big\n") }))
    assert.are.equal("both are marked: take one of them out, or its mark", errs[1].hint)
  end)

  it("shows no values in a conflict", function()
    local texts = bad({ lua({ db = { password = "hunter2" } }), lua({ db = { password = "hunter3" } }) })
    assert.is_nil(texts[1]:find("hunter", 1, true))
  end)

  it("lets the highest priority win, in any order", function()
    local low = source("low.yaml", "plan?: small\nimage?: x\n")
    local mid = source("mid.yaml", "plan: medium\n")
    local top = source("top.yaml", "plan!: large\n")
    for _, order in ipairs({ { low, mid, top }, { top, low, mid }, { mid, top, low } }) do
      local tree, place = good(order)
      assert.are.same({ plan = "large", image = "x" }, tree)
      assert.are.same({ 1, 1, "top.yaml" }, { place({ "plan" }) })
      assert.are.same({ 2, 1, "low.yaml" }, { place({ "image" }) })
    end
    assert.are.same({ plan = "medium", image = "x" }, (good({ low, mid })))
    assert.are.equal(1, #bad({ low, source("other.yaml", "image?: y") }))
    assert.are.equal(1, #bad({ top, source("other.yaml", "plan!: y") }))
    assert.are.same({ plan = "large" }, (good({ top })))
  end)

  it("takes the priority of a file for its values, not for its maps", function()
    local base = source("a.yaml", "servers:\n  web: { plan: small, zones: [a, b], tags: {x: 1} }\n")
    local prod = source("prod.yaml", "servers:\n  web: { plan: big, zones: [c], tags: {y: 2}, size?: 3 }\n", "force")
    assert.are.same(
      { servers = { web = { plan = "big", zones = { "c" }, tags = { x = 1, y = 2 }, size = 3 } } },
      (good({ base, prod }))
    )
    assert.are.same({ a = 1 }, (good({ lua({ a = 1 }, 20), lua({ a = 2 }, 10), lua({ a = 3 }, 15) })))
  end)

  it("replaces a whole map whose key has a mark", function()
    local base = source("a.yaml", "tags: { a: 1, b: 2 }\n")
    assert.are.same({ tags = { c = 3 } }, (good({ base, source("b.yaml", "tags!: { c: 3 }") })))
    assert.are.same({ tags = {} }, (good({ base, source("b.yaml", "tags!: {}") })))
    assert.are.same({ tags = { a = 1, b = 2 } }, (good({ base, source("b.yaml", "tags?: { c: 3 }") })))
    assert.are.same({ tags = { a = 1, b = 2 } }, (good({ base, source("b.yaml", "tags: {}") })))
  end)

  it("knows null: nothing by itself, away with a mark", function()
    local base = source("a.yaml", "web: { plan: small }\nother: null\n")
    assert.are.same({ web = { plan = "small" }, other = 1 }, (good({ base, lua({ web = value.null, other = 1 }) })))
    local tree = good({ base, source("b.yaml", "web!: null") })
    assert.is_nil(tree.web)
    assert.are.equal(value.null, tree.other)
    assert.is_nil(good({ base, source("b.yaml", "web: null", "force") }).web)
    assert.are.equal("x", good({ lua({ a = value.null }), lua({ a = merge.default("x") }) }).a)
  end)

  it("takes force() and default() in Lua, also in one file, not in lists", function()
    local base = lua({ web = { plan = merge.default("small"), image = "x", zones = merge.force({ "a" }) } })
    assert.are.same(
      { web = { plan = "big", image = "x", zones = { "a" } } },
      (good({ base, lua({ web = { plan = "big", zones = { "b" } } }) }))
    )
    assert.are.same({ web = { plan = "small", image = "x", zones = { "a" } } }, (good({ base })))
    local texts = bad({ lua({ zones = { merge.force("a") } }) })
    assert.are.same({ "x.lua: zones[1]: a priority is for a field of a map" }, texts)
  end)

  it("lets a doubled mark stand for itself", function()
    local tree, place = good({ source("a.yaml", "tags:\n  really??: 1\n  now!!: 2\n  '!': 3\n") })
    assert.are.same({ tags = { ["really?"] = 1, ["now!"] = 2, ["!"] = 3 } }, tree)
    assert.are.same({ 3, 3, "a.yaml" }, { place({ "tags", "now!" }) })
  end)

  it("compares references and secrets by what they hold", function()
    local function tree(ref, secret)
      return lua({ net = value.ref(ref, { "id" }), pw = value.secret(secret), t = "a" .. value.ref(ref) })
    end
    good({ tree("network.a", "x"), tree("network.a", "x") })
    assert.are.equal(2, #bad({ tree("network.a", "x"), tree("network.b", "x") }))
    assert.are.equal(1, #bad({ tree("network.a", "x"), tree("network.a", "y") }))
  end)

  it("tells lists from maps, but not an empty map of Lua from an empty list", function()
    assert.are.same({ a = { 1 } }, (good({ lua({ a = {} }), lua({ a = data.list({ 1 }) }) })))
    local texts = bad({ lua({ a = { 1 } }), lua({ a = { b = 1 } }) })
    assert.are.same({ "x.lua: a: a map here, but a list at x.lua" }, texts)
  end)

  it("ends on trees that hold themselves", function()
    local loop = { a = {} }
    loop.a.b = loop
    local texts = bad({ lua(loop), lua(loop) })
    assert.are.equal(1, #texts)
    assert.is_truthy(texts[1]:find("too large or too deep to merge", 1, true))
    local deep = {}
    for _ = 1, 200 do
      deep = { x = deep }
    end
    assert.is_truthy(bad({ lua(deep) })[1]:find("nested more than 100 levels deep", 1, true))
  end)

  it("sees in a text whether marks can be in it", function()
    local marked = { "a!: 1", "a? : 1", '{"a!":1}', "'a?': 1", '"a!" = 1', "? a!\n: 1", "x: 1\n? a?\n: 2", '[a."b!"]' }
    for _, text in ipairs(marked) do
      assert.is_true(merge.may_mark(text), text)
    end
    for _, text in ipairs({ "a: hello!", "a: what?\nb: 1" }) do
      assert.is_false(merge.may_mark(text), text)
    end
  end)
end)
