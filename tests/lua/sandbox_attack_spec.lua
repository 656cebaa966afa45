-- luacheck: no max line length (rows of chunks)
-- Attempts to get out of the sandbox, to exhaust the machine, or to do harm after the call. Every one
-- ends in an error that says why, within limits of instructions and memory, and leaves the process as it was.
local err = require("prov.err")
local sandbox = require("prov.sandbox")

local MIB = 1024 * 1024
local LIMITS = { instructions = 20 * 1000 * 1000, memory = 128 * MIB }
local WALL = 20 -- seconds that no attempt comes near, on a slow and busy machine either

local INSTRUCTIONS, MEMORY, STRING, SECONDS =
  "stopped after 20 million instructions",
  "stopped after taking 128 MiB of memory",
  "stopped: a text would be longer than 64 MiB",
  "s of processor time"

-- { name, chunk, what the error says }
local ATTEMPTS = {
  -- Loops that catch what would stop them.
  { "an endless loop", "while true do end", INSTRUCTIONS },
  { "a goto loop", "::again:: goto again", INSTRUCTIONS },
  { "a repeat in pcall in a loop", "while true do pcall(function() repeat until false end) end", INSTRUCTIONS },
  { "pcall of pcall of pcall", "while true do pcall(pcall, pcall, function() while true do end end) end", INSTRUCTIONS },
  { "pcall with nothing after it", "local function f() pcall(f) while true do end end f()", INSTRUCTIONS },
  { "a handler of an error that loops", "local t = setmetatable({}, { __tostring = function() while true do end end }) error(t)", INSTRUCTIONS },
  { "an error whose text is another error", "local mt = {} mt.__tostring = function() error(setmetatable({}, mt)) end error(setmetatable({}, mt))", "overflow" },
  { "an error with an __index that loops", "error(setmetatable({}, { __index = function() while true do end end }))", "table" },
  { "a __close added later", "local mt = {} local function f(n) local x <close> = setmetatable({}, mt) if n > 0 then f(n - 1) end while true do end end mt.__close = function() while true do end end f(150)", "__close" },
  { "a __close that catches", "local mt = {} local v = setmetatable({}, mt) mt.__close = function() while true do pcall(function() while true do end end) end end while true do local x <close> = v end", INSTRUCTIONS },
  { "many __close that each go on a while", "local mt = {} local v = setmetatable({}, mt) mt.__close = function() for i = 1, 1e9 do end end local function f(n) local x <close> = v if n > 0 then f(n - 1) else while true do end end end f(10000)", INSTRUCTIONS },
  { "recursion without end", "local function f() return 1 + f() end return f()", "stack overflow" },
  { "recursion without end, caught in a loop", "local function f() return 1 + f() end while true do pcall(f) end", INSTRUCTIONS, seconds = true },
  { "tail calls without end", "local function f() return f() end return f()", INSTRUCTIONS },
  { "pcall inside pcall without end", "local function f() return pcall(f) end while true do f() end", INSTRUCTIONS },
  { "__index that asks itself", "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x", "loop" },
  { "a chain of __index", "local t = {} for i = 1, 1990 do t = setmetatable({}, { __index = t }) end while true do local x = t.x end", INSTRUCTIONS, seconds = true },
  { "__eq without end", "local mt = {} mt.__eq = function(a, b) return setmetatable({}, mt) == setmetatable({}, mt) end return setmetatable({}, mt) == setmetatable({}, mt)", "overflow" },
  { "__concat without end", "local mt = {} mt.__concat = function(a, b) return a .. b end local t = setmetatable({}, mt) return t .. 'x'", "overflow" },
  { "__lt that loops", "local t = setmetatable({}, { __lt = function() while true do end end }) return t < t", INSTRUCTIONS },
  { "__tostring that is tostring", "return tostring(setmetatable({}, { __tostring = tostring }))", "overflow" },
  { "an iterator without end", "for _ in function() return 1 end do end", INSTRUCTIONS },
  { "next over a table that grows", "local t = { a = 1 } for k in pairs(t) do t[k .. 'x'] = 1 t[k .. 'y'] = 1 end while true do end", "invalid key", or_limit = true },
  { "next over an emptied table", "local t = {} for i = 1, 1e6 do t['k' .. i] = 1 end for k in pairs(t) do t[k] = nil end while true do next(t) end", SECONDS, memory = 512 * MIB },

  -- Functions of C, which run no hook.
  { "find that backtracks", "return ('a'):rep(100):find(('a?'):rep(100) .. ('a'):rep(101))", INSTRUCTIONS },
  { "find with many .*", "return ('a'):rep(5000):find(('.*'):rep(12) .. 'b')", INSTRUCTIONS },
  { "match with many .-", "return ('a'):rep(5000):match(('.-'):rep(12) .. 'b')", INSTRUCTIONS },
  { "match with captures", "return string.match(('a'):rep(10000), ('(.-)'):rep(20) .. 'b')", INSTRUCTIONS },
  { "gmatch that backtracks", "for _ in ('a'):rep(5000):gmatch('.-.-.-.-b') do end", INSTRUCTIONS },
  { "gsub that backtracks", "return ('a'):rep(5000):gsub('a*a*a*a*b', '')", INSTRUCTIONS },
  { "gsub at every place", "return ('a'):rep(200000):gsub('.-b', '')", INSTRUCTIONS },
  { "%b at every place", "return ('('):rep(200000):find('%b()')", INSTRUCTIONS },
  { "a back reference at every place", "return ('a'):rep(20000):find('(a*)%1%1b')", INSTRUCTIONS },
  { "a pattern caught in a loop", "while true do pcall(string.find, ('a'):rep(5000), ('.*'):rep(9) .. 'b') end", INSTRUCTIONS },
  { "a very long set", "return ('b'):rep(100000):find('[' .. ('a'):rep(1000000) .. ']x')", INSTRUCTIONS },
  { "a very long pattern", "return ('a'):rep(1000000):find(('a?'):rep(1000000))", "pattern too complex" },
  { "a pattern of captures", "return ('x'):find(('('):rep(1000000))", "too many captures" },
  { "a plain find in a loop", "local s, p = ('a'):rep(1e7), ('a'):rep(5e6) .. 'b' while true do s:find(p, 1, true) end", INSTRUCTIONS },
  { "gsub with a repl that grows", "return ('x'):rep(1e6):gsub('x', ('y'):rep(1e6))", INSTRUCTIONS, or_limit = true },
  { "gsub with a table that answers much", "local y = ('y'):rep(1e6) return ('x'):rep(1e6):gsub('x', { x = y })", INSTRUCTIONS, or_limit = true },
  { "gsub that calls gsub", "local function f(c) return (('a'):rep(100):gsub('a', f)) end return f('a')", "overflow" },
  { "rep", "return ('x'):rep(1e10)", "too large" },
  { "rep of nothing", "return (''):rep(math.maxinteger) .. error('came through', 0)", "came through" },
  { "rep with a separator", "return ('x'):rep(1e6, ('y'):rep(1e6))", "too large" },
  { "rep whose size overflows", "return ('xyz'):rep(math.maxinteger // 3 + 2)", "too large" },
  { "format with a width", "return ('%99999d'):format(1)", "invalid conversion" },
  { "format that grows", "local s = ('x'):rep(1e6) while true do s = ('%s%s'):format(s, s) end", STRING, or_limit = true },
  { "format with %q", "local s = ('\\0'):rep(3e7) return ('%q%q'):format(s, s)", STRING, or_limit = true },
  { "concat of a table that makes up its length", "return table.concat(setmetatable({}, { __len = function() return 1e15 end, __index = type }))", INSTRUCTIONS },
  { "concat whose length changes", "local n = 0 return table.concat(setmetatable({}, { __len = function() n = n + 1 return n > 1 and 1e15 or 1 end, __index = type })) .. error('came through', 0)", "came through" },
  { "concat with a long separator", "local t = {} for i = 1, 1e5 do t[i] = 'x' end return table.concat(t, ('y'):rep(1e6))", MEMORY, or_limit = true },
  { "concat with bounds", "return table.concat({}, '', 1, math.maxinteger)", INSTRUCTIONS },
  { "move over everything", "return table.move({}, 1, math.maxinteger - 1, 2)", INSTRUCTIONS },
  { "move from below zero", "return table.move({}, math.mininteger, -2, 1)", "too many elements", or_limit = true },
  { "insert into a table that makes up its length", "table.insert(setmetatable({}, { __len = function() return 1e15 end }), 1, 1)", "__len" },
  { "remove from a table that makes up its length", "table.remove(setmetatable({}, { __len = function() return 1e15 end }), 1)", "__len" },
  { "insert at the front in a loop", "local t = {} while true do table.insert(t, 1, 1) end", INSTRUCTIONS },
  { "sort by a function of C", "local t = {} for i = 1, 2000000 do t[i] = i end table.sort(t, math.ult)", INSTRUCTIONS },
  { "sort by a function that loops", "table.sort({ 1, 2, 3 }, function() while true do end end)", INSTRUCTIONS },
  { "sort by no order", "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end)", "invalid order function" },
  { "sort of a table that makes up its length", "table.sort(setmetatable({}, { __len = function() return 2 ^ 30 end }))", "__len" },
  { "sort of long texts", "local t = {} for i = 1, 2000 do t[i] = 'x' end local a, b = ('x'):rep(2e7), ('x'):rep(2e7) for i = 1, 2000, 2 do t[i], t[i + 1] = a, b end table.sort(t)", INSTRUCTIONS },
  { "unpack of everything", "return table.unpack({}, 1, 1e8)", "too many results" },
  { "byte of everything", "return ('x'):rep(6e7):byte(1, -1)", "string slice too long" },
  { "string.pack", "return string.pack('c1000000000', 'x')", "nil value" },
  { "comparing long texts", "local a, b = ('x'):rep(3e7), ('x'):rep(3e7) while true do local c = a == b end", SECONDS },
  { "changing long texts", "local a = ('x'):rep(3e7) while true do a:upper() end", SECONDS, or_limit = true },
  { "counting long texts", "local a = ('x'):rep(3e7) while true do utf8.len(a) end", SECONDS },

  -- Memory and size.
  { "a table that grows", "local t = {} for i = 1, 1e9 do t[i] = { i } end", MEMORY },
  { "a table of a million fields", "local t = {} for i = 1, 1e9 do t['k' .. i] = i end", MEMORY, seconds = true },
  { "a text that doubles", "local s = 'xxxxxxxx' while true do s = s .. s end", STRING },
  { "texts that double, caught", "while true do pcall(function() local s = 'xxxxxxxx' while true do s = s .. s end end) end", STRING },
  { "many long texts", "local t = {} for i = 1, 100 do t[i] = ('x'):rep(6e7) end", MEMORY },
  { "many long texts, caught", "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(6e7) end) end", MEMORY },
  { "closures without end", "local f = type while true do local g = f f = function() return g end end", MEMORY },
  { "many arguments", "local function f(...) return f(1, ...) end return f()", INSTRUCTIONS, seconds = true, also = "stack overflow" },
  { "a text with references that doubles", "local r = sensitive('x') while true do r = r .. r end", MEMORY, or_limit = true },
  { "many names", "for i = 1, 1e9 do _G['n' .. i] = ('x'):rep(1000) .. i end", MEMORY, or_limit = true },

  -- What is handed back.
  { "a result that is many tables in many places", "local t = {} for i = 1, 60 do t = { t, t } end return t", "the result is larger than 256 MiB" },
  { "a result that is a text in many places", "local t, s = {}, ('x'):rep(1e6) for i = 1, 1000 do t[i] = s end return t", "the result is larger than 256 MiB" },
  { "a result that holds itself", "local t = {} t.t = t return t", "the result holds itself" },
  { "a result that holds itself as a key", "local t = {} t[t] = 1 return t", "a key must be a text or a whole number, not a table" },
  { "a key that is a number with a fraction", "return { a = { [1.5] = 1 } }", "a: a key must be a text or a whole number, not a float" },
  { "a number that is none", "return { a = { b = 0 / 0 } }", "a.b: a number must be finite" },
  { "an endless number", "return { a = { b = 1 / 0 } }", "a.b: a number must be finite" },
  { "bytes that are no text", "return { a = 'x\\xff' }", "a: a text must be UTF-8" },
  { "a key of bytes that are no text", "return { a = { ['\\xff'] = 1 } }", "a: a text must be UTF-8" },
  { "a result that is very deep", "local t = {} for i = 1, 1e5 do t = { t } end return t", "nested deeper than 200" },
  { "a result with code in it", "return { servers = setmetatable({}, { __index = function() while true do end end }) }", "metatable" },
  { "a result with __pairs", "return setmetatable({}, { __pairs = function() while true do end end })", "metatable" },

  -- Ways out.
  { "io", "return io.open('/etc/passwd')", "'io'" },
  { "os", "return os.execute('true')", "'os'" },
  { "debug", "return debug.sethook()", "'debug'" },
  { "package", "return package.loaded", "'package'" },
  { "require", "return require('os')", "'require'" },
  { "load", "return load('return 1')()", "'load'" },
  { "coroutine", "return coroutine.wrap(function() while true do end end)()", "'coroutine'" },
  { "collectgarbage", "collectgarbage('stop')", "'collectgarbage'" },
  { "bytecode", string.dump(function() end), "attempt to load a binary chunk" },
  { "dump", "return string.dump(function() end)", "nil value" },
  { "chance", "return math.random()", "nil value" },
  { "an address in a text", "error(tostring({}) .. ('%s'):format(print or type), 0)", "tablefunction" },
  { "an address by %p", "return ('%p'):format({})", "addresses differ" },
  { "the metatable of strings", "getmetatable('').__index = {}", "nil value" },
  { "the metatable of a list", "getmetatable(list({})).__gc = function() end", "nil value" },
  { "a finalizer", "setmetatable({}, { __gc = function() while true do end end })", "may have no __gc" },
  { "weak tables", "setmetatable({}, { __mode = 'k' })", "may have no __mode" },
  { "a list that is made another thing", "setmetatable(list({}), { __index = {} })", "not one of your own" },
  { "a secret that is opened", "rawset(sensitive('x'), 1, 'y')", "not one of your own" },
  { "a protected metatable", "setmetatable(setmetatable({}, { __metatable = 1 }), {})", "protected metatable" },
  { "methods of strings that prov uses", "string.format = function() while true do end end string.rep = nil return ('x'):rep(1e10)", "too large" },

  -- The compiler.
  { "brackets", "return " .. ("("):rep(1e5), "overflow" },
  { "tables in tables", "return " .. ("{"):rep(1e5), "overflow" },
  { "functions in functions", ("return function() "):rep(1e5), "overflow" },
  { "a long chain of operators", "return " .. ("- "):rep(1e5) .. "1", "overflow" },
  { "concatenation without end", "return " .. ("'' .. "):rep(1e5) .. "''", "overflow" },
  { "an unfinished text", "return [==[" .. ("x"):rep(1e6), "unfinished long string" },
}

