local data = require("core.data")
local json = require("prov.json")
local toml = require("prov.toml")
local value = require("prov.value")
local yaml = require("prov.yaml")

describe("toml", function()
  it("reads values as what they are", function()
    local v = toml.decode("a = 1\nb = 1.0\nc = true\nd = 'x'\ne = []\nf = {}\ng = inf\nh = 0xff\n")
    assert.are.equal("integer", math.type(v.a))
    assert.are.equal("float", math.type(v.b))
    assert.is_true(v.c)
    assert.are.equal("x", v.d)
    assert.are.equal(data.list_mt, getmetatable(v.e))
    assert.is_nil(getmetatable(v.f))
    assert.are.equal(math.huge, v.g)
    assert.are.equal(255, v.h)
    assert.are.same({}, (toml.decode("")))
  end)

  it("keeps places", function()
    local text = "[servers.web]\ncount = 1\n\n[[servers.web.disks]]\nsize = 1\n[[servers.web.disks]]\n  size = 2\n"
    local _, at = toml.decode(text)
    assert.are.same({ 7, 3 }, { at({ "servers", "web", "disks", 2, "size" }) })
    assert.are.same({ 6, 15 }, { at({ "servers", "web", "disks", 2 }) })
    assert.are.same({ 1, 10 }, { at({ "servers", "web", "nothing", "below" }) })
    assert.are.same({ 1, 1 }, { at({}) })
  end)

  it("puts file, line and column into errors", function()
    local v, e = toml.decode("a = 1\nb = debian\n", { file = "infra.toml" })
    assert.is_nil(v)
    assert.are.equal("invalid", e.code)
    assert.are.equal("infra.toml:2:5: not valid TOML: 'debian' is no value: text needs quotes", tostring(e))
    assert.are.equal("limit", select(2, toml.decode("a = 1", { max = 3 })).code)
    assert.truthy(toml.decode("a = {\n b = 1,\n}\n", { version = "1.1" }))
    assert.is_nil((toml.decode("a = {\n b = 1,\n}\n")))
  end)

  it("marks dates and times, and gives their text on demand", function()
    local text = "a = 1979-05-27 07:32:00z\nb = 07:32:00\nc = '07:32:00'\n"
    local v = toml.decode(text)
    assert.is_true(value.is_time(v.a))
    assert.are.equal("time", data.kind(v.a))
    assert.are.equal("time", value.marked(v.a))
    assert.is_false(value.is_list(v.a))
    assert.are.equal("1979-05-27T07:32:00Z", tostring(v.a))
    assert.are.equal("at 07:32:00", "at " .. v.b)
    assert.are.equal(toml.time("07:32:00"), v.b)
    assert.are_not.equal(v.a, v.b)
    assert.is_false(value.is_time(v.c))
    assert.is_false(value.has_unknown(v) or value.has_secret(v))
    local plain = { a = "1979-05-27T07:32:00Z", b = "07:32:00", c = "07:32:00" }
    assert.are.same(plain, (toml.decode(text, { plain = true })))
    assert.are.equal('a = 1979-05-27T07:32:00Z\nb = 07:32:00\nc = "07:32:00"\n', toml.encode(v))
    assert.is_nil(toml.time("1979-02-30"))
    assert.is_nil(toml.encode({ a = setmetatable({ "1979-02-30" }, data.time_mt) }))
  end)

  it("gives dates as text to JSON, YAML and the canonical encoding", function()
    local v = toml.decode("a = 1979-05-27\n")
    assert.are.equal('{"a":"1979-05-27"}', json.encode(v))
    assert.are.equal('a: "1979-05-27"\n', yaml.encode(v))
    assert.are.equal(data.encode({ a = "1979-05-27" }), data.encode(v))
  end)

  it("writes sections, and long lists an item a line", function()
    local v = {
      name = "shop",
      servers = { web = { disks = { { size = 1 }, { size = 2 } }, ports = { 80, 443 } } },
      text = "a\nb\n",
      regex = [[^\d+$]],
      hosts = { ("a"):rep(40), ("b"):rep(40), ("c"):rep(40) },
    }
    local text = assert(toml.encode(v))
    assert.are.equal(([=[
hosts = [
  "%s",
  "%s",
  "%s",
]
name = "shop"
regex = '^\d+$'
text = """
a
b
"""

[servers.web]
ports = [80, 443]

[[servers.web.disks]]
size = 1

[[servers.web.disks]]
size = 2
]=]):format(table.unpack(v.hosts)), text)
    assert.are.equal(text, toml.encode((toml.decode(text))))
  end)

  it("refuses what TOML cannot hold", function()
    local function refused(v)
      return select(2, toml.encode(v)).msg
    end
    assert.are.equal("cannot write as TOML: a.b[2] is null, which TOML has not; leave it out",
      refused({ a = { b = { 1, value.null } } }))
    assert.truthy(refused({ 1 }):find("a document is a map", 1, true))
    assert.truthy(refused({ a = print }):find("a function cannot be written", 1, true))
    assert.truthy(refused({ a = "\xff" }):find("is not valid UTF-8", 1, true))
    assert.are.equal("cannot write as TOML: a.(a key that is not UTF-8) is not valid UTF-8",
      refused({ a = { ["\xff"] = 1 } }))
    local deep = {}
    for _ = 1, 200 do
      deep = { a = deep }
    end
    assert.truthy(refused(deep):find("nested too deep", 1, true))
  end)

  it("shows marked values as text, secrets hidden", function()
    assert.are.equal('a = "(secret)"\nb = "${server.web.ip}"\n',
      toml.encode({ a = value.secret("x"), b = value.ref("server.web", { "ip" }) }))
  end)

  it("writes keys and single values", function()
    assert.are.equal("a-b_1", toml.encode_key("a-b_1"))
    assert.are.equal('"a b"', toml.encode_key("a b"))
    assert.are.equal('""', toml.encode_key(""))
    assert.are.equal('[1, { a = "x\\ny" }]', toml.encode_value({ 1, { a = "x\ny" } }))
    assert.are.equal("false", toml.encode_value(false))
  end)

  it("turns values into tagged ones and back", function()
    local v = toml.decode("i = 1\nf = 1.0\nb = true\ns = ''\nl = [1979-05-27]\nt = { type = 'x', value = 1 }\n")
    local tagged = toml.tagged(v)
    assert.are.same({ type = "integer", value = "1" }, tagged.i)
    assert.are.same({ type = "float", value = "1.0" }, tagged.f)
    assert.are.same({ type = "bool", value = "true" }, tagged.b)
    assert.are.same({ type = "string", value = "" }, tagged.s)
    assert.are.same({ type = "date-local", value = "1979-05-27" }, tagged.l[1])
    assert.are.equal(toml.encode(v), toml.encode(toml.untagged(tagged)))
    for _, bad in ipairs({
      { type = "integer", value = "x" },
      { type = "integer", value = "1.5" },
      { type = "float", value = "'1'" },
      { type = "bool", value = "yes" },
      { type = "datetime", value = "1979-05-27" },
      { type = "what", value = "1" },
      { a = 1 },
    }) do
      local out, e = toml.untagged({ v = bad })
      assert.is_nil(out)
      assert.are.equal("invalid", e.code)
    end
  end)

  it("survives any text", function()
    local source = 'a = [1, {b.c = "x\\u00e9"}]\n[t."u v"]\nd = 1979-05-27T07:32:00Z\n[[l]]\ns = """\nx\\\n y"""\n'
    math.randomseed(7)
    for _ = 1, 3000 do
      local at, n = math.random(#source), math.random(0, 4)
      local text = source:sub(1, at) .. string.char(math.random(0, 255)):rep(math.random(0, 2)) .. source:sub(at + n)
      local v, e = toml.decode(text)
      if v then
        assert.are.equal(toml.encode(v), toml.encode((toml.decode((toml.encode(v))))))
      else
        assert.is_true(e.line >= 1 and e.column >= 1)
        assert.is_nil(e.msg:find("\n", 1, true))
      end
    end
  end)

  it("calls a carriage return by its name", function()
    local _, e = toml.decode("a = 1\rb = 2\n")
    assert.truthy(e.msg:find("expected the end of the line, found the control character 0x0d", 1, true), e.msg)
  end)
end)
