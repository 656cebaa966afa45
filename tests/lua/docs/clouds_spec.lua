--- The infra on the pages of the clouds is valid, without a warning.

local fs = require("prov.fs")
local project = require("support.project")
local test = require("support.async").test

local guides = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/docs/") .. "/docs/guides/"

describe("the page of a cloud", function()
  for _, cloud in ipairs({ "hetzner", "upcloud", "aws" }) do
    it("has an infra that is valid: " .. cloud, test(function()
      local page = assert(fs.read(guides .. cloud .. ".md"))
      local ctx = project.ctx({ ["infra.yaml"] = assert(page:match("```yaml\n(.-)```")) })
      local found = {}
      for _, one in ipairs(assert(require("prov.validate").run(ctx, {})).findings) do
        found[#found + 1] = one.severity ~= "note" and ("%s: %s"):format(one.address, one.message) or nil
      end
      assert.same({}, found)
      assert.truthy(page:find("Set up in five lines", 1, true) and page:find("## What is not proven", 1, true))
      assert.truthy(page:find("../reference/providers.md#" .. cloud, 1, true))
    end))
  end
end)
