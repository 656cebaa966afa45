local async = require("prov.async")
local pg = require("prov.pg")

-- async.run gives back what fails in it.
local function task(fn)
  assert(async.run(function()
    fn()
    return true
  end))
end

describe("pg", function()
  it("quotes names and texts", function()
    assert.equal('"a""; DROP ROLE x"', pg.quote_name('a"; DROP ROLE x'))
    assert.equal([[ E'it''s \\ here']], pg.quote_text([[it's \ here]]))
  end)

  it("says which server it cannot reach, without the password", function()
    task(function()
      local ok, e = pg.exec({ url = "host=127.0.0.1 port=1", password = "canary" }, { "SELECT 1" })
      assert.is_nil(ok)
      assert.equal("unavailable", e.code)
      assert.is_nil(e:text():find("canary", 1, true))
    end)
  end)
end)
