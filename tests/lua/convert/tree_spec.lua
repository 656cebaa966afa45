local formats = require("prov.formats")
local json = require("prov.json")
local tree = require("prov.convert.tree")
local value = require("prov.value")

local TEXTS = { "", "a", "yes", "null", "1", "1.5", "-x", "a: b", "a #b", "#a", "'q'", '"q"', "a\nb", "a\nb\n", " a",
  "a ",
  "\ta", "é", "a\r\nb", "${a}", "${{ a = 1 }}", "{a}", "[a]", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "?", "a:",
  "10.0.0.0/16", "20 GiB", "0x1f", "1e3", "2024-01-01", "a\n\nb\n\n", "a \nb\n", "~", "\u{85}", "\0", "\x7f", "=", "<<",
  "]]", "a]", "\\", "${file(\"x\")}" }

describe("trees of a conversion", function()
  it("are read as they were written, in every form", function()
    local map = tree.map()
    local list = map:set("list", tree.list())
    for i, text in ipairs(TEXTS) do
      list[i] = text
      map:at("by_name"):set("k" .. i, text)
      if text ~= "\0" then -- a key that JSON cannot have
        map:at("keys"):set(text, i)
      end
    end
    map:set("empty", tree.map())
    map:set("none", tree.list())
    map:set("numbers", tree.list({ 1, -2, 1.5, 1e300, true, false }))
    local inner = tree.map()
    inner:set("a", tree.list({ tree.list({ 1 }), tree.map() }))
    inner:comment("a", "above\nit")
    map:set("deep", tree.list({ inner, tree.list() }))
    map:comment("deep", "a comment")
    map:comment(nil, "the end")
    local want = json.encode(tree.plain(map), { sorted = true })
    for _, form in ipairs({ "yaml", "json", "toml" }) do
      local text = assert(tree.encode(map, form))
      local v, e = formats.get(form):decode(text, { file = form })
      assert(v ~= nil, tostring(e))
      assert.are.equal(want, json.encode(v, { sorted = true }), form)
    end
    local chunk = assert(load(assert(tree.encode(map, "lua")), "=lua", "t", { null = value.null }))
    assert.are.equal((want:gsub("%[%]", "{}")), (json.encode(chunk(), { sorted = true }):gsub("%[%]", "{}")))
  end)

  it("keep their order and comments", function()
    local map = tree.map()
    map:at("b"):set("x", 1)
    map:at("b"):comment("x", "what\n\nx is")
    map:at("b"):comment(nil, "behind")
    map:at("a"):set("z", tree.list({ "p", "q" }))
    assert.are.equal("b:\n  # what\n  #\n  # x is\n  x: 1\n  # behind\na:\n  z:\n    - p\n    - q\n",
      tree.encode(map, "yaml"))
    assert.are.equal("return {\n  b = {\n    -- what\n    --\n    -- x is\n    x = 1,\n    -- behind\n  },\n"
      .. "  a = {\n    z = {\n"
      .. '      "p",\n      "q",\n    },\n  },\n}\n', tree.encode(map, "lua"))
    assert.is_truthy(tree.encode(map, "toml"):find("^# b%.x: what\n"))
    map:set("n", value.null)
    assert.is_truthy(tree.encode(map, "toml"):find("# n was null, which TOML has not", 1, true))
  end)
end)
