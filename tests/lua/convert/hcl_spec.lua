local hcl = require("prov.convert.hcl")
local json = require("prov.json")
local parser = require("prov.convert.hcl.parser")
local value = require("prov.value")
local with = require("support.settings").with

-- A node without its places, as short as it can be read.
local function short(node)
  if type(node) ~= "table" or node == value.null then
    return node
  end
  local out = {}
  for key, v in pairs(node) do
    if key ~= "at" and key ~= "stop" then
      out[key] = short(v)
    end
  end
  return out
end

local function expression(text)
  local file = assert(hcl.parse("a = " .. text .. "\n", "t.tf"))
  return short(file.body[1].value)
end

local function lit(v)
  return { node = "lit", value = v }
end

local function var(name)
  return { node = "var", name = name }
end

local function attr(of, name)
  return { node = "attr", of = of, name = name }
end

local function fails(text)
  local file, e = hcl.parse(text, "t.tf")
  assert.is_nil(file)
  return tostring(e)
end

describe("hcl", function()
  it("reads numbers, truth, null and texts", function()
    assert.are.same(lit(12), expression("12"))
    assert.are.same(lit(1.5), expression("1.5"))
    assert.are.same(lit(100), expression("1e2"))
    assert.are.same(lit(-3), expression("-3"))
    assert.are.same(lit(true), expression("true"))
    assert.are.same(lit(value.null), expression("null"))
    assert.are.same(lit('a"b\n\t\\é\u{1F600}'), expression('"a\\"b\\n\\t\\\\\\u00e9\\U0001F600"'))
    assert.are.same(lit("${x} %{y} $5 100%"), expression('"$${x} %%{y} $5 100%"'))
  end)

  it("reads what stands in texts", function()
    assert.are.same({ node = "template", parts = { "a-", attr(var("var"), "x"), "-b" } }, expression('"a-${var.x}-b"'))
    assert.are.same({ node = "template", parts = { { node = "template", parts = { "i", var("x") } } } },
      expression('"${"i${x}"}"'))
    assert.are.same({ node = "template", parts = { "a", var("x"), "b" } }, expression('"a  ${~ x ~}  b"'))
    assert.are.same({ node = "template", parts = { { node = "tif", test = var("a"), yes = { "x" }, no = { "y" } } } },
      expression('"%{ if a }x%{ else }y%{ endif }"'))
    assert.are.same({ node = "template", parts = { { node = "tfor", key = "i", value = "v", over = var("l"),
      body = { var("v"), "," } } } }, expression('"%{ for i, v in l }${v},%{ endfor }"'))
  end)

  it("reads heredocs", function()
    assert.are.same({ node = "lit", value = "a\n  b\n" }, (function()
      local node = expression("<<EOT\na\n  b\nEOT")
      node.heredoc = nil
      return node
    end)())
    local node = expression("<<-EOT\n    a\n      b ${x}\n\n    c\n    EOT")
    assert.are.same({ "a\n  b ", var("x"), "\n\nc\n" }, node.parts)
    assert.are.same({ var("x"), "\n  y\n" }, expression("<<-EOT\n  ${x}\n    y\n  EOT").parts)
    assert.are.same("no \\n escape, ${ one }\n", expression("<<E\nno \\n escape, $${ one }\nE").value)
  end)

  it("knows what binds stronger", function()
    local function binary(sign, left, right)
      return { node = "binary", sign = sign, left = left, right = right }
    end
    assert.are.same(binary("+", lit(1), binary("*", lit(2), lit(3))), expression("1 + 2 * 3"))
    assert.are.same(binary("-", binary("-", lit(3), lit(2)), lit(1)), expression("3 - 2 - 1"))
    assert.are.same(binary("||", var("a"), binary("&&", var("b"), binary("==", var("c"), lit(1)))),
      expression("a || b && c == 1"))
    assert.are.same({ node = "cond", test = { node = "unary", sign = "!", arg = var("a") }, yes = lit(1),
      no = { node = "cond", test = var("b"), yes = lit(2), no = lit(3) } }, expression("!a ? 1 : b ? 2 : 3"))
  end)

  it("reads steps and splats", function()
    local web = attr(var("x"), "web")
    assert.are.same(attr({ node = "index", of = web, key = lit(0) }, "ip"), expression("x.web[0].ip"))
    assert.are.same({ node = "index", of = web, key = lit(0) }, expression("x.web.0"))
    assert.are.same({ node = "splat", of = web, full = true, steps = { { node = "attr", name = "ip" },
      { node = "index", key = lit(1) } } }, expression("x.web[*].ip[1]"))
    assert.are.same({ node = "index", key = lit(1), of = { node = "splat", of = web, full = false,
      steps = { { node = "attr", name = "ip" } } } }, expression("x.web.*.ip[1]"))
  end)

  it("reads lists, objects, loops and calls", function()
    assert.are.same({ node = "tuple", items = { lit(1), lit(2) } }, expression("[\n1,\n 2,\n]"))
    assert.are.same({ node = "object", items = { { key = lit("a"), value = lit(1) }, { key = lit("b c"),
      value = lit(2) },
      { key = { node = "paren", of = var("k") }, value = lit(3) } } },
      expression('{\n  a = 1\n  "b c" : 2, (k) = 3\n}'))
    assert.are.same({ node = "for", kind = "tuple", key = "k", value = "v", over = var("m"), item = var("v"),
      test = var("v") }, expression("[for k, v in m : v if v]"))
    assert.are.same({ node = "for", kind = "object", value = "v", over = var("m"), name = var("v"), item = lit(1),
      group = true }, expression("{ for v in m : v => 1... }"))
    assert.are.same({ node = "call", name = "f", args = { lit(1), var("l") }, expand = true }, expression("f(1, l...)"))
    assert.are.same({ node = "call", name = "provider::x::f", args = {} }, expression("provider::x::f()"))
  end)

  it("reads blocks, comments and places", function()
    local file = assert(hcl.parse('# one\nresource "a" b {\n  x = 1 // two\n  y { z = "é" /* three */ }\n}\n', "t.tf"))
    local block = file.body[1]
    assert.are.same({ "resource", "a", "b" }, { block.type, block.labels[1], block.labels[2] })
    assert.are.same({ 3, 3 }, { file.place(block.body[1].at) })
    assert.are.same({ 4, 3 }, { file.place(block.body[2].at) })
    assert.are.equal(3, #file.comments)
    assert.are.equal(2, #assert(hcl.parse("\u{FEFF}a = 1\r\nb = 2\r\n", "t.tf")).body)
  end)

  it("says where and what is wrong", function()
    assert.are.equal("t.tf:2:5: not valid HCL: expected a value, found the end of the line", fails("a {\nb = \n}"))
    assert.are.equal("t.tf:1:5: not valid HCL: the text that begins here is not closed on its line", fails('a = "x\n'))
    assert.are.equal("t.tf:1:3: not valid HCL: what begins here is not closed: a } is missing", fails("a {\nb = 1\n"))
    assert.are.equal("t.tf:1:5: not valid HCL: the heredoc that begins here has no line with its end, E",
      fails("a = <<E\nx\n"))
    assert.are.equal("t.tf:2:1: not valid HCL: 'a' is set twice in the same block", fails("a = 1\na = 2\n"))
    assert.are.equal("t.tf:1:6: not valid HCL: there is no escape '\\q' in a text", fails('a = "\\q"'))
    assert.are.equal("t.tf:1:5: not valid HCL: ''' is not expected here; texts stand between double quotes",
      fails("a = 'x'"))
    assert.are.equal("t.tf:1:5: not valid HCL: this is not UTF-8", fails("a = \xff"))
    assert.are.equal("t.tf:1:6: not valid HCL: this %{ has no %{ endif }", fails('a = "%{ if x }y"'))
    assert.are.equal("t.tf:1:3: not valid HCL: the comment that begins here is not closed", fails("a /* x"))
  end)

  it("bounds depth and size", function()
    for _, text in ipairs({ ("a = %s1"):format(("("):rep(5000)), ("a {\n"):rep(5000), "a = " .. ("!"):rep(5000) .. "x",
      "a = " .. ("[for x in y : "):rep(3000), 'a = "' .. ('${"'):rep(3000), "a = " .. ("x ? "):rep(3000) }) do
      local file, e = hcl.parse(text, "t.tf")
      assert.is_nil(file)
      assert.is_truthy(tostring(e):find("t.tf:%d+:%d+: not valid HCL: .*deeper than"), tostring(e))
    end
    local file, e = with({ ["convert.file_size"] = 10 }, hcl.parse, "abcdefgh = 1", "t.tf")
    assert.is_nil(file)
    assert.are.equal("limit", e.code)
    assert.is_truthy(hcl.parse("a = " .. ("1 + "):rep(20000) .. "1", "t.tf"))
  end)

  it("reads the JSON form as the native one", function()
    local file = assert(hcl.parse_json(json.encode({ resource = { hcloud_server = { web = { count = 2,
      name = "web-${count.index}", ["//"] = "a comment", image = "${var.image}" } } } }), "t.tf.json"))
    local block = file.body[1]
    assert.are.same({ "resource", "hcloud_server", "web" }, { block.type, block.labels[1], block.labels[2] })
    local byname = {}
    for _, item in ipairs(block.body) do
      byname[item.name] = short(item.value)
    end
    assert.are.same({ count = lit(2), image = attr(var("var"), "image"),
      name = { node = "template", parts = { "web-", attr(var("count"), "index") } } }, byname)
    local bad, e = hcl.parse_json('{\n "resource": {"a": 1}}', "t.tf.json")
    assert.is_nil(bad)
    assert.are.equal("t.tf.json:2:15: expected an object of names below 'resource'", tostring(e))
    bad, e = hcl.parse_json('{"output": {"a": {"value": "${1 +}"}}}', "t.tf.json")
    assert.is_nil(bad)
    assert.is_truthy(tostring(e):find("^t.tf.json:1:%d+: expected a value"), tostring(e))
    assert.are.same(lit("a${b}"), short(parser.template("a$${b}")))
  end)
end)
