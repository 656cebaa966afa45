local tmp = require("support.tmp")

describe("docs/guides/host-ops.md", function()
  it("is what the declarations of the ops say", function()
    local page = require("prov.host.guide").page()
    local path = os.getenv("PROV_ROOT") .. "/docs/guides/host-ops.md"
    if os.getenv("PROV_UPDATE") then
      local file = assert(io.open(path, "wb"))
      file:write(page)
      file:close()
    end
    assert.is_true(tmp.read(path) == page, "stale: run this test with PROV_UPDATE=1")
  end)
end)
