--- docs/guides/workflows.md is run: what it shows is what works.

local fs = require("prov.fs")
local load_of = require("prov.workflow.load")
local spec = require("support.project")
local test = require("support.async").test
local workflow = require("prov.workflow")

local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/")
local page = root .. "/docs/guides/workflows.md"
local files = require("support.doc_blocks").read(page)

local INFRA = "defaults: { provider: demo }\nservers: { web: {} }\noutputs: { web: \"${server.web.ip}\", url: "
  .. "\"http://${server.web.ip}/\" }\n"

local function ctx()
  local text = files["workflows/release.yaml"]
  return spec.ctx({
    ["workflows/release.yaml"] = (text:gsub("url: https[^\n]*", "url: \"\"")),
    ["workflows/front.lua"] = files["workflows/front.lua"],
    ["infra.yaml"] = "items: {}\n",
    ["east/prov.yaml"] = "name: east\n", ["east/infra.yaml"] = INFRA,
    ["west/prov.yaml"] = "name: west\n", ["west/infra.yaml"] = INFRA,
    ["front/prov.yaml"] = "name: front\n", ["front/infra.yaml"] = INFRA,
  })
end

describe("docs/guides/workflows.md", function()
  it("shows workflows that run, ask and end", test(function()
    local c = ctx()
    assert.equal(2, #assert(workflow.validate(c, {})))
    local v = assert(workflow.run(c, { name = "release", detach = true }))
    assert.equal("waiting", v.status)
    assert(workflow.approve(c, { id = "last", step = "agree" }))
    v = assert(workflow.resume(c, { id = "last" }))
    assert.equal("done", v.status)
    assert.matches("^http://10%.", v.outputs.url)
    assert.equal("skipped", assert(workflow.run(c, { name = "release",
      input = { careful = "false" } })).steps[5].status)
  end))

  it("names every field and status there is", test(function()
    local text = assert(fs.read(page))
    local function named(fields)
      for name in pairs(fields) do
        assert.is_truthy(text:find("`" .. name, 1, true) or text:find("[`, ]" .. name .. "[`,]"), name)
      end
    end
    named(load_of.SCHEMA)
    local step = load_of.SCHEMA.steps.of.fields
    for name in pairs(step) do
      if name ~= "doc" then
        named({ [name] = true })
      end
    end
    named(step.compensate.fields)
    for _, event in ipairs(load_of.EVENTS) do
      assert.is_truthy(text:find("[` ]" .. event .. "[` ]"), event)
    end
  end))
end)

describe("a new workflow", function()
  it("works as it is", test(function()
    local c = spec.ctx({ ["infra.yaml"] = INFRA })
    assert(require("prov.extensions").new(c.dir, "workflow", "fresh"))
    assert.equal("ok", assert(require("prov.extensions").check(c.registry, "workflow", "fresh")).status)
    assert.equal("done", assert(workflow.run(c, { name = "fresh" })).status)
    local _, e = require("prov.extensions").new(c.dir, "workflow", "fresh")
    assert.equal("exists", e.code)
    spec.edit(c, "workflows/bad.yaml", "summary: x\nsteps: [{ name: a, run: plam }]\n")
    c = spec.reopen(c.dir)
    _, e = require("prov.extensions").check(c.registry, "workflow", "bad")
    assert.matches("bad.yaml:2:%d+: .*there is no operation 'plam'", tostring(e))
  end))
end)
