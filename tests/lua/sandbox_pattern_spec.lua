-- The bounded pattern functions against those of Lua: equal results and equal errors.
local sandbox = require("core.sandbox")

local SEED = tonumber(os.getenv("PROV_SEED")) or 20261127
local ROUNDS = tonumber(os.getenv("PROV_ROUNDS")) or 100000

local PIECES = {
  "a", "b", "c", "ab", ".", "%a", "%d", "%s", "%w", "%l", "%u",
  "%p", "%x", "%g", "%c", "%A", "%D", "%S", "%W", "%z", "%Z",
  "[ab]", "[^ab]", "[a-c]", "[%a_]", "[]]", "[^]]", "[a-]", "[%]]",
  "[-a]", "[%d.]", "[a%-z]", "[", "]", "[^", "[a", "[%",
  "(", ")", "()", "(a)", "(.-)", "(%w+)", "((a)b)", "%1", "%2", "%9", "%0", "%b()", "%bab", "%baa", "%b(", "%f[%w]",
  "%f[^a]", "%f", "%fa", "^", "$", "%", "%%", "%.", "-", "1", " ", "\0", "\200", "[\0-\31]", "[^\0]",
}
local SUFFIXES = { "", "", "", "*", "+", "-", "?" }
local LETTERS = { "a", "b", "c", "(", ")", "1", "2", " ", ".", "-", "]", "[",
  "%", "^", "$", "\0", "\200", "A", "_", "\n" }
local REPLACEMENTS = {
  "", "x", "%0", "%1", "<%1%2>", "%%", "%", "%x", "a%", "%9", 7,
  { a = "A", ab = 12, b = false, c = {} },
  function(first, second)
    return second or first and tostring(first):upper()
  end,
  function() end,
  function()
    return {}
  end,
}

local random = math.random

local function some(list)
  return list[random(#list)]
end

local function text(list, most)
  local out = {}
  for i = 1, random(0, most) do
    out[i] = some(list)
  end
  return table.concat(out)
end

local function pattern()
  local out = { random(6) == 1 and "^" or "" }
  for _ = 1, random(0, 5) do
    out[#out + 1] = some(PIECES) .. some(SUFFIXES)
  end
  out[#out + 1] = random(6) == 1 and "$" or ""
  return table.concat(out)
end

-- What a call gave as one list; the name that argument errors carry differs and is left out.
local function outcome(fn, ...)
  local out = table.pack(pcall(fn, ...))
  if not out[1] then
    out[2] = tostring(out[2]):gsub("^[^:]*:%d+: ", ""):gsub("argument (#%d) to '[^']*'", "argument %1")
  end
  return out
end

local function all_matches(gmatch)
  return function(s, p, init)
    local out = {}
    for a, b, c in gmatch(s, p, init) do
      out[#out + 1] = { a, b or false, c or false }
    end
    return out
  end
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for k, v in pairs(a) do
    if not same(v, b[k]) then
      return false
    end
  end
  for k in pairs(b) do
    if a[k] == nil then
      return false
    end
  end
  return true
end

local ours_all, theirs_all = all_matches(sandbox.gmatch), all_matches(string.gmatch)

local function check(name, ours, theirs, ...)
  local a, b = outcome(ours, ...), outcome(theirs, ...)
  if not same(a, b) then
    local args = {}
    for i, v in ipairs({ ... }) do
      args[i] = ("%q"):format(type(v) == "table" and "table" or type(v) == "function" and "function" or v)
    end
    error(("%s(%s): %s and %s, %s and %s in Lua (seed %d)"):format(
      name, table.concat(args, ", "), a[1], a[2], b[1], b[2], SEED
    ))
  end
  return b[1]
end

describe("patterns of the sandbox", function()
  it(("do what Lua does: %d random patterns and texts"):format(ROUNDS), function()
    math.randomseed(SEED)
    local counts = { matched = 0, none = 0, failed = 0 }
    for _ = 1, ROUNDS do
      local s, p = text(LETTERS, 12), pattern()
      local init = random(3) == 1 and random(-14, 14) or nil
      if check("find", sandbox.find, string.find, s, p, init) then
        local hit = string.find(s, p, init)
        counts[hit and "matched" or "none"] = counts[hit and "matched" or "none"] + 1
      else
        counts.failed = counts.failed + 1
      end
      check("find plain", sandbox.find, string.find, s, p:sub(1, 2), init, true)
      check("match", sandbox.match, string.match, s, p, init)
      check("gmatch", ours_all, theirs_all, s, p, init)
      check("gsub", sandbox.gsub, string.gsub, s, p, some(REPLACEMENTS), random(3) == 1 and random(-1, 4) or nil)
    end
    for what, n in pairs(counts) do -- it looked at all three
      assert.is_true(n > ROUNDS / 10, ("%s: %d"):format(what, n))
    end
  end)

  it("have the same bounds and the same checks of arguments", function()
    for _, case in ipairs({
      { ("a"):rep(250), ("a?"):rep(250) .. ("a"):rep(250) },
      { ("a"):rep(199), ("a?"):rep(199) },
      { ("a"):rep(300), ("a*"):rep(300) },
      { "b", ("a*"):rep(300) },
      { ("a"):rep(50), ("(a)"):rep(32) },
      { ("a"):rep(50), ("(a)"):rep(33) },
      { ("x"):rep(300), ("(x"):rep(32) },
      { 12345, 3 },
      { "a.b", ".", 2 },
      { "", "" },
      { "abc", "", 4 },
      { "abc", "", 5 },
      { "abc", "", math.mininteger },
      { "abc", "b", math.maxinteger },
      { nil, "a" },
      { "a", {} },
      { "a", "a", "x" },
    }) do
      check("find", sandbox.find, string.find, table.unpack(case, 1, 3))
      check("match", sandbox.match, string.match, table.unpack(case, 1, 3))
      check("gmatch", ours_all, theirs_all, table.unpack(case, 1, 3))
      check("gsub", sandbox.gsub, string.gsub, case[1], case[2], "%0%0", case[3])
      check("gsub", sandbox.gsub, string.gsub, case[1], case[2], nil)
    end
  end)

  it("may run code between matches", function()
    local out = ("a b c"):gsub("%w", function(c)
      return (sandbox.gsub(c, ".", function(d)
        return d .. d
      end))
    end)
    assert.are.equal("aa bb cc", out)
    local ok, e = pcall(sandbox.gsub, "abc", ".", function()
      error("stop", 0)
    end)
    assert.is_false(ok)
    assert.are.equal("stop", e)
  end)
end)
