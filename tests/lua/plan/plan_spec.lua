local spec = require("support.project")
local test = require("support.async").test

local BASE = [[
defaults: { provider: demo }
networks:
  lan: { cidr: 10.1.0.0/24 }
servers:
  web: { count: 2, network: "${network.lan}" }
]]

local function ctx(infra)
  return spec.ctx({ ["infra.yaml"] = infra })
end

local function position(ids)
  local at = {}
  for i, id in ipairs(ids) do
    at[id] = i
  end
  return at
end

describe("plan", function()
  it("creates everything in dependency order", test(function()
    local ids, plan = spec.plan(ctx(BASE))
    assert.same({ "create network.lan", "create server.web[1]", "create server.web[2]" }, ids)
    assert.same({ "create network.lan" }, plan.steps[2].needs)
  end))

  it("shows a value that is not known yet as unknown", test(function()
    local _, plan = spec.plan(ctx(BASE))
    local seen
    for _, change in ipairs(plan.steps[2].changes) do
      if change.path == "network" then
        seen = change.unknown
      end
    end
    assert.is_true(seen)
  end))

  it("is empty after an apply", test(function()
    local c = ctx(BASE)
    assert.equal("done", spec.apply(c).status)
    assert.same({}, (spec.plan(c)))
  end))

  it("updates only the field that changed", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    spec.edit(c, "infra.yaml", (BASE:gsub("count: 2,", "count: 2, plan: big,")))
    local ids, plan = spec.plan(c)
    assert.same({ "update server.web[1]", "update server.web[2]" }, ids)
    assert.equal(1, #plan.steps[1].changes)
    assert.same({ "plan", "1xCPU-1GB", "big" }, {
      plan.steps[1].changes[1].path,
      plan.steps[1].changes[1].before,
      plan.steps[1].changes[1].after,
    })
  end))

  it("replaces when a field cannot change in place, and what refers to it changes after", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    spec.edit(c, "infra.yaml", (BASE:gsub("10.1.0.0", "10.2.0.0")))
    local ids, plan = spec.plan(c)
    local at = position(ids)
    assert.is_true(at["delete network.lan"] < at["create network.lan"])
    assert.truthy(at["update server.web[1]"])
    assert.matches("cidr cannot change in place", plan.steps[at["create network.lan"]].reason)
    assert.equal("done", spec.apply(c).status)
    assert.same({}, (spec.plan(c)))
  end))

  it("replaces what its provider calls incomplete, and deletes it when it is not wanted", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    local project <close> = assert(require("prov.project").open(c))
    local body = assert(project.providers:body("demo", "server"))
    local read = body.read
    body.read = function(x, id)
      return x.address == "server.web[2]" and { id = id, incomplete = "half of it is lost" } or read(x, id)
    end
    local plan = assert(project:plan())
    assert.same({ "delete server.web[2]", "create server.web[2]" }, { plan.steps[1].id, plan.steps[2].id })
    assert.equal("half of it is lost", plan.steps[2].reason)
    assert.equal(3, assert(project:plan({ destroy = true })).counts.delete)
    body.read = read
  end))

  it("deletes dependents first", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    spec.edit(c, "infra.yaml", "defaults: { provider: demo }\n")
    local _, plan = spec.plan(c)
    for _, step in ipairs(plan.steps) do
      if step.id == "delete network.lan" then
        assert.same({ "delete server.web[1]", "delete server.web[2]" }, step.needs)
      else
        assert.same({}, step.needs)
      end
    end
    assert.equal(3, spec.apply(c).done)
    assert.same({}, (spec.plan(c)))
  end))

  it("scales down by exactly one", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    spec.edit(c, "infra.yaml", (BASE:gsub("count: 2", "count: 1")))
    assert.same({ "delete server.web[2]" }, (spec.plan(c)))
  end))

  it("rebuilds what --replace names, and refuses what is not there", test(function()
    local c = ctx(BASE)
    spec.apply(c)
    local ids = spec.plan(c, { replace = { "server.web[1]" } })
    assert.same({ "delete server.web[1]", "create server.web[1]" }, ids)
    local ok, e = pcall(spec.plan, c, { replace = { "server.nope" } })
    assert.is_false(ok)
    assert.equal("notfound", e.code)
  end))

  it("reports a cycle with its path and where it is", test(function()
    local ok, e = pcall(spec.plan, ctx([[
defaults: { provider: demo }
items:
  a: { value: "${item.b.id}" }
  b: { value: "${item.a.id}" }
]]))
    assert.is_false(ok)
    assert.equal("cycle", e.code)
    assert.matches("item%.a%.value %(infra%.yaml:3%) %-> item%.b%.value %(line 4%) %-> item%.a", e.msg)
    assert.matches("infra%.yaml$", e.file)
  end))

  it("refuses to destroy what is protected", test(function()
    local c = ctx([[
defaults: { provider: demo }
networks: { lan: { cidr: 10.1.0.0/24, lifecycle: { prevent_destroy: true } } }
]])
    spec.apply(c)
    spec.edit(c, "infra.yaml", [[
defaults: { provider: demo }
networks: { lan: { cidr: 10.3.0.0/24, lifecycle: { prevent_destroy: true } } }
]])
    local ok, e = pcall(spec.plan, c)
    assert.is_false(ok)
    assert.equal("denied", e.code)
  end))

  it("saves a plan that applies exactly, and refuses a stale or changed one", test(function()
    local c = ctx(BASE)
    local file = require("prov.plan.file")
    local project = require("prov.project")
    local path = c.dir .. "/first.plan"
    do
      local p <close> = assert(project.open(c))
      assert(file.save(p.workspace, assert(p:plan()), path))
    end
    assert.equal(3, spec.apply(c, { file = path }).done)
    assert.same({}, (spec.plan(c)))
    local ok, e = pcall(spec.apply, c, { file = path })
    assert.is_false(ok)
    assert.equal("conflict", e.code)
    local f = assert(io.open(path))
    local text = f:read("a")
    f:close()
    local first = text:match('"hash": "(%x)')
    spec.edit(c, "first.plan", (text:gsub('"hash": "%x', '"hash": "' .. (first == "0" and "1" or "0"))))
    ok, e = pcall(spec.apply, c, { file = path })
    assert.is_false(ok)
    assert.equal("corrupt", e.code)
  end))
end)
