--- docs/EXTENDING.md is run: what it shows is what works.

local fs = require("prov.fs")
local spec = require("support.project")
local test = require("support.async").test
local tmp = require("support.tmp")

local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/")
local files = require("support.doc_blocks").read(root .. "/docs/EXTENDING.md")

describe("docs/EXTENDING.md", function()
  it("shows a provider that creates, updates, finds drift and destroys", test(function()
    local dir = tmp.dir()
    local function infra(text)
      return (text:gsub("@DIR@", dir))
    end
    local c = spec.ctx({
      ["extensions/providers/notes/provider.lua"] = files["extensions/providers/notes/provider.lua"],
      ["extensions/providers/notes/note.lua"] = files["extensions/providers/notes/note.lua"],
      ["infra.yaml"] = infra(files["infra.yaml"]),
    })
    local result = assert(spec.apply(c))
    assert.same({ "done", 2 }, { result.status, result.done })
    spec.edit(c, "workflows/write-notes.yaml", files["workflows/write-notes.yaml"])
    local flow = assert(require("prov.workflow").run(c, { name = "write-notes" }))
    assert.same({ "done", result.outputs.where }, { flow.status, flow.outputs.where })
    assert.equal(2, #assert(fs.list(dir)))
    assert.matches("^" .. dir:gsub("%p", "%%%0") .. "/%x+%.md$", result.outputs.where)
    assert.same({}, (spec.plan(c)))

    spec.edit(c, "infra.yaml", infra((files["infra.yaml"]:gsub("text: hello", "text: goodbye"))))
    local ids, plan = spec.plan(c)
    assert.same({ "update note.first" }, ids)
    assert.equal("text", plan.steps[1].changes[1].path)
    assert(spec.apply(c))

    spec.edit(c, "infra.yaml", infra((files["infra.yaml"]:gsub("text: hello", "text: goodbye, format: md"))))
    assert.matches("format cannot change in place", select(2, spec.plan(c)).steps[2].reason)

    assert(spec.apply(c, { destroy = true }))
    assert.equal(0, #assert(fs.list(dir)))
  end))

  it("shows a taskserv and a cluster that load and expand", test(function()
    local c = spec.ctx({
      ["extensions/taskservs/web/greeter/taskserv.lua"] = files["extensions/taskservs/web/greeter/taskserv.lua"],
      ["extensions/clusters/greeters/cluster.lua"] = files["extensions/clusters/greeters/cluster.lua"],
      ["infra.yaml"] = "defaults: { provider: demo }\nclusters:\n  hello: { template: greeters, count: 3 }\n",
    })
    local project <close> = assert(require("prov.project").open(c))
    assert.equal(4, #project.infra.resources)
    assert.equal(3, #project.infra.taskservs)
    local declaration = assert(c.registry:get("taskserv", "greeter"))
    local host = require("prov.host")
    local ops = declaration.recipe(host.op, { text = "x", port = 7000 }, {})
    assert.truthy(host.compile(ops, { mode = "check" }))
  end))
end)

describe("docs/guides/infra.md", function()
  it("shows infras that are valid", test(function()
    local page = assert(fs.read(root .. "/docs/guides/infra.md"))
    local module = require("support.doc_blocks").read(root .. "/docs/guides/infra.md")["modules/tier/module.yaml"]
    local n = 0
    for form, text in page:gmatch("```(%l+)\n(.-)```") do
      local c = spec.ctx({ ["infra." .. form] = text, ["modules/tier/module.yaml"] = module })
      local project <close> = assert(require("prov.project").open(c))
      if text:find("taskservs", 1, true) then
        assert.is_true(#project.infra.resources == 4 and #project.infra.taskservs == 3, form)
      end
      n = n + 1
    end
    assert.equal(5, n)
  end))
end)
