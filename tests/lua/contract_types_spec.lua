local contract = require("prov.contract")
local data = require("core.data")
local describe_of = require("prov.contract.describe")
local diff = require("prov.contract.diff")
local err = require("prov.err")
local extension = require("prov.contract.extension")
local fields = require("prov.contract.fields")
local fs = require("prov.fs")
local json_schema = require("prov.contract.json_schema")
local luacats = require("prov.contract.luacats")
local pattern = require("prov.contract.pattern")
local regex = require("prov.contract.regex")
local value = require("prov.value")

local function complete(schema, v)
  local done, errs = contract.compile(schema):complete(v)
  local texts = {}
  for i, e in ipairs(errs or {}) do
    texts[i] = e.msg .. (e.hint and " | " .. e.hint or "")
  end
  return done, texts, errs
end

describe("computed defaults", function()
  local schema = {
    name = { type = "string", required = true },
    domain = { type = "hostname", default = "example.org" },
    host = {
      type = "hostname",
      default = function(whole)
        return whole.name .. "." .. whole.domain
      end,
    },
    url = {
      type = "url",
      default = function(whole)
        return "https://" .. whole.host .. "/"
      end,
    },
  }

  it("follow from other fields, also computed ones", function()
    assert.are.same(
      { name = "web", domain = "example.org", host = "web.example.org", url = "https://web.example.org/" },
      (complete(schema, { name = "web" }))
    )
    assert.are.equal("https://x/", complete(schema, { name = "web", host = "x" }).url)
    assert.are.equal("https://a.b/", complete(schema, { name = "a", domain = "b" }).url)
  end)

  it("do not take the default of a field whose value is wrong", function()
    local ports = {
      port = { type = "int", default = 80, min = 1 },
      next = { type = "int", default = function(whole)
        error("it was asked for: " .. whole.port)
      end },
    }
    local _, texts = complete(ports, { port = 0 })
    assert.are.same({ "port: 0 is less than the smallest allowed: 1" }, texts)
  end)

  it("keep references", function()
    local done = complete(schema, { name = value.ref("server.web", { "name" }) })
    assert.are.equal("https://${server.web.name}.example.org/", tostring(done.url))
  end)

  it("tell nothing more when what they follow from is wrong", function()
    local _, texts = complete(schema, { name = 3 })
    assert.are.same({ "name: expected a string, found 3 | put quotes around it" }, texts)
    _, texts = complete(schema, { name = "_" })
    assert.are.equal(1, #texts)
    local expected = "host: its default: expected a host name such as web-1.example.org"
    assert.are.equal(expected .. ', found "_.example.org"', texts[1])
  end)

  it("name the circle they are in", function()
    local function of(name)
      return { type = "int", default = function(whole)
        return whole[name] + 1
      end }
    end
    local _, texts, errs = complete({ a = of("b"), b = of("c"), c = of("a"), d = of("a") }, {})
    assert.are.same({ "c: its default depends on itself: a -> b -> c -> a" }, texts)
    assert.is_truthy(errs[1].declared.file:find("contract_types_spec.lua", 1, true))
    assert.is_true(errs[1].declared.line > 0)
    _, texts = complete({ a = of("a") }, {})
    assert.are.same({ "a: its default depends on itself: a -> a" }, texts)
    local circle = { a = of("b"), b = of("c"), c = of("a"), d = of("a") }
    assert.are.same({ a = 4, b = 3, c = 2, d = 5 }, (complete(circle, { c = 2 })))
  end)

  it("say what they cannot do", function()
    local _, texts = complete({
      port = { type = "int" },
      next = { type = "int", default = function(whole)
        return whole.prt + 1
      end },
    }, {})
    assert.are.same(
      { "next: its default cannot be computed: there is no field 'prt'; did you mean 'port'? | give it a value" },
      texts
    )
    _, texts = complete({
      a = { type = "int", required = true, doc = "A number", default = function() end },
      b = { type = "int", default = function(whole)
        whole.a = 1
      end },
    }, {})
    assert.are.same({
      "b: its default cannot be computed: a default only reads the other fields | give it a value",
      "the field 'a' is missing | A number",
    }, texts)
  end)

  it("see all fields by pairs", function()
    local done = complete({
      a = { type = "int", default = 1 },
      b = { type = "int", default = function(whole)
        return whole.a + 1
      end },
      n = { type = "int", default = function(whole)
        local n = 0
        for _ in pairs(whole) do
          n = n + 1
        end
        return n
      end },
    }, {})
    assert.are.equal(2, done.n)
  end)
end)

describe("named types", function()
  local function declare(types, schema)
    local file = os.getenv("HOME") .. "/taskserv.lua"
    local declaration = {
      kind = "taskserv", api = 1, name = "x", summary = "x", types = types, schema = schema,
      recipe = function() end,
    }
    return declaration, extension.check("taskserv", "x", declaration, file)
  end

  it("are used by name, over and over, and may hold themselves", function()
    local declaration, e = declare({
      disk = { type = "record", fields = { size = { type = "size", required = true } }, doc = "A disk" },
      mode = { type = "enum", one_of = { "a", "b" } },
      tree = {
        type = "record",
        fields = { name = "string", children = { type = "list", of = "tree" }, mode = "mode" },
      },
      forest = "tree",
    }, {
      root = { type = "disk", required = true, doc = "The first one" },
      others = { type = "list", of = "disk" },
      mode = { type = "mode", default = "a" },
      tree = { type = "forest" },
    })
    assert.is_nil(e and tostring(e))
    local schema = declaration.schema
    local done = complete(schema, {
      root = { size = "1 KiB" },
      others = { { size = 5 } },
      tree = { name = "a", children = { { name = "b", mode = "b", children = { { name = "c" } } } } },
    })
    assert.are.equal(1024, done.root.size)
    assert.are.equal("a", done.mode)
    assert.are.equal("c", done.tree.children[1].children[1].name)
    local _, texts = complete(schema, {
      root = {}, tree = { children = { { children = { { mode = "c" } } } } },
    })
    assert.are.same({
      "root: the field 'size' is missing",
      'tree.children[1].children[1].mode: expected one of a, b, found "c"',
    }, texts)
    assert.are.equal("The first one", schema.root.doc)
    local names = {}
    for i, row in ipairs(describe_of.rows(schema)) do
      names[i] = row.name .. ": " .. row.type
    end
    assert.are.same({
      "mode: a|b", "others: list of disk", "others[].size: size", "root: disk", "root.size: size", "tree: tree",
      "tree.children: list of tree", "tree.mode: a|b", "tree.name: string",
    }, names)
    local js = contract.json_schema(schema)
    assert.are.equal("#/$defs/disk", js.properties.root["$ref"])
    assert.are.equal("#/$defs/tree", js["$defs"].tree.properties.children.items["$ref"])
    local cats = luacats.of("want", schema)
    assert.is_truthy(cats:find("---@field children? want.tree[]", 1, true), cats)
  end)

  it("end on values that hold themselves", function()
    local tree = { type = "record", fields = { below = "tree" } }
    local declaration = declare({ tree = tree }, { tree = { type = "tree" } })
    local loop = {}
    loop.below = loop
    local _, texts = complete(declaration.schema, { tree = loop })
    assert.is_truthy(texts[1]:find("nested more than 100 levels deep", 1, true))
  end)

  it("tell their mistakes", function()
    local rows = {
      { { disk = { type = "recrd" } }, {}, "field 'types.disk' has a mistake: there is no type 'recrd'" },
      { { a = "b", b = "a" }, { x = { type = "a" } }, "which is only another name of itself" },
      { { int = { type = "string" } }, {}, "field 'types.int' is the name of a type that prov has" },
      { { ["Big Disk"] = { type = "string" } }, {}, "cannot be a name of a type" },
      { { a = 3 }, {}, "field 'types.a' must be a table" },
      { nil, { x = { type = "dsk" } }, "field 'schema.x' has a mistake: there is no type 'dsk'" },
      { { disk = { type = "string" } }, { x = { type = "list", of = "dsk" } }, "did you mean 'disk'?" },
    }
    for _, row in ipairs(rows) do
      local _, e = declare(row[1], row[2])
      assert.is_truthy(e, row[3])
      assert.is_truthy(tostring(e):find(row[3], 1, true), tostring(e))
    end
  end)
end)

describe("fields", function()
  it("match regular expressions, and say them to JSON Schema", function()
    local schema = { v = { type = "string", regex = "v\\d+(\\.\\d+)?", example = "v1.2" } }
    assert.are.equal("v10.2", complete(schema, { v = "v10.2" }).v)
    local _, texts, errs = complete(schema, { v = "x1" })
    assert.are.same({ 'v: "x1" does not have the form v\\d+(\\.\\d+)? | for example v1.2' }, texts)
    assert.are.equal("the form v\\d+(\\.\\d+)?", errs[1].expected)
    assert.are.equal('"x1"', errs[1].found)
    assert.are.equal("^v\\d+(\\.\\d+)?$", contract.json_schema(schema).properties.v.pattern)
    local ok, message = fields.check({ v = { type = "string", regex = "a(" } })
    assert.is_false(ok)
    assert.is_truthy(message:find("the regex a( has a mistake: the closing ) is missing", 1, true), message)
  end)

  it("may be optional: null is a value then, and absent otherwise", function()
    local schema = {
      gateway = { type = "optional", of = { type = "ip" }, default = "10.0.0.1" },
      list = { type = "list", of = { type = "optional", of = "int" } },
    }
    assert.are.same({ gateway = "10.0.0.1" }, (complete(schema, {})))
    local done = complete(schema, { gateway = data.null, list = { 1, data.null } })
    assert.are.equal(data.null, done.gateway)
    assert.are.equal(data.null, done.list[2])
    local _, texts = complete(schema, { gateway = "x" })
    assert.are.equal('gateway: expected an IP address such as 10.0.0.1, found "x"', texts[1])
  end)

  it("take limits in their own units", function()
    local schema = { t = { type = "duration", min = "1m" }, s = { type = "size", max = "1 GiB" } }
    assert.are.same({ t = 90, s = 1073741824 }, (complete(schema, { t = "90s", s = "1 GiB" })))
    local _, texts = complete(schema, { t = "5s", s = "2 GiB" })
    assert.are.same({
      's: "2 GiB" is more than the largest allowed: 1 GiB', 't: "5s" is less than the smallest allowed: 1m',
    }, texts)
    assert.has_error(function()
      contract.compile({ t = { type = "int", min = "a" } })
    end)
  end)

  it("warn when they are deprecated, and an old name is read as the new one", function()
    local schema = {
      image = { type = "string", required = true, min = 2 },
      img = { type = "string", deprecated = "image" },
      disks = { type = "list", of = { type = "record", fields = { gb = { type = "int", deprecated = true } } } },
      zone = { type = "string", deprecated = "name the region in the provider" },
    }
    local c = contract.compile(schema)
    local given = { img = "debian", disks = { {}, { gb = 3 } }, zone = "x" }
    assert.are.same({ image = "debian", disks = { {}, { gb = 3 } }, zone = "x" }, c:complete(given))
    local texts = {}
    for i, e in ipairs(c:warnings(given, { file = "a.yaml", path = { "servers", "web" } })) do
      texts[i] = tostring(e) .. (e.hint and " | " .. e.hint or "")
    end
    assert.are.same({
      "a.yaml: servers.web.disks[2].gb: 'gb' is deprecated",
      "a.yaml: servers.web.img: 'img' is deprecated | write 'image' instead",
      "a.yaml: servers.web.zone: 'zone' is deprecated | name the region in the provider",
    }, texts)
    assert.are.same({}, c:warnings({ image = "x" }))
    local _, errors = complete(schema, { img = "debian", image = "x2" })
    assert.are.same({ "img: the old name of 'image', which is given too | leave it out" }, errors)
    _, errors = complete(schema, { img = "d" })
    assert.are.same({ "img: 1 characters is less than the smallest allowed: 2 characters" }, errors)
  end)

  it("refuse a name that is not theirs, also when nothing is given for it", function()
    local _, texts = complete({ image = { type = "string" } }, { imge = data.null })
    assert.are.same({ "there is no field 'imge' | did you mean 'image'?" }, { (texts[1]:gsub("^imge: ", "")) })
  end)

  it("check items and parts by rules, which wait for what is not known yet", function()
    local schema = {
      ports = {
        type = "list",
        of = { type = "int", check = function(port)
          return port > 1023, "is for root", "take one above 1023"
        end },
      },
      low = { type = "int" },
      high = { type = "int", check = function(high, whole)
        return high > whole.low, "must be above low"
      end },
    }
    local _, texts, errs = complete(schema, { ports = { 80, 8080, 22 } })
    assert.are.same({
      "ports[1]: is for root | take one above 1023", "ports[3]: is for root | take one above 1023",
    }, texts)
    assert.is_true(errs[1].declared.line > 0)
    assert.is_table(complete(schema, { low = value.ref("x.y"), high = 3 }))
    _, texts = complete(schema, { high = 3 })
    assert.is_truthy(texts[1]:find("high: the rule failed: ", 1, true), texts[1])
  end)

  it("show nothing of what is secret", function()
    for _, field in ipairs({
      { type = "int", secret = true },
      { type = "string", secret = true, max = 3 },
      { type = "string", secret = true, regex = "[0-9]+" },
      { type = "enum", one_of = { "a" }, secret = true },
      { type = "record", secret = true, fields = { pin = { type = "int" } } },
    }) do
      local _, texts, errs = complete({ x = field }, { x = field.fields and { pin = "hunter2" } or "hunter2" })
      assert.is_nil(texts[1]:find("hunter", 1, true), texts[1])
      assert.is_nil((data.json_encode(err.data(errs))):find("hunter", 1, true))
    end
  end)

  it("of unions tell about the alternative that is nearest", function()
    local text = { type = "string", required = true }
    local schema = { on = { type = "union", of = {
      { type = "record", fields = { cron = text, zone = text } },
      { type = "record", fields = { every = { type = "duration", required = true } } },
      "string",
    } } }
    local _, texts = complete(schema, { on = { every = "x" } })
    assert.are.same({ 'on.every: expected a duration such as 30s, 5m or 1h30m, found "x"' }, texts)
  end)

  it("tell their authors' mistakes", function()
    local rows = {
      { { x = { type = "union" } }, "must list the alternatives of the union" },
      { { x = { type = "enum" } }, "must list the values of the enum" },
      { { x = { type = "int", deprecated = 3 } }, "must be a boolean or a string, not a number" },
      { { x = { type = "int", requred = true } }, "is not known" },
      { { x = { type = "string", pattern = "a%" } }, "the pattern a% has a mistake: it ends with %" },
    }
    for _, row in ipairs(rows) do
      local ok, message = fields.check(row[1])
      assert.is_false(ok)
      assert.is_truthy(message:find(row[2], 1, true), message)
    end
  end)
end)

describe("errors", function()
  it("say where the contract is, as text and as data", function()
    local file = os.getenv("HOME") .. "/provider.lua"
    local text = [[
return {
  kind = "provider", api = 1, name = "p", summary = "P",
  types = {
    disk = { type = "record", fields = {
      size = { type = "size", required = true },
    } },
  },
  resources = {
    server = {
      body = "server",
      schema = {
        image = { type = "string", required = true },
        disks = {
          type = "list",
          of = "disk",
        },
      },
    },
  },
}
]]
    assert(fs.write_atomic(file, text))
    local declaration = load(text, "@" .. file)()
    assert.is_nil(extension.check("provider", "p", declaration, file))
    local schema = declaration.resources.server.schema
    local _, errs = contract.compile(schema):complete({ imge = 1, disks = { { size = "x" } } }, { file = "infra.yaml" })
    local found = {}
    for i, e in ipairs(errs) do
      assert.are.equal(file, e.declared.file)
      assert.are.equal("server of provider p", e.declared.of)
      found[i] = ("%s %s %d"):format(e.path, e.declared.field, e.declared.line)
    end
    assert.are.same({
      "disks[1].size disks[].size 5", -- of the type
      "imge  11",
      " image 12",
    }, found)
    local plain = err.data(errs).errors[1]
    assert.are.same({
      code = "invalid",
      msg = 'disks[1].size: expected a size such as 256 MiB or 2 GB, found "x"',
      file = "infra.yaml",
      path = "disks[1].size",
      expected = "a size such as 256 MiB or 2 GB",
      found = '"x"',
      declared = { file = file, line = 5, of = "server of provider p", field = "disks[].size" },
    }, plain)
    local shown = require("prov.face.cli.report").text(errs[1])
    assert.is_truthy(shown:find("declared at " .. file .. ":5 (disks[].size, server of provider p)", 1, true), shown)
  end)
end)

describe("the difference of two contracts", function()
  local function changes(old, new, opts)
    local out = {}
    for i, one in ipairs(diff.schemas(old, new, opts)) do
      out[i] = ("%s %s: %s"):format(one.effect, one.path, one.what)
    end
    return out
  end

  it("tells what breaks, what changes and what is added", function()
    local old = {
      gone = "string",
      narrow = "any",
      wide = "int",
      mode = { type = "enum", one_of = { "a", "b" } },
      size = { type = "size", min = "1 MiB", default = "1 GiB" },
      name = { type = "string" },
      key = { type = "string" },
      ports = { type = "list", of = { type = "record", fields = { host = "port" } } },
      img = { type = "string", required = true },
      free = { type = "string" },
      may = { type = "optional", of = "int" },
    }
    local new = {
      narrow = "int",
      wide = "number",
      mode = { type = "enum", one_of = { "b", "c" } },
      size = { type = "size", min = "2 MiB", default = "2 GiB", replace = true },
      name = { type = "string", required = true },
      key = { type = "secret" },
      ports = {
        type = "list",
        of = { type = "record", fields = { host = "port", guest = { type = "port", required = true } } },
      },
      image = { type = "string", required = true },
      img = { type = "string", deprecated = "image" },
      free = { type = "string", regex = "a+", deprecated = "it does nothing" },
      may = { type = "int", max = 3 },
    }
    assert.are.same({
      "adds free: is deprecated: it does nothing",
      'breaks free: regex is "a+", was none',
      "breaks gone: is gone",
      "adds img: need not be given any more",
      "adds img: is deprecated: image",
      "changes key: is secret now",
      "adds key: is secret, was string",
      "breaks may: may not be null any more",
      "breaks may: max is 3, was none",
      "adds mode: the value \"c\"",
      "breaks mode: the value \"a\" is gone",
      "breaks name: must be given now",
      "breaks narrow: is int, was any",
      "breaks ports[].guest: is new, and must be given",
      'changes size: the default is "2 GiB", was "1 GiB"',
      "changes size: a change of it replaces the resource now",
      'breaks size: min is "2 MiB", was "1 MiB"',
      "adds wide: is number, was int",
      "adds image: is new",
    }, changes(old, new))
    assert.are.same({}, changes(new, new))
  end)

  it("turns round for what is given", function()
    local old = { ip = { type = "ip", required = true }, port = "port", name = "string" }
    local new = { ip = "ip", port = "string", more = { type = "int", required = true } }
    assert.are.same({
      "breaks ip: may be absent now", "breaks name: is gone", "breaks port: is string, was port", "adds more: is new",
    }, changes(old, new, { results = true }))
  end)

  it("finds alternatives of unions", function()
    local old = { x = { type = "union", of = { "int", { type = "enum", one_of = { "auto" } } } } }
    local turned = { x = { type = "union", of = { { type = "enum", one_of = { "auto" } }, "int" } } }
    assert.are.same({}, changes(old, turned))
    assert.are.same({ "breaks x: may not be auto any more" }, changes(old, { x = "int" }))
    local more = { x = { type = "union", of = { "int", "bool" } } }
    assert.are.same({ "adds x: may be bool too" }, changes({ x = "int" }, more))
  end)
end)

describe("JSON Schema", function()
  it("writes Lua patterns as regular expressions", function()
    local rows = {
      { "[a-z][a-z0-9-]*", "^[a-z][a-z0-9\\-]*$" },
      { "^%d+%.%d+$", "^[0-9]+\\.[0-9]+$" },
      { "a-b", "^a*b$" },
      { "(x)*", "^(?:x)\\*$" },
      { "[%w_%-]+", "^[A-Za-z0-9_\\-]+$" },
      { "[]x]", "^[\\]x]$" },
      { "[^%s]", "^[^\\t-\\r ]$" },
      { "%S", "^[^\\t-\\r ]$" },
      { ".", "^[\\s\\S]$" },
      { "%%$%$", "^%\\$\\$$" },
    }
    for _, row in ipairs(rows) do
      assert.are.equal(row[2], pattern.to_regex(row[1]), row[1])
    end
    for _, none in ipairs({ "%b()", "%f[%w]", "(a)%1", "[%S]", "[a" }) do
      assert.is_nil(pattern.to_regex(none), none)
    end
    assert.are.equal("a|b", regex.bare("^a|b$"))
    for text, wrong in pairs({
      ["a%"] = "it ends with %", ["[a"] = "the closing ] is missing", ["[]"] = "the closing ] is missing",
      ["(a"] = "the closing ) is missing", ["a)"] = "a ) without its (", ["%ba"] = "%b needs two characters",
      ["%fa"] = "%f needs a set", ["[%]"] = "the closing ] is missing",
    }) do
      assert.are.equal(wrong, pattern.mistake(text), text)
    end
    for _, fine in ipairs({ "[]x]", "[^]]", "%b()", "%f[%w]", "(a)%)", "[%]]", "%(", "a-$" }) do
      assert.is_nil(pattern.mistake(fine), fine)
    end
  end)

  it("gives names to types that hold themselves, and demands one of two names", function()
    local tree = { children = { type = "list" } }
    tree.children.of = { type = "record", fields = tree }
    local js = json_schema.of({ root = { type = "record", fields = tree } })
    assert.are.equal("#/$defs/record", js.properties.root["$ref"])
    assert.are.equal("#/$defs/record", js["$defs"].record.properties.children.items["$ref"])
    js = json_schema.of({
      image = { type = "string", required = true },
      img = { type = "string", deprecated = "image" },
    })
    assert.is_nil(js.required)
    assert.is_true(js.properties.img.deprecated)
    assert.are.same({ { required = { "image" } }, { required = { "img" } } }, js.allOf[1].anyOf or js.allOf[2].anyOf)
  end)

  it("lets references stand for values, and keys have marks", function()
    local js = json_schema.object(
      { n = { type = "int", required = true }, s = "string" },
      { later = "#/x", marks = true, partial = true }
    )
    assert.are.same({ { type = "integer" }, { ["$ref"] = "#/x" } }, js.properties.n.anyOf)
    assert.are.same({ type = "string" }, js.properties.s)
    assert.is_true(js.patternProperties["^[^!?]+[!?]$"])
    assert.is_nil(js.required)
  end)
end)

describe("hostile values", function()
  it("of sizes and durations do not wrap", function()
    for _, v in ipairs({ "22517998136852480K", "8192P", "9223372036854775808", "18014398509481985K" }) do
      assert.is_nil((complete({ a = "size" }, { a = v })), v)
    end
    assert.are.equal(8191 << 50, complete({ a = "size" }, { a = "8191P" }).a)
    assert.are.equal(math.maxinteger, complete({ a = "size" }, { a = "9223372036854775807" }).a)
    for _, v in ipairs({ "20000000000000w", "30500568904943w", "99999999999999999999w" }) do
      assert.is_nil((complete({ a = "duration" }, { a = v })), v)
    end
  end)

  it("of versions are refused", function()
    for _, v in ipairs({ "1.2.3-..", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3+a+b", "1.2.3-a..b" }) do
      assert.is_nil((complete({ a = "semver" }, { a = v })), v)
    end
    for _, v in ipairs({ "1.2.3-a.b+c.01", "1.2.3--1", "1.2.3-0a", "1.0.0-rc.1" }) do
      assert.are.equal(v, complete({ a = "semver" }, { a = v }).a)
    end
  end)

  it("that are secret are in no message, whatever they are", function()
    local schema = {
      pw = "secret",
      list = { type = "list", of = "secret" },
      map = { type = "map", of = "secret" },
      maybe = { type = "optional", of = "secret" },
      union = { type = "union", of = { { type = "secret" }, { type = "list", of = "secret" } } },
      pin = { type = "int", secret = true },
    }
    local _, errs = contract.compile(schema):complete({ pw = 4711, list = { 4711 }, map = { x = 4711 }, maybe = 4711,
      union = 4711, pin = "4711" })
    assert.are.equal(6, #errs)
    for _, e in ipairs(errs) do
      for _, text in pairs({ e.msg, e.hint, e.found }) do
        assert.is_nil(text:find("4711", 1, true), text)
      end
    end
    local _, texts = complete({ pw = { type = "secret", min = 10 } }, { pw = "hunter2" })
    assert.are.same({ "pw: expected at least 10 characters; what was found is secret" }, texts)
    _, texts = complete({ pw = "secret" }, { pw = 4711 })
    assert.are.same({ "pw: expected a string, found a number | put quotes around it" }, texts)
  end)

  it("do not slip behind a pattern that ends with a dollar sign", function()
    assert.is_nil((complete({ a = { type = "string", pattern = "x%$" } }, { a = "x$yz" })))
    assert.are.equal("x$", complete({ a = { type = "string", pattern = "x%$" } }, { a = "x$" }).a)
  end)
end)

describe("schemas as data", function()
  it("are refused at the place of the mistake", function()
    for _, case in ipairs({
      { { a = { type = "int", minn = 3 } }, "a.minn", { "a", "minn" } },
      { { a = { type = "record", fields = { b = { type = "list", of = { max = {} } } } } }, "a.b.of.max",
        { "a", "fields", "b", "of", "max" } },
      { { a = { one_of = { 1, {} } } }, "a.one_of[2]", { "a", "one_of", 2 } },
      { { a = { type = "int", min = 5, max = 2 } }, "a", { "a" } },
    }) do
      local ok, _, _, below, keys = fields.check(case[1])
      assert.is_false(ok)
      assert.are.equal(case[2], below)
      assert.are.same(case[3], keys)
    end
  end)
end)

describe("types that hold themselves", function()
  local function schema(leaf)
    local node = { type = "union", named = "node" }
    node.of = { { type = "int" }, { type = "record", fields = {
      leaf = { type = leaf, check = function(v)
        return v ~= "bad", "is bad"
      end },
      list = { type = "list", of = node },
      next = node,
    } } }
    return { a = node }
  end

  it("are compared, also as alternatives", function()
    assert.are.same({}, diff.schemas(schema("string"), schema("string")))
    local changes = diff.schemas(schema("string"), schema("bool"))
    assert.truthy(#changes > 0)
    assert.are.equal("breaks", changes[1].effect)
  end)

  it("are guarded once, with all that is in them", function()
    local sandbox = require("prov.sandbox")
    local one = schema("string")
    local leaf = one.a.of[2].fields.leaf
    local check = leaf.check
    sandbox.guard_checks(one, "x.lua")
    assert.are_not.equal(check, leaf.check)
    assert.are.equal(check, sandbox.original(leaf.check))
    local _, texts = complete(one, { a = { next = { list = { 1, { leaf = "bad" } } } } })
    assert.are.same({ "a.next.list[2].leaf: is bad" }, texts)
  end)

  it("do so in a record", function()
    local list = { type = "list" }
    list.of = { type = "optional", of = list }
    local ok, message, _, below = fields.check({ a = list })
    assert.is_false(ok)
    assert.are.equal("holds itself: a type does so in a field of a record only", message)
    assert.are.equal("a.of.of", below)
    assert.is_true((fields.check(schema("string"))))
  end)
end)
