local data = require("core.data")
local value = require("prov.value")

describe("value", function()
  local ref = value.ref("server.web", { "ip" })

  it("grows references by indexing and never changes them", function()
    local more = ref.list[2]
    local address, path = value.parts(more)
    assert.are.equal("server.web", address)
    assert.are.same({ "ip", "list", 2 }, path)
    assert.are.equal("${server.web.ip}", tostring(ref))
    assert.are.equal("${server.web.ip.list[2]}", tostring(more))
    assert.has_error(function()
      ref.x = 1
    end)
  end)

  it("has fields called address and path like any other", function()
    assert.are.equal("${server.web.address.path}", tostring(value.ref("server.web").address.path))
  end)

  it("joins references into texts", function()
    local text = "http://" .. ref .. ":80/" .. value.ref("server.db", { "port" })
    assert.is_true(value.is_text(text))
    assert.are.equal("http://${server.web.ip}:80/${server.db.port}", tostring(text))
    assert.are.equal("plain", value.text({ "pl", "ain" }))
    assert.are.equal("a $${b} ${server.web.ip}", tostring(value.text({ "a ${b} ", ref })))
  end)

  it("calculates with what is not known when it is known", function()
    local later = (ref.n + 1) * 2 - 3 // ref.n
    assert.are.equal("${((server.web.ip.n + 1) * 2) - (3 // server.web.ip.n)}", tostring(later))
    assert.are.same({ ["server.web"] = true }, value.references(later))
    assert.are.equal(10, value.resolve(later, function()
      return 4
    end))
    local unknown = value.resolve(later, function()
      return value.unknown("any", { "server.web" })
    end)
    assert.is_true(value.is_unknown(unknown))
    assert.are.equal("server.web", unknown.origins[1])
    assert.is_true(value.is_secret(value.resolve(later, function()
      return value.secret(4)
    end)))
    local _, e = value.resolve(later, function()
      return "four"
    end)
    assert.matches('"four" + 1 cannot be calculated', tostring(e), 1, true)
    assert.are.equal(later, assert(data.decode(data.encode(later))) and later)
    assert.are.equal(data.encode(later), data.encode(assert(data.decode(data.encode(later)))))
    local parts = require("prov.expr.functions").lua().split(ref, ".")
    assert.equal("10/1", value.resolve(parts[1] .. "/" .. parts[4], function()
      return "10.0.0.1"
    end))
    assert.has_error(function()
      return #ref
    end)
    assert.has_error(function()
      return ref < 3
    end)
  end)

  it("never prints a secret", function()
    local secret = value.secret("hunter2")
    assert.are.equal("(secret)", tostring(secret))
    assert.is_nil(data.json_encode({ a = secret }):find("hunter2", 1, true))
    assert.is_nil(data.yaml_encode({ a = secret }):find("hunter2", 1, true))
    assert.are.equal("hunter2", value.reveal({ a = { secret } }).a[1])
    assert.are.equal(secret, value.secret(secret))
  end)

  it("finds what a value refers to", function()
    local v = { a = { ref, "x" .. value.ref("server.db") }, b = value.secret(value.ref("key.k")), c = 1 }
    assert.are.same({ ["server.web"] = true, ["server.db"] = true, ["key.k"] = true }, value.references(v))
    assert.is_true(value.has_reference(v))
    assert.is_true(value.has_secret(v))
    assert.is_false(value.has_reference({ 1, { 2 } }))
    assert.is_true(value.has_unknown({ value.unknown("any") }))
  end)

  describe("resolve", function()
    local function lookup(address, path)
      local known = {
        ["server.web"] = { ip = "10.0.0.1", list = data.list({ "a", "b" }), pw = value.secret("s3") },
        ["server.new"] = value.unknown("any", { "server.new" }),
      }
      local v = known[address]
      if value.is_unknown(v) then
        return v
      end
      return v and v[path[1]]
    end

    it("puts values in place and shares what has none", function()
      local inner = { 1, 2 }
      local v = { a = ref, keep = inner, t = "http://" .. ref .. "/" }
      local out = value.resolve(v, lookup)
      assert.are.same({ a = "10.0.0.1", keep = { 1, 2 }, t = "http://10.0.0.1/" }, out)
      assert.are.equal(inner, out.keep)
      assert.are.equal(v.a, ref)
      assert.are.equal(inner, value.resolve(inner, lookup))
    end)

    it("makes texts unknown, secret or lists joined with commas", function()
      local unknown = value.resolve("x" .. value.ref("server.new", { "ip" }), lookup)
      assert.is_true(value.is_unknown(unknown))
      assert.are.same({ "server.new" }, unknown.origins)
      local secret = value.resolve("pw=" .. value.ref("server.web", { "pw" }), lookup)
      assert.are.equal("pw=s3", value.reveal(secret))
      assert.are.equal("n=a,b", value.resolve("n=" .. value.ref("server.web", { "list" }), lookup))
    end)

    it("makes no text of what has none", function()
      for _, case in ipairs({
        { { a = 1 }, "a map, or a list in a list, cannot stand" }, { { { 1 } }, "a map, or a list in a list" },
        { value.null, "there is no value inside" }, { { value.null }, "there is no value inside" },
      }) do
        local out, e = value.resolve("n=" .. value.ref("server.web", { "x" }), function()
          return case[1]
        end)
        assert.is_nil(out)
        assert.matches(case[2], tostring(e), 1, true)
      end
      local out = value.resolve("n=" .. value.ref("server.web", { "x" }), function()
        return { "a", value.secret("b") }
      end)
      assert.equal("n=a,b", value.is_secret(out) and value.reveal(out))
      assert.has_error(function()
        return "x" .. value.secret({ a = 1 })
      end)
    end)

    it("keeps secrets with references inside secret", function()
      local out = value.resolve(value.secret("a" .. ref), lookup)
      assert.is_true(value.is_secret(out))
      assert.are.equal("a10.0.0.1", value.reveal(out))
    end)
  end)
end)

