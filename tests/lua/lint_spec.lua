local fs = require("prov.fs")
local globals = require("prov.lint.globals")
local lint = require("prov.lint")
local tmp = require("support.tmp")

describe("lint.globals", function()
  local function of(text)
    local out = {}
    for i, one in ipairs(globals.of(text)) do
      assert.are.equal(one.name, text:sub(one.from, one.from + #one.name - 1))
      out[i] = one.name
    end
    return table.concat(out, " ")
  end

  it("finds names that are assigned to and that no local has", function()
    assert.are.equal("x", of("x = 1"))
    assert.are.equal("x", of("#!/usr/bin/prov\nx = 1"))
    assert.are.equal("", of("local x x = 1"))
    assert.are.equal("c d", of("a.b = 1 c, d = 1, 2"))
    assert.are.equal("c", of("a.b, c = 1, 2"))
    assert.are.equal("t", of("t = { x = 1, f(y) }"))
    assert.are.equal("", of("local a <const>, b <close> = 1, 2 b = 1"))
  end)

  it("knows where a local ends", function()
    assert.are.equal("i", of("for i = 1, 2 do i = 3 end i = 4"))
    assert.are.equal("z", of("if x then local z = 1 else z = 2 end"))
    assert.are.equal("q", of("while x do local q q = 1 end q = 2"))
    assert.are.equal("r", of("repeat local r = 1 until r == 1 r = 3"))
    assert.are.equal("y w", of("f(function(x, ...) x = 1 y = 1 end) w = 1"))
    assert.are.equal("g b", of("local function f() f = 1 end function g(a) a = 1 b = 2 end function t.h() end"))
    assert.are.equal("", of("local f function f() end"))
  end)
end)

describe("lint", function()
  local function found(files)
    local dir = tmp.dir()
    assert(fs.write_atomic(dir .. "/prov.yaml", "name: x\n"))
    for name, text in pairs(files) do
      assert(fs.mkdirp((dir .. "/" .. name):match("^(.*)/")))
      assert(fs.write_atomic(dir .. "/" .. name, text))
    end
    local value = assert(lint.run({}, { path = { dir } }))
    local out = {}
    for i, one in ipairs(value.findings) do
      out[i] = ("%s %s:%d"):format(one.rule, one.file:sub(#dir + 2), one.line)
    end
    return out, value
  end

  it("finds inputs that nobody uses, by infra and module", function()
    assert.are.same({ "input-unused infra.yaml:3" }, (found({
      ["infra.yaml"] = "inputs:\n  a: { type: int }\n  b: { type: int }\noutputs:\n  x: ${var.a}\n  y: ${var.b-c}\n",
      ["m/module.yaml"] = "inputs:\n  b: { type: int }\noutputs:\n  x: ${var.b}\n",
    })))
    assert.are.same({}, (found({
      ["infra.toml"] = '[inputs]\na = { type = "int" }\nb = { type = "int" }\n',
      ["infra.lua"] = 'local v = var\nreturn { outputs = { x = v.a, y = var["b"] } }\n',
    })))
    assert.are.same({}, (found({
      ["infra.yaml"] = 'inputs:\n  a: { type: int }\noutputs:\n  x: "${template(\'a.txt\', var)}"\n',
    })))
  end)

  it("finds form, tabs, globals and what does not parse", function()
    local out, value = found({
      ["infra.yaml"] = "a:  1\nb: \"x\ty\"\n",
      ["infra.lua"] = "local a\na, b = 1, 2\nreturn {}\n",
      ["rules/x.lua"] = "return (\n",
    })
    table.sort(out)
    assert.are.same({ "form infra.yaml:1", "global-set infra.lua:2", "syntax rules/x.lua:2", "tab infra.yaml:2" }, out)
    assert.are.equal(1, value.exit_code)
    assert.are.equal(4, value.checked)
  end)
end)
