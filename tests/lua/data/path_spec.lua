local formats = require("prov.formats")
local path = require("prov.path")

describe("path", function()
  it("reads what it writes", function()
    for text, want in pairs({
      [""] = {}, ["a"] = { "a" }, ["a.b[2].c"] = { "a", "b", 2, "c" }, ["[1][2]"] = { 1, 2 },
      ["a-b.c_d.9"] = { "a-b", "c_d", "9" },
      ['a["x.y"].b'] = { "a", "x.y", "b" }, ['["a \\"b\\" [1]"]'] = { 'a "b" [1]' },
      ["a[-1]"] = { "a", -1 }, ["größe"] = { "größe" },
      ['[""]'] = { "" },
    }) do
      assert.are.same(want, path.parse(text))
      assert.are.equal(text, path.format(want))
    end
    assert.are.same({}, path.parse("."))
    assert.are.same({ "a", "b" }, path.parse(".a.b"))
    assert.are.same({ "x y", "a.b", 1 }, path.parse('."x y"."a.b"[1]'))
    assert.are.same({ "x y" }, path.parse('.["x y"]'))
    assert.are.same({ "a", path.APPEND }, path.parse("a[+]"))
  end)

  it("says what is wrong", function()
    for text, part in pairs({
      ["a..b"] = "character 3: a name is missing",
      ["a b"] = "character 2: '.' or '[' is missing",
      ["a["] = "character 2: brackets hold",
      ["a[x]"] = "character 2: brackets hold",
      ["a[0]"] = "character 2: items of a list count from 1",
      ['a["b'] = "character 2: brackets",
      ['a."b'] = "character 3: a name is missing",
      ["a."] = "character 3: a name",
      ["a$"] = "character 2",
      ["a[1"] = "character 2",
    }) do
      local v, e = path.parse(text)
      assert.is_nil(v, text)
      assert.are.equal("usage", e.code)
      assert.truthy(e.msg:find(part, 1, true), e.msg)
    end
  end)

  it("follows a value", function()
    local v = { a = { { b = 1 }, { b = 2 } }, ["1"] = "one" }
    assert.are.same({ "a", 2, "b" }, path.resolve(v, { "a", -1, "b" }))
    assert.are.same({ "a", 3 }, path.resolve(v, { "a", path.APPEND }))
    assert.are.same({ "1" }, path.resolve(v, { 1 }))
    assert.are.same({ "new", 1 }, path.resolve(v, { "new", path.APPEND }))
    assert.are.equal(2, path.get(v, { "a", 2, "b" }))
    assert.is_nil(path.get(v, { "a", 2, "b", "c" }))
  end)
end)

describe("formats", function()
  it("are found by name, ending and file", function()
    assert.are.equal("yaml", formats.get("yml").name)
    assert.are.equal("yaml", formats.of_file("x/y.yaml").name)
    assert.are.equal("dotenv", formats.of_file("x/.env.local").name)
    assert.are.equal("dotenv", formats.of_file("prod.env").name)
    assert.is_nil(formats.of_file("x/yaml"))
    assert.is_nil(formats.of_file("x.txt"))
    local none, e = formats.get("jsn")
    assert.is_nil(none)
    assert.are.equal("usage", e.code)
  end)

  it("all give places, and text that ends in a line break", function()
    for _, name in ipairs(formats.names()) do
      local format = formats.get(name)
      local text = assert(format:encode(name == "xml" and { a = { b = "c" } } or { a = "b" }))
      assert.are.equal("\n", text:sub(-1))
      local v, at = format:decode(text, { file = "x" })
      assert.are.equal(name == "xml" and "c" or "b", name == "xml" and v.a.b or v.a)
      assert.are.equal("function", type(at))
      local bad, e = format:decode("\0", { file = "x" })
      assert.is_nil(bad, name)
      assert.truthy(tostring(e):find("^x:1:1: "), tostring(e))
    end
  end)
end)
