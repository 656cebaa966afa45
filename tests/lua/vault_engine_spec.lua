local engines = require("prov.vault.engine")
local vault = require("support.vault")

local FIELDS = {
  ttl = { type = "seconds", default = 60, doc = "How long" },
  kind = { type = "string", one_of = { "a", "b" }, doc = "Which" },
  names = { type = "list", doc = "Who" },
  words = { type = "texts", doc = "Which ones" },
  on = { type = "bool", default = false, doc = "Whether" },
  count = { type = "int", doc = "How many" },
  plain = { type = "bytes", doc = "What" },
}

describe("vault engine", function()
  it("reads what clients send into the types of the fields", function()
    for given, want in pairs({ [90] = 90, ["90"] = 90, ["1h30m"] = 5400, ["2d"] = 172800 }) do
      assert.equal(want, engines.read_fields(FIELDS, { ttl = given }).ttl)
    end
    local out = engines.read_fields(FIELDS, {
      kind = "b", names = "x, y", on = "true", count = "12", plain = "aGVq", more = 1,
    })
    assert.same({ ttl = 60, kind = "b", names = { "x", "y" }, on = true, count = 12, plain = "hej" }, out)
  end)

  it("says what is wrong with a field", function()
    for text, given in pairs({
      ["'ttl' must be seconds, or a duration such as 1h30m"] = { ttl = "1hx" },
      ["'kind' must be one of a, b"] = { kind = "c" },
      ["'count' must be a whole number"] = { count = "1.5" },
      ["'plain' must be base64"] = { plain = "?" },
      ["'words' must be a list of texts"] = { words = { "a", {} } },
      ["'on' must be true or false"] = { on = "perhaps" },
    }) do
      local out, e = engines.read_fields(FIELDS, given)
      assert.is_nil(out)
      assert.equal("usage", e.code)
      assert.equal(text, e.msg)
    end
    local _, e = engines.read_fields({ name = { type = "string", required = true, doc = "Who it is" } }, {})
    assert.equal("'name' is missing: Who it is", e.msg)
  end)

  it("finds paths, rests of paths and what can be done there", function()
    local seen
    local function note(_, req)
      seen = req
      return { data = {} }
    end
    local m = vault.mount({
      name = "test",
      summary = "",
      paths = {
        { path = "data/{path...}", doc = "", read = note, update = note },
        { path = "data/{path}/undo", doc = "", update = note },
        { path = "data", doc = "", list = note },
      },
    })
    assert(m:read("data/a/b%20c/d"))
    assert.same({ path = "a/b c/d" }, seen.params)
    assert(m:update("data/a/undo", { x = 1 }))
    assert.same({ path = "a" }, seen.params)
    assert.same({ x = 1 }, seen.given)
    assert(m:list("data/"))
    local out, e = m:delete("data/a")
    assert.is_nil(out)
    assert.equal("unsupported", e.code)
    assert.equal("delete cannot be done with 'data/a', only read, update", e.msg)
    out, e = m:read("nothing")
    assert.is_nil(out)
    assert.equal("notfound", e.code)
  end)
end)