describe("the canonical encoding", function()
  local function round(v)
    return data.decode(assert(data.encode(v)))
  end

  it("keeps every kind apart", function()
    local v = {
      int = 1,
      float = 1.0,
      big = math.maxinteger,
      text = "é",
      bytes = "\xff\0",
      yes = true,
      null = value.null,
      list = data.list({}),
      map = {},
      nested = { { { a = { 1, 2 } } } },
    }
    local out = round(v)
    assert.are.same(v, out)
    assert.are.equal("integer", math.type(out.int))
    assert.are.equal("float", math.type(out.float))
    assert.are.equal(data.list_mt, getmetatable(out.list))
    assert.is_nil(getmetatable(out.map))
    assert.are.equal(value.null, out.null)
  end)

  it("keeps marked kinds", function()
    local text = "x" .. value.ref("a.b", { "c", 1 }) .. "y"
    local out = round({
      s = value.secret({ 1 }),
      u = value.unknown("int", { "a.b" }),
      n = value.unknown("any"),
      t = text,
    })
    assert.is_true(value.is_secret(out.s))
    assert.are.same({ 1 }, value.reveal(out.s))
    assert.are.same({ "a.b" }, out.u.origins)
    assert.are.equal("int", out.u.type)
    assert.is_nil(out.n.origins)
    assert.are.equal(tostring(text), tostring(out.t))
  end)

  it("is the same for maps filled in another order", function()
    local a, b = {}, {}
    for i = 1, 200 do
      a["k" .. i] = i
      b["k" .. 201 - i] = 201 - i
    end
    assert.are.equal(data.encode(a), data.encode(b))
    assert.are_not.equal(data.encode(1), data.encode(1.0))
    assert.are_not.equal(data.encode({}), data.encode(data.list({})))
  end)

  it("refuses what is no data", function()
    for _, v in ipairs({ { print }, { 1, 2, x = 3 }, { [1.5] = 1 }, { 1, nil, 3, nil, 5 } }) do
      local bytes, e = data.encode(v)
      assert.is_nil(bytes)
      assert.are.equal("invalid", e.code)
    end
    local loop = {}
    loop.me = loop
    local bytes, e = data.encode(loop)
    assert.is_nil(bytes)
    assert.are.equal("limit", e.code)
  end)

  it("refuses damaged bytes", function()
    local bytes = data.encode({ a = { 1, "two", 3.5 } })
    for i = 0, #bytes - 1 do
      local v, e = data.decode(bytes:sub(1, i))
      assert.is_nil(v)
      assert.are.equal("corrupt", e.code)
    end
    assert.is_nil(data.decode(bytes .. "n"))
  end)
end)

describe("data.copy", function()
  it("gives the members of a map in a table of its own", function()
    local inner, list = {}, { "x", "y" }
    local map = setmetatable({ a = 1, b = false, c = inner, [7] = "seven" }, { __index = { d = 4 } })
    for room = 0, 9, 3 do
      local copy = data.copy(map, room)
      assert.are.same({ a = 1, b = false, c = {}, [7] = "seven" }, copy)
      assert.is_nil(getmetatable(copy))
      assert.is_true(rawequal(inner, copy.c))
      for i = 1, 20 do
        copy["new" .. i] = i
      end
      assert.is_nil(map.new1)
      assert.are.equal(20, copy.new20)
    end
    assert.are.same(list, data.copy(list))
    assert.are.same({}, data.copy({}))
  end)

  it("refuses what is no table, and room for more than there can be", function()
    assert.has_error(function()
      data.copy("text")
    end)
    assert.has_error(function()
      data.copy({}, -1)
    end)
    assert.has_error(function()
      data.copy({}, 1 << 40)
    end)
  end)
end)
