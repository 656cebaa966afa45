local regex = require("prov.contract.regex")

local function matches(source, text)
  local fn, problem = regex.compile(source)
  assert(fn, problem)
  return fn(text)
end

describe("contract.regex", function()
  it("matches whole texts", function()
    local rows = {
      { "abc", { "abc" }, { "", "ab", "abcd", "xabc" } },
      { "^abc$", { "abc" }, { "xabc", "^abc$" } },
      { "a|bc|", { "a", "bc", "" }, { "ab", "abc" } },
      { "(a|b)*c+", { "c", "abbac", "ccc" }, { "", "ab", "acb" } },
      { "a?b", { "b", "ab" }, { "aab" } },
      { "a{2}", { "aa" }, { "a", "aaa" } },
      { "a{2,}", { "aa", "aaaaa" }, { "a" } },
      { "(?:ab){1,3}x", { "abx", "abababx" }, { "x", "ababababx" } },
      { "a{0,2}", { "", "a", "aa" }, { "aaa" } },
      { "[a-c_][^0-9]", { "a!", "_é" }, { "a1", "d!" } },
      { "[]", {}, { "", "a" } },
      { "[^]", { "a", "\n" }, { "" } },
      { "[a\\-z.]+", { "a-z.." }, { "b" } },
      { "[a-]+", { "a-" }, { "b" } },
      { "\\d\\D\\w\\W\\s\\S", { "1xa! x" }, { "xxa! x" } },
      { ".", { "a", "é", "😀" }, { "", "\n", "ab" } },
      { "\\u00e9\\x41", { "éA" }, { "eA" } },
      { "\\$\\.\\(\\)", { "$.()" }, { "$x()" } },
      { "a\\$", { "a$" }, { "a" } },
      { "()", { "" }, { "a" } },
      { "(a*)*b", { "b", "aaab" }, { "a" } },
      { "x\\ty", { "x\ty" }, { "xty" } },
    }
    for _, row in ipairs(rows) do
      for _, text in ipairs(row[2]) do
        assert.is_true(matches(row[1], text), row[1] .. " refuses " .. text)
      end
      for _, text in ipairs(row[3]) do
        assert.is_false(matches(row[1], text), row[1] .. " takes " .. text)
      end
    end
    assert.is_false(matches(".*", "\xff"))
  end)

  it("says what is wrong with an expression", function()
    local rows = {
      { "a(b", "the closing ) is missing at character 4" },
      { "a)b", "a ) without its ( at character 2" },
      { "[ab", "the closing ] is missing at character 4" },
      { "*a", "write \\* at character 1" },
      { "a**", "a repetition of a repetition; lazy ones mean nothing here at character 3" },
      { "a+?", "a repetition of a repetition; lazy ones mean nothing here at character 3" },
      { "a{1,x}", "a count looks like {2}, {2,} or {2,5} at character 2" },
      { "a{5,2}", "counts go from low to high and to 1000 at character 7" },
      { "(?=a)", "of groups with ? only (?: is known at character 3" },
      { "a\\q", "\\q is not known at character 3" },
      { "(a)\\1", "\\1 is not known at character 5" },
      { "[z-a]", "a range in [] goes from a lower to a higher character at character 5" },
      { "a^b", "the whole text has to match anyway, so ^ and $ are for the ends; write \\^ at character 2" },
      { "a\\", "nothing behind the last \\ at character 3" },
      { "\\u00", "4 hexadecimal digits are missing at character 3" },
      { "(((a{999}){999}){999})", "it is too large" },
      { ("("):rep(200), "too many groups in groups at character 102" },
      { "\xff", "it is not UTF-8" },
    }
    for _, row in ipairs(rows) do
      local fn, problem = regex.compile(row[1])
      assert.is_nil(fn, row[1])
      assert.are.equal(row[2], problem, row[1])
    end
  end)

  it("takes time that grows with the text only", function()
    local start = os.clock()
    local text = ("a"):rep(20000)
    for _, source in ipairs({ "(a+)+b", "(a|a)*b", "(a|aa)+$b?c", "(.*)(.*)(.*)(.*)(.*)x", "(a?){500}a{500}b" }) do
      local fn = regex.compile(source)
      if fn then
        assert.is_false(fn(text))
      end
    end
    local many = assert(regex.compile("(a|b)*a(a|b){12}")) -- 8192 sets of states
    local out = {}
    for i = 1, 20000 do
      out[i] = (i * i // 7 + i) % 3 == 0 and "a" or "b"
    end
    many(table.concat(out))
    assert.is_true(os.clock() - start < 5)
  end)

  it("anchors itself for JSON Schema", function()
    assert.are.equal("^a+$", regex.anchored("a+"))
    assert.are.equal("^(?:a|b)$", regex.anchored("^a|b$"))
    assert.are.equal("^a\\$$", regex.anchored("a\\$"))
  end)
end)