local function attempt(one)
  local limits = {
    instructions = LIMITS.instructions,
    memory = one.memory or LIMITS.memory,
    seconds = (one.seconds or one[3] == SECONDS) and 0.5 or 10,
  }
  return sandbox.run(one[2], "infra.lua", sandbox.env(), limits)
end

local function keys(t)
  local out = {}
  for k, v in pairs(t) do
    out[k] = v
  end
  return out
end

describe("an attack on the sandbox:", function()
  local libraries = { string = keys(string), table = keys(table), math = keys(math), globals = keys(_G) }
  local string_mt = keys(getmetatable(""))

  for _, one in ipairs(ATTEMPTS) do
    it(one[1], function()
      collectgarbage()
      local memory, hook, started = collectgarbage("count"), { debug.gethook() }, os.clock()
      local v, e = attempt(one)
      local took = os.clock() - started
      assert.is_nil(v)
      assert.is_true(err.is(e), tostring(e))
      local text = tostring(e)
      assert.is_true(
        text:find(one[3], 1, true) ~= nil
          or one.also and text:find(one.also, 1, true) ~= nil
          or (one.or_limit or one.seconds) and e.code == "limit",
        text
      )
      assert.are.equal("infra.lua", e.file)
      assert.is_true(took < WALL, ("took %.1f s"):format(took))
      if os.getenv("PROV_SHOW") then
        print(("%6.2f s  %-45s %s"):format(took, one[1], text:sub(1, 100)))
      end

      -- The process is as it was.
      assert.are.same(hook, { debug.gethook() })
      assert.are.same(string_mt, keys(getmetatable("")))
      assert.are.same(libraries.string, keys(string))
      assert.are.same(libraries.table, keys(table))
      assert.are.same(libraries.math, keys(math))
      assert.are.same(libraries.globals, keys(_G))
      assert.are.equal(70 * MIB, #("x"):rep(70 * MIB)) -- no limit is left
      e = nil -- luacheck: ignore
      for _ = 1, 4 do -- a stack shrinks by half each time
        collectgarbage()
      end
      assert.is_true(collectgarbage("count") - memory < 4096, "memory was not given back")
      assert.are.equal(3, sandbox.run("return 1 + 2", "next.lua", sandbox.env()))
    end)
  end

  it("there are enough of them", function()
    assert.is_true(#ATTEMPTS >= 40)
  end)

  it("says the line where it stopped", function()
    for _, source in ipairs({
      "\n\nwhile true do end",
      "\n\nwhile true do pcall(string.find, ('a'):rep(5000), ('.*'):rep(9) .. 'b') end",
      "\n\nreturn ('a'):rep(5000):find(('.*'):rep(9) .. 'b')",
      "\n\ntable.sort({ 1, 2, 3 }, function() while true do end end)",
      "\n\npcall(function() local s = 'x' while true do s = s .. s end end)",
      "\n\nlocal s = 'x' while true do s = s .. s end",
      "\n\nlocal t = {} while true do t[#t + 1] = 'x' end",
    }) do
      local _, e = sandbox.run(source, "infra.lua", sandbox.env(), LIMITS)
      assert.are.equal("limit", e.code)
      assert.are.equal(3, e.line, source)
    end
  end)

  it("a call inside a call has limits of its own and gives the others back", function()
    local env = sandbox.env()
    env.inner = function(source)
      local v, e = sandbox.run(source, "inner.lua", sandbox.env(), { instructions = 1000000 })
      return v or tostring(e)
    end
    assert.are.equal(3, sandbox.run("return inner('return 1 + 2')", "outer.lua", env))
    assert.matches("inner.lua:1: stopped", sandbox.run("return inner('while true do end')", "outer.lua", env), 1, true)
    local _, e = sandbox.run("while true do inner('while true do end') end", "outer.lua", env, LIMITS)
    assert.matches("outer.lua:1: stopped after 20 million", tostring(e), 1, true)
    assert.is_nil(debug.gethook())
  end)

  it("checks of a schema run under limits, and patterns of fields have a bound", function()
    local contract = require("prov.contract")
    local schema = sandbox.run(
      "return { a = { type = 'string', check = function(v) while v == 'x' do end return v ~= 'no', 'not no' end } }",
      "rule.lua", sandbox.env())
    sandbox.guard_checks(schema, "rule.lua")
    local compiled = contract.compile(schema)
    assert.is_nil(select(2, compiled.run({ a = "yes" })))
    assert.matches("not no", select(2, compiled.run({ a = "no" }))[1].msg, 1, true)
    assert.matches("rule.lua:1: stopped after 1 million", select(2, compiled.run({ a = "x" }))[1].msg, 1, true)
    local slow = contract.compile({ a = { type = "string", pattern = (".*"):rep(12) .. "b" } })
    local ok, e = pcall(slow.run, { a = ("a"):rep(5000) })
    assert.is_false(ok)
    assert.matches("too many steps", tostring(e), 1, true)
  end)

  it("an error of prov that was changed is not prov's any more", function()
    local env = sandbox.env()
    env.fail = function()
      error(err.new("notfound", "no such thing"), 0)
    end
    local _, e = sandbox.run("fail()", "infra.lua", env)
    assert.are.equal("notfound", e.code)
    _, e = sandbox.run(
      "local ok, e = pcall(fail) e.msg = setmetatable({}, { __concat = function() while true do end end }) error(e)",
      "infra.lua", env)
    assert.matches("an error that it had changed", tostring(e), 1, true)
  end)

  it("one file changes nothing for another", function()
    local one, two = sandbox.env(), sandbox.env()
    assert.are.equal(1, sandbox.run(
      "string.upper = nil table.insert = nil math.huge = 1 pairs = nil utf8.char = nil function string.shout(s) return s .. '!' end return 1", "a.lua", one))
    assert.are.equal("a!", sandbox.run("return ('a'):shout()", "a.lua", one))
    assert.are.equal("A", sandbox.run("local t = {} table.insert(t, ('a'):upper()) for _, v in pairs(t) do return v end", "b.lua", two))
    local _, e = sandbox.run("return ('a'):shout()", "b.lua", two)
    assert.matches("shout", tostring(e), 1, true)
  end)
end)
