--- What is said to do about a text that is no YAML, JSON or Lua.

local json = require("prov.json")
local sandbox = require("prov.sandbox")
local yaml = require("prov.yaml")

local function hint(read, text)
  local v, e = read(text)
  assert.is_nil(v)
  return e.hint
end

describe("the hint of a mistake", function()
  it("in YAML names what most often leads to it", function()
    for text, wanted in pairs({
      ["a:\n\tb: 1\n"] = "indent with spaces: YAML takes no tabs there",
      ["a: @x\n"] = "a text that begins with @ needs quotes",
      ["web: { network: ${network.lan} }\n"] = 'inside of { } and [ ] a text with ${...} needs quotes: "${...}"',
      ["a: [${x}, '${y}']\n"] = 'inside of { } and [ ] a text with ${...} needs quotes: "${...}"',
      ["a: { b: '${x}'\nc: 2\n"] = "is a ',' or a closing bracket missing?",
      ["servers:\n  web # a server\n    plan: x\n"] = "is a ':' missing at the end of line 2?",
      ["a: x: y\n"] = "a text with ': ' in it needs quotes",
      ["a: b\n  c: d\n"] = "is the line indented as those above it?",
      ["a:\n  b: 1\n c: 2\n"] = "is the line indented as those above it? What belongs together begins in one column",
      ["a:\n  - 1\n  2\n"] = "is a ':' or a '-' missing on line 3?",
      ['a: "x\n'] = "a quote is not closed",
    }) do
      assert.equal(wanted, hint(yaml.decode, text), text)
    end
    assert.is_nil(hint(yaml.decode, "a: 1\na: 2\n"))
  end)

  it("in JSON names what people write that it has not", function()
    for text, wanted in pairs({
      ['{"a": 1,}'] = "no comma stands behind the last member",
      ["[1, 2,]"] = "no comma stands behind the last item",
      ["{\n// x\n}"] = "JSON has no comments",
      ["{'a': 1}"] = "texts stand in double quotes",
      ["{a: 1}"] = "names of members stand in double quotes",
      ["[yes]"] = "texts stand in double quotes",
      ['{"a": 1 "b": 2}'] = "is a comma missing before it?",
      ["[1 2]"] = "is a comma missing before it?",
      ['{"a": 1'] = "a bracket is not closed",
    }) do
      assert.equal(wanted, hint(json.decode, text), text)
      assert.equal(wanted, hint(json.decode_placed, text), text)
    end
  end)

  it("in Lua names the comma or bracket that is missing", function()
    local function read(text)
      return sandbox.run(text, "infra.lua", sandbox.env())
    end
    assert.equal("is a ',' missing before servers?", hint(read, "return {\n  a = 1\n  servers = {},\n}"))
    assert.equal("a '{' is not closed", hint(read, "return { a = 1"))
    assert.is_nil(hint(read, "return { a = }"))
  end)
end)
