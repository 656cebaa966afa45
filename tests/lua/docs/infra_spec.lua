--- docs/guides/infra.md is run: what it shows is what works.

local spec = require("support.project")
local test = require("support.async").test

local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/")
local page = root .. "/docs/guides/infra.md"
local files = require("support.doc_blocks").read(page)

describe("docs/guides/infra.md", function()
  it("shows an infra with everything that plans and applies", test(function()
    local c = spec.ctx(files)
    local ids = spec.plan(c)
    assert.equal(6, #ids)
    local result = spec.apply(c)
    assert.equal("done", result.status)
    assert.matches("^# EXAMPLE%.ORG\nserver 10%.[%d.]+:80 weight=2;\n$", result.outputs.proxy or
      assert(require("prov.project").open(spec.reopen(c.dir))).state.records["item.proxy"]:state().value)
    assert.equal("failed", result.checks[1].status)
    assert.same({}, (spec.plan(c)))
  end))

  it("is written as prov fmt writes it, and so is the tutorial", function()
    local fmt, seen = require("prov.fmt"), 0
    for _, name in ipairs({ "infra.md", "three-tiers.md" }) do
      local text = assert(require("prov.fs").read(root .. "/docs/guides/" .. name))
      for form, block in text:gmatch("```(%l+)[^\n]*\n(.-)```") do
        if fmt.of_file("x." .. form) then
          seen = seen + 1
          assert.equal(assert(fmt.text(form, block)), block)
        end
      end
    end
    assert.is_true(seen >= 10, seen)
  end)

  it("names every reserved part and every function", function()
    local merge = require("prov.infra.merge")
    local text = assert(require("prov.fs").read(page))
    for _, list in ipairs({ merge.RESERVED, merge.LISTS }) do
      for name in pairs(list) do
        assert.is_truthy(text:find("`" .. name .. "`", 1, true), name)
      end
    end
  end)
end)
