-- luacheck: no max line length (rows of texts)
local sandbox = require("prov.sandbox")

local function run(source, limits)
  return sandbox.run(source, "x.lua", sandbox.env(), limits)
end

describe("sandbox", function()
  it("runs pure code", function()
    assert.are.equal(6, run("local t = 0 for i = 1, 3 do t = t + i end return t"))
    assert.are.same({ "A", 3 }, run("return { ('a'):upper(), select('#', 1, 2, 3) }"))
    assert.are.same({ false, "x.lua:1: no" }, run("return { pcall(function() error('no') end) }"))
  end)

  it("has no way out", function()
    for _, name in ipairs({
      "io",
      "os",
      "debug",
      "package",
      "require",
      "load",
      "loadfile",
      "dofile",
      "loadstring",
      "coroutine",
      "collectgarbage",
      "print",
    }) do
      assert.is_nil((run("return " .. name)), name)
    end
    assert.is_nil((run("return string.dump")))
    assert.is_nil((run("return getmetatable('')")))
    assert.is_nil((run("return math.random")))
    local _, e = run("return setmetatable({}, { __gc = function() end })")
    assert.are.equal("invalid", e.code)
  end)

  it("shares nothing with the program or other runs", function()
    run("string.upper = nil math.floor = nil table.concat = nil leak = 1")
    assert.are.equal("X", ("x"):upper())
    assert.are.equal(1, math.floor(1.5))
    assert.is_nil(rawget(_G, "leak"))
    assert.are.equal("Y", run("return string.upper('y')"))
    assert.is_function(string.upper)
  end)

  it("refuses bytecode", function()
    local _, e = run(string.dump(function()
      return 1
    end))
    assert.are.equal("invalid", e.code)
  end)

  it("stops endless loops, also those that catch errors", function()
    for _, source in ipairs({
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "local function f() return f() end f()",
      "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do pcall(function() return t[1] end) end",
    }) do
      local _, e = run(source, { instructions = 2000000 })
      assert.are.equal("limit", e.code, source)
    end
    assert.is_nil(debug.gethook())
  end)

  it("stops code that takes too much memory", function()
    local _, e = run("local t = {} for i = 1, 1e9 do t[i] = { i } end", { memory = 20 * 1024 * 1024 })
    assert.are.equal("limit", e.code)
    for _, source in ipairs({ -- few instructions, before any count of them
      "local s = 'xxxxxxxx' while true do s = s .. s end",
      "local t = {} for i = 1, 100 do t[i] = ('x'):rep(60 * 1024 * 1024) end",
      "while true do pcall(function() local s = 'xxxxxxxx' while true do s = s .. s end end) end",
    }) do
      _, e = run(source, { memory = 20 * 1024 * 1024, instructions = 20000 })
      assert.are.equal("limit", e.code, source)
    end
    assert.are.equal(100 * 1024 * 1024, #("x"):rep(100 * 1024 * 1024))
    for _, source in ipairs({
      "return ('x'):rep(1e10)",
      "return string.rep('x', 1e10)",
      "return ('x'):rep(1e6):gsub('x', ('y'):rep(1e6))",
    }) do
      local v, why = run(source)
      assert.is_nil(v)
      assert.truthy(tostring(why):find("too large", 1, true) or why.code == "limit", tostring(why))
    end
    assert.are.equal("xx", ("x"):rep(2)) -- the program's own strings are as before
    assert.are.equal(string, getmetatable("").__index)
  end)

  it("gives no metatable of prov's own, only those made there", function()
    assert.is_nil(run("return getmetatable(list({}))"))
    assert.is_nil(run("return getmetatable(sensitive('x'))"))
    assert.is_nil(run("return getmetatable('')"))
    assert.are.equal(1, run("local mt = { x = 1 } return getmetatable(setmetatable({}, mt)).x"))
    local _, e = run("local mt = {} setmetatable({}, mt) mt.__gc = type setmetatable({}, mt)")
    assert.matches("may have no __gc", tostring(e), 1, true)
  end)

  it("says file and line of mistakes", function()
    local _, e = run("\nlocal x = nil\nreturn x.y")
    assert.are.equal("x.lua:3", tostring(e):match("^x.lua:%d+"))
    _, e = run("return {\n  a = \n}")
    assert.are.equal("x.lua:3", tostring(e):match("^x.lua:%d+"))
  end)
end)
