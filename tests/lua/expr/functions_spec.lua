-- luacheck: no max line length (rows of texts)
--- Expressions: the functions, the operators, and what they do with values that are not known or secret.

local data = require("core.data")
local expr = require("prov.expr")
local functions = require("prov.expr.functions")
local value = require("prov.value")

local VALUES = {
  var = { n = 3, name = "eu", list = { "b", "a", "b" }, map = { x = 1, y = 2 }, key = value.secret("s3") },
  later = value.ref("server.web"),
}

local function evaluate(text)
  local node, bad = expr.parse(text, {})
  if not node then
    return nil, bad
  end
  return expr.evaluate(node, {
    lookup = function(path)
      local v = VALUES[path.head]
      for _, key in ipairs(path.path) do
        v = type(v) == "table" and v[key] or nil
      end
      return v
    end,
  })
end

local function known(text)
  local v, bad = evaluate(text)
  assert.is_nil(bad, text .. ": " .. (bad and bad.msg or ""))
  return v
end

local function wrong(text)
  local v, bad = evaluate(text)
  assert.is_nil(v, text)
  return bad.msg .. (bad.hint and " | " .. bad.hint or "")
end

describe("expressions", function()
  it("calculate, compare and choose", function()
    for text, wanted in pairs({
      ["1 + 2 * 3"] = 7, ["(1 + 2) * 3"] = 9, ["7 // 2"] = 3, ["7 / 2"] = 3.5, ["8 / 2"] = 4, ["7 % 3 - -1"] = 2,
      ["'a' .. 1 .. 'b'"] = "a1b", ["var.n - 1"] = 2, ["-var.n"] = -3, ["1 + 1 == 2 and not (3 < 2)"] = true,
      ["if var.n > 2 then 'many' else 'few'"] = "many", ["if false then 1 else if true then 2 else 3"] = 2,
      ["var.list[var.n - 2]"] = "b", ["var.map['y']"] = 2, ["[1, 2, 3][2]"] = 2, ["{ a = { b = 5 } }.a.b"] = 5,
      ["null == null"] = true, ["[1, 2] == [1, 2]"] = true, ["{ a = 1 } != { a = 2 }"] = true, ["2 == 2.0"] = true,
      ["false or 'x'"] = "x", ["1 / 2 + 1 / 2"] = 1,
    }) do
      assert.same(wanted, known(text), text)
    end
    assert.equal("integer", math.type(known("1 / 2 + 3 / 2") // 1 | 0))
  end)

  it("do not look at the side that is not chosen", function()
    assert.equal(1, known("if true then 1 else 1 // 0"))
    assert.is_false(known("false and 1 // 0"))
  end)

  it("make lists and maps in loops", function()
    for text, wanted in pairs({
      ["[for x in var.list => upper(x)]"] = { "B", "A", "B" }, ["[for i, x in var.list => i .. x]"] = { "1b", "2a", "3b" },
      ["[for x in var.list if x != 'b' => x]"] = { "a" }, ["{ for k, v in var.map => [k] = v * 2 }"] = { x = 2, y = 4 },
      ["{ for x in ['a', 'b'] => [x] = var.n }"] = { a = 3, b = 3 }, ["[for k in var.map => k]"] = { "x", "y" },
      ["[for x in [1, 2] => [for y in [10, 20] => x * y]]"] = { { 10, 20 }, { 20, 40 } }, ["[for x in [] => x]"] = {},
      ["sum([for o in [{ a = { n = 1 } }, { a = { n = 2 } }] => o.a.n])"] = 3, ["{ [var.name] = 1 }"] = { eu = 1 },
      ["[for x in range(4) if x % 2 == 0 => if x > 2 then 'big' else 'small']"] = { "small", "big" },
    }) do
      assert.same(wanted, known(text), text)
    end
    local waits = known("[for x in later.list if x.n > var.n - 2 => x.name .. '-' .. later.id]")
    assert.is_true(value.is_call(waits))
    assert.equal("${[for x in later.list if x.n > var.n - 2 => x.name .. '-' .. later.id]}", tostring(waits))
    waits = data.decode(data.encode(waits))
    assert.same({ "b-7", "c-7" }, value.resolve(waits, function(_, path)
      return path[1] == "id" and 7 or { { n = 1, name = "a" }, { n = 2, name = "b" }, { n = 3, name = "c" } }
    end))
    assert.is_true(value.is_unknown(value.resolve(waits, function(_, path)
      return path[1] == "id" and value.unknown("any") or {}
    end)))
    assert.is_true(value.is_call(known("[for x in [1, 2] if later.n > x => x]")))
    assert.same({ 1 }, value.resolve(known("[for x in [1, 2] if later.n > x => x]"), function()
      return 2
    end))
    assert.is_true(value.is_ref(known("[for x in [1, 2] => later.n]")[2]))
    for text, said in pairs({ ["[for x in 3 => x]"] = "a loop needs a list or map", ["[for x => x]"] = "this is no loop",
      ["[for x in [1] x]"] = "=> is missing", ["[for x in [1] => x"] = "expected ] behind the loop",
      ["[for x in [{}] => x.y]"] = "there is no 'y'", ["{ for x in [1] => [[x]] = 1 }"] = "a key must be" }) do
      assert.matches(said, wrong(text), 1, true)
    end
  end)

  it("end soon and take little, whatever a single call is asked for", function()
    for text, said in pairs({
      ["range(-9223372036854775807, 9223372036854775807)"] = "more than 1000000 numbers",
      ["range(9223372036854775807, -9223372036854775807, -1)"] = "more than 1000000 numbers",
      ["join(range(1000000), join(range(100000), 'xxxxxxxx'))"] = "the result is too large",
      ["indent(join(range(1000000), '\\n'), 1000)"] = "the result is too large",
      ["concat(range(600000), range(600000))"] = "more than 1000000 items",
    }) do
      assert.matches(said, wrong(text), 1, true)
    end
    assert.equal("%100d  3", known("format('%%100d%3d', 3)"))
    assert.equal("äöü|öü|ü||äö", known("join([substr('äöü', 1), substr('äöü', 2, 9), substr('äöü', -1), substr('äöü', 3, 2), substr('äöü', 1, -2)], '|')"))
    assert.equal("a  b|", known("trim(' \n a  b\t') .. '|' .. trim('  ')"))
    local blanks = (" "):rep(100000)
    local from = os.clock()
    assert.equal("x" .. blanks .. "y", require("prov.expr.functions").call("trim", { " x" .. blanks .. "y " }))
    assert.is_true(os.clock() - from < 1)
  end)

  it("have pure functions", function()
    for text, wanted in pairs({
      ["join(var.list, '-')"] = "b-a-b", ["split('a,b,,c', ',')"] = { "a", "b", "", "c" },
      ["length('äöü')"] = 3, ["length([])"] = 0, ["length(var.map)"] = 2, ["keys(var.map)"] = { "x", "y" },
      ["values(var.map)"] = { 1, 2 }, ["merge(var.map, { y = 5 })"] = { x = 1, y = 5 }, ["lower('AB')"] = "ab",
      ["upper('ab')"] = "AB", ["trim('  a ')"] = "a", ["replace('a.b.c', '.', '%')"] = "a%b%c",
      ["format('%03d|%s|%5.1f|%%', 7, [1, 2], 2.25)"] = "007|1,2|  2.2|%", ["substr('abcdef', 2, -2)"] = "bcde",
      ["starts_with('abc', 'ab')"] = true, ["ends_with('abc', 'bc')"] = true, ["contains('a+b', '+')"] = true,
      ["contains(var.list, 'a')"] = true, ["contains(var.map, 'z')"] = false, ["index_of(var.list, 'a')"] = 2,
      ["lookup(var.map, 'z', 9)"] = 9, ["lookup(var.map, 'x')"] = 1, ["range(3)"] = { 1, 2, 3 },
      ["range(2, 8, 3)"] = { 2, 5, 8 }, ["flatten([1, [2, [3, []]], 4])"] = { 1, 2, 3, 4 },
      ["concat([1], [2, 3])"] = { 1, 2, 3 }, ["distinct(var.list)"] = { "b", "a" }, ["sort(var.list)"] = { "a", "b", "b" },
      ["reverse([1, 2])"] = { 2, 1 }, ["slice([1, 2, 3, 4], 2, -2)"] = { 2, 3 }, ["element([1, 2], 3)"] = 1,
      ["compact(['', 'a', null])"] = { "a" }, ["coalesce(null, '', 'x')"] = "x", ["min(3, 1, 2)"] = 1,
      ["max([1, 5])"] = 5, ["sum([1, 2])"] = 3, ["abs(-2)"] = 2, ["floor(1.7)"] = 1, ["ceil(1.2)"] = 2, ["round(2.5)"] = 3,
      ["number('12')"] = 12, ["text([1, 2])"] = "1,2", ["base64('hi')"] = "aGk=", ["unbase64('aGk=')"] = "hi",
      ["sha256('')"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      ["json({ b = [1], a = null })"] = '{"a":null,"b":[1]}', ["unjson('[1]')[1]"] = 1, ["unyaml('a: 1').a"] = 1,
      ["indent('a\\nb', 2)"] = "a\n  b",
      ["cidrsubnet('10.0.0.0/16', 8, 2)"] = "10.0.2.0/24", ["cidrsubnet('fd00::/48', 16, 257)"] = "fd00:0:0:101::/64",
      ["cidrhost('10.0.2.0/24', 5)"] = "10.0.2.5", ["cidrhost('10.0.2.7/24', -2)"] = "10.0.2.254",
      ["cidrhost('2001:db8::/64', 255)"] = "2001:db8::ff", ["cidrnetmask('10.0.0.0/20')"] = "255.255.240.0",
      ["cidrcontains('10.0.0.0/8', '10.9.0.0/16')"] = true, ["cidrcontains('10.0.0.0/8', '11.0.0.1')"] = false,
      ["cidrsubnet('10.0.0.0/30', 2, 3)"] = "10.0.0.3/32",
    }) do
      assert.same(wanted, known(text), text)
    end
  end)

  it("say what is wrong", function()
    for text, said in pairs({
      ["1 + 'a'"] = '1 + "a" cannot be calculated', ["1 // 0"] = "division by zero", ["1 < 'a'"] = "two numbers or two texts",
      ["jion([])"] = "there is no function 'jion' | did you mean 'join'?", ["join('a')"] = "join: value 1 must be a list",
      ["join()"] = "join takes (list, text?), not 0 values", ["var.map.z"] = "", ["{ a = 1 }.b"] = "there is no 'b'",
      ["[1][3]"] = "there is no '3' | it has the items 1 to 1", ["cidrsubnet('x', 1, 0)"] = "is not a network",
      ["cidrsubnet('10.0.0.0/24', 2, 4)"] = "there are no 5 networks", ["cidrhost('10.0.0.0/24', 256)"] = "no address number 256",
      ["sort([1, 'a'])"] = "only numbers, or only texts", ["range(9999999999)"] = "more than 1000000", ["format('%d', 'x')"] = "is no number", ["format('%d', 1.5)"] = "no integer representation",
      ["format('%s')"] = "there is no value", ["true ? 1 : 2"] = "write if ... then ... else ...", ["a && b"] = "write and",
      ["if 1 then 2"] = "'else' is missing", ["[1, 2"] = "expected , or ] in the list", ["{ 1 }"] = "expected a name",
      ["replace('" .. ("a"):rep(100) .. "', 'a', '')"] = "", ["min()"] = "nothing to choose",
    }) do
      if said ~= "" then
        assert.matches(said, wrong(text), 1, true)
      end
    end
  end)

  it("end soon, whatever they are asked for", function()
    local started = os.clock()
    for _, text in ipairs({
      "[for x in range(1000000) => [for y in range(1000000) => 1]]", "[for x in range(1000000) => length(range(1000000))]",
      "[for x in range(1000000) => join(range(100000), ',')]", "[for x in range(999) => [for y in range(999) => [for z in range(999) => 1]]]",
    }) do
      assert.matches("the loop makes too much", wrong(text), 1, true)
    end
    assert.is_true(os.clock() - started < 20)
    assert.is_nil(functions.meter)
    assert.equal(100000, #known("[for x in range(100000) => x + 1]"))
  end)

  it("wait for what is not known, and keep its references", function()
    for _, text in ipairs({ "later.n + 1", "upper(later.name)", "if later.n > 2 then 'a' else later.name", "[later.n, 2] == [1, 2]",
      "later.n and true", "not later.n", "join([later.name], '')", "{ a = later.n }.a * 2", "var.list[later.n]",
      "cidrhost(later.cidr, var.n)", "contains([later.n], 2)" }) do
      local v = known(text)
      assert.is_true(value.is_call(v), text)
      assert.same({ ["server.web"] = true }, value.references(v), text)
      local unknown = value.resolve(v, function()
        return value.unknown("any", { "server.web" })
      end)
      assert.is_true(value.is_unknown(unknown), text)
      assert.equal("server.web", unknown.origins[1], text)
      assert.same(data.encode(v), data.encode(data.decode(data.encode(v))), text)
    end
    assert.equal(2, known("length([later.n, 2])"))
    assert.same({ "a" }, known("keys({ a = later.n })"))
    local chosen = known("if later.n > 2 then 'many' else 'few'")
    assert.equal("few", value.resolve(chosen, function()
      return 1
    end))
    assert.equal("many", value.resolve(chosen, function()
      return 3
    end))
  end)

  it("keep secrets secret", function()
    for _, text in ipairs({ "upper(var.key)", "var.key .. 'x'", "sha256(var.key)", "var.key == 's3'", "json({ a = var.key })" }) do
      assert.is_true(value.is_secret(known(text)), text)
    end
    assert.equal("S3", value.reveal(known("upper(var.key)")))
    assert.equal("(secret)", tostring(known("base64(var.key)")))
  end)

  it("never raise, whatever they are given", function()
    math.randomseed(11)
    local words = { "var.n", "later.x", "==", "<", "(", ")", "and", "or", "not", "'x'", '"', "3", "${", "}", "join(", "null", "[",
      "]", ".", "\0", "é", " ", "if", "then", "else", "{", "=", ",", "+", "-", "*", "/", "..", "%", "cidrsubnet(", "a-b", "for", "in", "=>", "x" }
    for _ = 1, 20000 do
      local out = {}
      for i = 1, math.random(1, 12) do
        out[i] = words[math.random(#words)]
      end
      local text = table.concat(out, math.random() < 0.5 and " " or "")
      local node, bad = expr.parse(text, {})
      assert.is_true(node ~= nil or type(bad.msg) == "string" and bad.at >= -1 and bad.at <= #text + 1, text)
      evaluate(text)
      expr.split("${" .. text .. "}", {})
    end
  end)

  it("are all documented, and all functions answer for wrong values", function()
    for _, name in ipairs(functions.names()) do
      local fn = functions.LIST[name]
      assert.is_true(#fn.doc > 5, name)
      for _, odd in ipairs({ value.null, true, -1, 2 ^ 70, "", "a", data.list({}), {}, { 1, { 2 } }, { a = 1 } }) do
        local args = {}
        for i = 1, math.max(fn.least, 1) do
          args[i] = odd
        end
        functions.call(name, args)
        functions.call(name, { odd, "x", 1 })
      end
    end
  end)
end)
