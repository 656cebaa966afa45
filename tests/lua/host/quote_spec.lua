local host = require("support.host")
local process = require("prov.host.process")
local async = require("prov.async")
local quote = require("prov.host.quote")

-- A generator of its own, so that a failure can be repeated.
local function generator(seed)
  local state = seed
  return function(low, high)
    if not high then
      low, high = 1, low
    end
    state = (state * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
    return low + (state >> 20) % (high - low + 1)
  end
end

-- Feeds a script the way recipes go in: by standard input, evaluated by the shell under test.
local function feed(shell, script)
  return assert(async.run(function()
    return process.session():exec(("exec env LC_ALL=C %s -c 'eval \"$(cat)\"'"):format(shell), { stdin = script })
  end))
end

describe("prov.host.quote", function()
  it("leaves plain words alone and refuses NUL", function()
    assert.equal("/etc/motd", quote.word("/etc/motd"))
    assert.equal("''", quote.word(""))
    assert.equal("'a b'", quote.word("a b"))
    assert.equal("'it'\\''s'", quote.word("it's"))
    assert.has_error(function()
      quote.word("a\0b")
    end)
  end)

  it("base64 goes both ways", function()
    for _, bytes in ipairs({ "", "a", "ab", "abc", "abcd", ("\0\255\1"):rep(200) }) do
      assert.equal(bytes, quote.unbase64(quote.base64(bytes)))
    end
    assert.equal("aGVsbG8=", quote.base64("hello"))
  end)

  host.each_shell(it, "10,000 hostile strings arrive as they are", function(shell)
    local random = generator(20261123)
    local strings, lines = {}, { "p() { printf '%s\\0' \"$1\"; }\n" }
    for i = 1, 10000 do
      strings[i] = host.hostile(random, 40, true)
      lines[#lines + 1] = ("p %s\n"):format(quote.word(strings[i]))
    end
    local result = feed(shell, table.concat(lines))
    assert.equal("", result.stderr)
    local at = 1
    for i, expected in ipairs(strings) do
      local stop = result.stdout:find("\0", at, true)
      local got = stop and result.stdout:sub(at, stop - 1)
      if got ~= expected then
        error(("string %d: sent %q, got %q"):format(i, expected, tostring(got)))
      end
      at = stop + 1
    end
    assert.equal(#result.stdout + 1, at)
  end)

  host.each_shell(it, "contents with NUL and of any size are printed byte for byte", function(shell)
    local random = generator(7)
    local all = { "", "\n", "\n\n", "x\n", "\0", ("x"):rep(40000), ("\0\1"):rep(40000), ("a'\\\n"):rep(20000) }
    for _ = 1, 200 do
      all[#all + 1] = host.hostile(random, 400, false)
    end
    local script, expected = {}, {}
    for i, bytes in ipairs(all) do
      script[i] = ("C%d() {\n%s\n}\nC%d\nprintf '\\n=%d=\\n'\n"):format(i, quote.printer(bytes), i, i)
      expected[i] = ("%s\n=%d=\n"):format(bytes, i)
    end
    local result = feed(shell, table.concat(script))
    assert.equal("", result.stderr)
    assert.is_true(result.stdout == table.concat(expected), "the bytes differ")
  end)
end)
