local dotenv = require("prov.dotenv")

describe("dotenv", function()
  it("reads what shells and tools write", function()
    local v, at = dotenv.decode([[
# comment
PLAIN=value   # comment
  export SPACED = two words
EMPTY=
HASH=a#b
SINGLE='as $it \n is' # comment
DOUBLE="tab\tquote\" dollar\$ \q
second line\
, still"
MULTI='a
b'
URL=postgres://u:p@h/db?x=1
LITERAL=${HOME}/$x
]], { file = ".env" })
    assert.are.same({
      PLAIN = "value", SPACED = "two words", EMPTY = "", HASH = "a#b", SINGLE = "as $it \\n is",
      DOUBLE = 'tab\tquote" dollar$ \\q\nsecond line, still', MULTI = "a\nb", URL = "postgres://u:p@h/db?x=1",
      LITERAL = "${HOME}/$x",
    }, v)
    assert.are.same({ 3, 10 }, { at({ "SPACED" }) })
    assert.are.same({ 10, 1 }, { at({ "MULTI" }) })
    assert.are.same({ 12, 1 }, { at({ "URL" }) })
    assert.are.same({ A = "1", B = "2" }, (dotenv.decode("\xEF\xBB\xBFA=1\r\nB='2'\r\n")))
    assert.are.same({ A = "" }, (dotenv.decode("A=")))
    assert.are.same({ A = "" }, (dotenv.decode("A= # only this")))
    assert.are.same({}, (dotenv.decode("\n \n")))
  end)

  it("expands variables when asked", function()
    local text = "A=1\nB=${A}2$A\nC=\"$B ${NONE} ${NONE:-x} \\$A\"\nD='$A'\nE=${HOME} $ ${ $9\nF=${EMPTY:-y}\nEMPTY=\n"
    local v = dotenv.decode(text, { expand = { HOME = "/h", EMPTY = "" } })
    assert.are.same({ A = "1", B = "121", C = "121  x $A", D = "$A", E = "/h $ ${ $9", F = "y", EMPTY = "" }, v)
    v = dotenv.decode("X=$Y", { expand = function(name)
      return name .. "!"
    end })
    assert.are.equal("Y!", v.X)
  end)

  it("does not expand without end", function()
    local lines = { "A0=" .. ("x"):rep(1000) }
    for i = 1, 20 do
      lines[#lines + 1] = ("A%d=${A%d}${A%d}${A%d}"):format(i, i - 1, i - 1, i - 1)
    end
    local v, e = dotenv.decode(table.concat(lines, "\n"), { expand = {} })
    assert.is_nil(v)
    assert.are.equal("limit", e.code)
  end)

  it("says where a mistake is", function()
    local rows = {
      { "A=1\nnonsense\n", "2:1", "a line is NAME=value" },
      { "export A\n", "1:8", "a line is NAME=value" },
      { "1A=2\n", "1:1", "a line is NAME=value" },
      { "A=1\nB=2\nA=3\n", "3:1", "'A' was given before, on line 1" },
      { "A='x\ny\n", "1:3", "the quote is not closed" },
      { "ä=1", "1:1", "a line is NAME=value" },
      { "A=1\nB=\"x\\\"\n", "2:3", "the quote is not closed" },
      { "A='x'y\n", "1:6", "something stands behind the closing quote" },
      { "A=1\nB=é\0\n", "2:4", "a NUL byte" },
      { "A=\255\n", "1:3", "the text is not UTF-8" },
    }
    for _, row in ipairs(rows) do
      local v, e = dotenv.decode(row[1], { file = ".env" })
      assert.is_nil(v, row[1])
      assert.are.equal("invalid", e.code)
      local want = ".env:" .. row[2] .. ": not a valid environment file: " .. row[3]
      assert.are.equal(1, tostring(e):find(want, 1, true), tostring(e))
    end
  end)

  it("writes what it reads, and what a shell reads", function()
    local v = {
      A = "plain-1.2/x", B = "two words", C = "it's \"quoted\" $HOME `id` \\", D = "a\nb", E = "", F = "#x",
      G = "tab\t", H = "é",
    }
    local text = assert(dotenv.encode(v))
    assert.are.same(v, (dotenv.decode(text)))
    assert.are.same(v, (dotenv.decode(text, { expand = { HOME = "no" } })))
    assert.are.equal('A=1\nB=true\nC=\n', dotenv.encode({ A = 1, B = true, C = require("prov.value").null }))
    for _, bad in ipairs({ { 1 }, "x", { ["a b"] = "1" }, { A = {} }, { A = "\0" }, { A = "\255" }, { [""] = "x" } }) do
      local none, e = dotenv.encode(bad)
      assert.is_nil(none)
      assert.are.equal("invalid", e.code)
    end
  end)
end)
