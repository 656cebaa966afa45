local contract = require("prov.contract")
local data = require("core.data")
local value = require("prov.value")
local yaml = require("prov.yaml")

local function one(field, v)
  local done, errs = contract.compile({ x = field }):complete({ x = v })
  if errs then
    return nil, errs[1].msg, errs[1].hint
  end
  return done.x
end

describe("contract", function()
  it("fills in defaults without sharing tables", function()
    local c = contract.compile({
      name = { type = "string", required = true },
      size = { type = "size", default = "1 MiB" },
      tags = { type = "list", of = { type = "string" }, default = { "a" } },
    })
    local a, b = c:complete({ name = "x" }), c:complete({ name = "y", size = "2 kB" })
    assert.are.same({ name = "x", size = 1048576, tags = { "a" } }, a)
    assert.are.equal(2000, b.size)
    a.tags[1] = "changed"
    assert.are.same({ "a" }, b.tags)
    assert.are.same({ "a" }, c:complete({ name = "z" }).tags)
  end)

  it("reports all errors at once, with path and place", function()
    local text =
      "servers:\n  web:\n    disks:\n      - size: 1 GiB\n      - size: lots\n    imge: x\n    kind: smal\n"
    local v, at = yaml.decode(text)
    local c = contract.compile({
      disks = {
        type = "list",
        of = { type = "record", fields = { size = { type = "size", required = true } } },
      },
      image = { type = "string", required = true, doc = "Base image" },
      kind = { type = "enum", one_of = { "small", "large" } },
    })
    local done, errs =
      c:complete(v.servers.web, { path = { "servers", "web" }, file = "infra.yaml", place = at })
    assert.is_nil(done)
    local texts = {}
    for i, e in ipairs(errs) do
      texts[i] = tostring(e) .. (e.hint and " | " .. e.hint or "")
      assert.are.equal("invalid", e.code)
    end
    assert.are.same({
      "infra.yaml:2:3: servers.web: the field 'image' is missing | Base image",
      'infra.yaml:5:9: servers.web.disks[2].size: expected a size such as 256 MiB or 2 GB, found "lots"',
      "infra.yaml:6:5: servers.web.imge: there is no field 'imge' | did you mean 'image'?",
      "infra.yaml:7:5: servers.web.kind: expected one of small, large, found \"smal\" | did you mean 'small'?",
    }, texts)
    assert.are.equal("servers.web.disks[2].size", errs[2].path)
  end)

  it("checks every type", function()
    local good = {
      { "int", 3, 3 },
      { "int", 3.0, 3 },
      { "number", 1.5, 1.5 },
      { "bool", false, false },
      { "size", "1.5 KiB", 1536 },
      { "size", "2GB", 2000000000 },
      { "size", 5, 5 },
      { "size", "512M", 536870912 },
      { "duration", "1h30m", 5400 },
      { "duration", "500ms", 0.5 },
      { "duration", 7, 7 },
      { "ip", "10.0.0.1", "10.0.0.1" },
      { "ip", "fe80::1", "fe80::1" },
      { "ip", "::ffff:1.2.3.4", "::ffff:1.2.3.4" },
      { "cidr", "10.0.0.0/8", "10.0.0.0/8" },
      { "cidr", "::/0", "::/0" },
      { "hostname", "a-1.example", "a-1.example" },
      { "port", 443, 443 },
      { "url", "http://x/y", "http://x/y" },
      { "semver", "1.2.3-rc.1+x", "1.2.3-rc.1+x" },
      { "path", "/etc", "/etc" },
      { "any", true, true },
      { "ref", "id-1", "id-1" },
    }
    for _, row in ipairs(good) do
      local got, msg = one({ type = row[1] }, row[2])
      assert.are.equal(row[3], got, row[1] .. ": " .. tostring(msg))
    end
    local bad = {
      { "int", 1.5 },
      { "int", "3" },
      { "number", "x" },
      { "number", 0 / 0 },
      { "bool", "true" },
      { "size", "-1" },
      { "size", "1 XB" },
      { "size", "99999999 PiB" },
      { "size", -1 },
      { "duration", "5" },
      { "duration", "" },
      { "duration", "5x" },
      { "duration", -1 },
      { "ip", "10.0.0.256" },
      { "ip", "1.2.3" },
      { "ip", ":::" },
      { "ip", "1::2::3" },
      { "ip", "01.2.3.4" },
      { "cidr", "10.0.0.0/33" },
      { "cidr", "10.0.0.0" },
      { "hostname", "-a" },
      { "hostname", "a..b" },
      { "hostname", "" },
      { "hostname", ("a"):rep(64) },
      { "port", 0 },
      { "port", 65536 },
      { "url", "example.org" },
      { "url", "http://a b" },
      { "semver", "1.2" },
      { "semver", "01.2.3" },
      { "path", "" },
      { "path", "a\0b" },
      { "string", 1 },
      { "list", "x" },
      { "list", { a = 1 } },
      { "map", { 1 } },
      { "ref", "" },
    }
    for _, row in ipairs(bad) do
      local got, msg = one({ type = row[1] }, row[2])
      assert.is_nil(got, row[1] .. " accepted " .. tostring(row[2]))
      assert.is_string(msg)
    end
  end)

  it("lets values through that are known later, in every type", function()
    for _, kind in ipairs(contract.TYPES) do
      for _, v in ipairs({ value.ref("a.b", { "c" }), value.unknown("any"), "x" .. value.ref("a.b") }) do
        local field = {
          type = kind,
          one_of = kind == "enum" and { "a" } or nil,
          of = kind == "union" and { { type = "int" } } or nil,
          min = kind == "int" and 1 or nil,
        }
        assert.are.equal(v, (one(field, v)), kind)
      end
    end
  end)

  it("keeps secrets secret, also in errors", function()
    local done = contract
      .compile({ pw = { type = "secret", min = 3 }, n = { type = "int", secret = true } })
      :complete({ pw = "abcd", n = 3 })
    assert.is_true(value.is_secret(done.pw))
    assert.are.equal("abcd", value.reveal(done.pw))
    assert.is_true(value.is_secret(done.n))
    local _, msg = one({ type = "secret", pattern = "%d+" }, "hunter2x")
    assert.is_nil(msg:find("hunter2x", 1, true))
    _, msg = one({ type = "int" }, value.secret("hunter2"))
    assert.is_nil(msg:find("hunter2", 1, true))
    assert.are.equal(5, value.reveal((one({ type = "int" }, value.secret(5)))))
  end)

  it("checks limits, patterns and unions", function()
    assert.is_nil((one({ type = "int", min = 1, max = 3 }, 4)))
    assert.is_nil((one({ type = "string", pattern = "[a-z]+" }, "a1")))
    assert.are.equal("ab", (one({ type = "string", pattern = "[a-z]+", max = 2 }, "ab")))
    assert.is_nil((one({ type = "list", max = 1 }, { 1, 2 })))
    assert.is_nil((one({ type = "map", min = 1 }, {})))
    local union =
      { type = "union", of = { { type = "int" }, { type = "record", fields = { a = { type = "int" } } } } }
    assert.are.equal(1, (one(union, 1)))
    assert.are.same({ a = 1 }, (one(union, { a = 1 })))
    local _, msg = one(union, "x")
    assert.are.equal('x: expected an integer or a map, found "x"', msg)
    _, msg = one({ type = "union", of = { { type = "string", pattern = "^%d+$" }, { type = "list" } } }, "x")
    assert.are.equal("x: \"x\" does not have the form ^%d+$", msg)
    _, msg = one(union, { a = "y" })
    assert.are.equal('x.a: expected an integer, found "y"', msg)
  end)

  it("runs checks over the whole value only when its parts are good", function()
    local calls = 0
    local c = contract.compile({
      low = { type = "int", required = true },
      high = {
        type = "int",
        required = true,
        check = function(v, whole)
          calls = calls + 1
          return v > whole.low, "must be above low"
        end,
      },
    })
    assert.is_table(c:complete({ low = 1, high = 2 }))
    local _, errs = c:complete({ low = 3, high = 2 })
    assert.are.equal("high: must be above low", errs[1].msg)
    c:complete({ low = "x", high = 2 })
    assert.are.equal(2, calls)
  end)

  it("takes null for absent", function()
    assert.are.same(
      { a = 1 },
      (contract.compile({ a = { type = "int", default = 1 } }):complete({ a = value.null }))
    )
  end)

  it("tells the author of a schema what is wrong with it", function()
    assert.has_error(function()
      contract.compile({ a = { type = "strin" } })
    end, "there is no type 'strin'; did you mean 'string'?")
    assert.has_error(function()
      contract.compile({ a = { type = "int", default = "x" } })
    end)
  end)

  it("describes itself in rows and JSON Schema", function()
    local schema = {
      name = { type = "string", required = true, doc = "Name", max = 9 },
      disks = {
        type = "list",
        of = { type = "record", fields = { size = { type = "size", default = "1 GiB" } } },
      },
      mode = { type = "enum", one_of = { "a", "b" }, default = "a" },
    }
    local rows = contract.describe(schema)
    local names = {}
    for i, row in ipairs(rows) do
      names[i] = row.name .. ": " .. row.type
    end
    assert.are.same({ "disks: list of record", "disks[].size: size", "mode: a|b", "name: string" }, names)
    local js = contract.json_schema(schema)
    assert.are.same({ "name" }, js.required)
    assert.is_false(js.additionalProperties)
    assert.are.same({ type = "string", maxLength = 9, description = "Name" }, js.properties.name)
    assert.are.same({ "a", "b" }, js.properties.mode.enum)
    assert.are.equal("object", js.properties.disks.items.type)
    assert.is_string(data.json_encode(js))
  end)

  it("shows long values cut between characters", function()
    local compiled = contract.compile({ n = { type = "int" } })
    for lead = 0, 3 do
      local _, errs = compiled:complete({ n = ("x"):rep(lead) .. ("\u{20ac}"):rep(50) })
      assert.is_truthy(utf8.len(errs[1].msg), lead)
    end
  end)
end)
