-- luacheck: no max line length (rows of texts)
local diff = require("prov.fmt.diff")
local fmt = require("prov.fmt")

--- Formats; what comes out is stable.
local function formatted(form, text)
  local out = assert(fmt.text(form, text))
  assert.are.equal(out, fmt.text(form, out))
  return out
end

local function refused(form, text)
  local out, e = fmt.text(form, text, "x")
  assert.is_nil(out)
  return ("%s:%d:%d: %s"):format(e.file, e.line, e.column, e.msg)
end

describe("fmt of YAML", function()
  local function same(want, text)
    assert.are.equal(want, formatted("yaml", text))
  end

  it("indents by two, lists below a key too", function()
    same("a:\n  b:\n    - 1\n    - c: 2\n      d: 3\n    - - x\n      - y\n",
      "a:\n    b:\n    - 1\n    -   c: 2\n        d: 3\n    -\n      - x\n      - y\n")
    same("a: &x !!map\n  b: 1\nc:\n  - &y\n    d: 1\n", "a:   &x   !!map\n     b: 1\nc:\n- &y\n  d: 1\n")
  end)

  it("spaces brackets, and keeps their line breaks", function()
    same("a: { b: 1, c: [1, 2], d: {}, e: [] }\n", "a: {b: 1,c: [ 1,2 ],d: { },  e: [ ]}\n")
    same("a: [\n    1, 2,  # one\n    3,\n  ]\n", "a: [ 1, 2, # one\n 3 ]\n")
  end)

  it("changes quotes only where nothing has to be escaped, and takes none away", function()
    same('a: "x"\nb: \'say "x"\'\nc: \'\\d\'\nd: "it\'s"\n"e": "1"\n',
      "a: 'x'\nb: 'say \"x\"'\nc: '\\d'\nd: 'it''s'\n'e': \"1\"\n")
  end)

  it("puts comments behind lines into one column, and others where they belong", function()
    same("a: 1    # one\nbcd: 2  # two\n\ne: 3  # three\n", "a: 1 # one\nbcd: 2    # two\n\n\ne: 3 # three\n")
    same("a:\n  b: 1\n  # still of a\n# of c\nc:\n  # nothing yet\nd: 1\n",
      "a:\n      b: 1\n      # still of a\n# of c\nc:\n    # nothing yet\nd: 1\n")
    same("-  # of the item\n  a: 1\n", "- # of the item\n  a: 1\n")
  end)

  it("keeps texts over several lines", function()
    same("a: |+\n  x\n    y\n\nb: >-\n  z\n", "a: |+\n     x\n       y\n\nb: >-\n z\n")
    same("a: |2-\n    x\n  y\n", "a: |4-\n      x\n    y\n")
    same("a: one\n  two\n\n  three\nb: \"x\\\n  \\ y\"\n", "a: one\n      two\n\n      three\nb: \"x\\\n    \\ y\"\n")
  end)

  it("keeps documents apart, and marks of the encoding", function()
    same("# x\n---\na: 1\n--- # two\nb: 2\n...\n", "# x\n---\na:   1\n---   # two\n\nb: 2\n...\n")
    same("--- {a: 1}\n---\nb: 1\n", "--- {a: 1}\n---\nb:  1\n")
    same("\u{FEFF}a: 1\n", "\u{FEFF}a:   1")
    same("a: 1\nb: 2\n", "a: 1\r\nb: 2\r\n")
    same("", "\n\n")
    same("# only\n", "  # only\n")
  end)

  it("makes questions plain", function()
    same("a: 1\nb:\n  - 2\n", "? a\n: 1\n? b\n: - 2\n")
    same("? |\n  long\n: - 1\n", "? |\n   long\n:  - 1\n")
  end)

  it("says where it does not parse", function()
    assert.are.equal("x:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence that begins on line 1",
      refused("yaml", "a: [1\n"))
    assert.truthy(refused("yaml", "a: 1\na: 2\n"):find("x:2:1", 1, true))
  end)
end)

describe("fmt of TOML", function()
  local function same(want, text)
    assert.are.equal(want, formatted("toml", text))
  end

  it("spaces keys, tables and brackets", function()
    same('a = 1\n"b c".d = { x = [1, 2], y = {} }\n\n[t."u v"]\nz = 1979-05-27 07:32:00Z # when\n',
      'a=1\n"b c" . d={x=[ 1,2 ,],y={ }}\n[ t. "u v" ]\n  z =   1979-05-27 07:32:00Z    # when')
  end)

  it("puts an empty line before a table and the comment right above it", function()
    same("# head\n[a]\nx = 1\n\n# of b\n[b]\n\n# apart\n\n[[c]]\n", "# head\n[a]\nx=1\n# of b\n[b]\n\n\n\n# apart\n\n[[c]]\n")
  end)

  it("indents arrays over several lines, and ends them with a comma", function()
    same("a = [\n  1, 2, # one\n  # two\n  [3],\n]\n", "a = [1, 2, # one\n    # two\n    [ 3 ] ]\n")
    same("a = [\n  1,\n\n  2,\n]\n", "a = [\n\n1\n\n\n, 2]\n")
    same("a = [\n  # nothing\n]\nb = []\n", "a = [\n\n    # nothing\n\n]\nb = [\n]\n")
  end)

  it("keeps strings as they are", function()
    same('a = """\n  x = 1   \n\n\n""" # end\nb = \'\'\'it\'s\'\'\'\nc = "\\" #"\n',
      'a="""\n  x = 1   \n\n\n"""   # end\nb=\'\'\'it\'s\'\'\'\nc  ="\\" #"')
  end)

  it("says where it does not parse", function()
    assert.truthy(refused("toml", "a = 1\nb = \n"):find("^x:2:"))
  end)
end)

describe("fmt of JSON", function()
  it("puts everything on a line of its own, in its order, numbers as they are", function()
    assert.are.equal('{\n  "b": [\n    1e2,\n    {},\n    []\n  ],\n  "a": "x, y: {"\n}\n',
      formatted("json", '{"b":[1e2,{ },[ ]],"a":"x, y: {"}'))
    assert.are.equal("1\n", formatted("json", " 1"))
    assert.truthy(refused("json", '{"a":1,}'):find("^x:1:"))
  end)

  it("is how prov writes JSON", function()
    local v = { a = { 1, { b = "x" } }, c = require("core.data").list({}) }
    local text = assert(require("prov.json").encode(v, { pretty = true }))
    assert.are.equal(text:gsub("\n*$", "\n"), formatted("json", text))
  end)
end)

describe("fmt of Lua", function()
  local function same(want, text)
    assert.are.equal(want, formatted("lua", text))
  end

  it("indents blocks and brackets, and spaces what is between", function()
    same([==[
#!/usr/bin/env -S prov run
local a <const>, b = -1, { [1] = "x", y = not z } -- two
if a == 1 and b[#b]:f(...) then
  return f { 1, 2, function(x) return x - 1 end }
elseif x then
  goto done
else
  for i = 1, 2 do
    x = a.b.c .. [[
 as  it is
]]
  end
end
::done::
]==], [==[
#!/usr/bin/env -S prov run
local a<const>,b=- 1,{[1]="x",y=not z}   -- two
if a==1 and b[ # b ]:f( ... ) then
return f{1,2,function (x) return x-1 end}
elseif x then
goto done
else
        for i=1,2 do

    x = a . b.c..[[
 as  it is
]]
end
end
:: done ::
]==])
  end)

  it("indents what goes on in the next line", function()
    same("local x = a\n  + b\nlocal y =\n  f(1)\n  :g()\n",
      "local x = a\n+ b\nlocal y =\nf(1)\n:g()\n")
    same("if a\n  and b\nthen\n  c()\nend\n", "if a\nand b\nthen\nc()\nend\n")
    same("return {\n  a = 1,  -- one\n  bc = 2, -- two\n\n  f {\n    x,\n  },\n}\n",
      "return {\n\na = 1, -- one\nbc = 2, -- two\n\n\nf {\nx,\n},\n\n}\n")
  end)

  it("keeps minus signs from becoming comments, and brackets from long strings", function()
    same("x = - -y - -1\n", "x = - - y - - 1\n")
    same("x = a[ [[k]]]\n", "x = a[ [[k]] ]\n")
    same('x = "a\\\n   b" -- [[ no\n--[[ long\n   comment ]]\n', 'x="a\\\n   b" -- [[ no  \n   --[[ long\n   comment ]]')
  end)

  it("says where it does not parse", function()
    assert.are.equal("x:2:5: unexpected symbol near '='", refused("lua", "\nx = = 1\n"))
    assert.are.equal("x:2:8: '}' expected (to close '{' at line 1) near 'b'", refused("lua", "x = {\n a = 1 b = 2"))
    assert.are.equal("x:2:6: unexpected symbol near <eof>", refused("lua", "#!/x\nx = ("))
  end)
end)

describe("fmt.diff", function()
  it("is a unified diff", function()
    assert.are.equal("", diff.unified("a\n", "a\n", "x"))
    assert.are.equal("--- x\n+++ x\n@@ -1,2 +1,2 @@\n-a\n+c\n b\n", diff.unified("a\nb\n", "c\nb\n", "x"))
    assert.are.equal("--- x\n+++ x\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n", diff.unified("a", "a\n", "x"))
    local old = ("l\n"):rep(3) .. "x\n" .. ("m\n"):rep(20) .. "y\n"
    local _, hunks = diff.unified(old, (old:gsub("[xy]", "z")), "x"):gsub("@@ ", "")
    assert.are.equal(2, hunks)
    assert.are.equal("--- x\n+++ x\n@@ -0,0 +1,1 @@\n+a\n", diff.unified("", "a\n", "x"))
  end)

  -- The new text, from the old one and the hunks, as patch makes it.
  local function patched(old, hunks)
    local lines, out, at = {}, {}, 1
    for line in old:gmatch("[^\n]*\n?") do
      lines[#lines + 1] = line ~= "" and line or nil
    end
    local body = hunks:match("^%-%-%- x\n%+%+%+ x\n(.*)$")
    for from, n, rest in body:gmatch("@@ %-(%d+),(%d+) %+%d+,%d+ @@\n([^@]*)") do
      from = tonumber(n) == 0 and from + 1 or tonumber(from)
      table.move(lines, at, from - 1, #out + 1, out)
      at = from
      for sign, line in rest:gsub("\n\\[^\n]*\n", "\0"):gmatch("([ +-])([^\n\0]*[\n\0])") do
        line = line:gsub("%z", "")
        if sign ~= "+" then
          assert.are.equal(lines[at], line)
          at = at + 1
        end
        out[#out + 1] = sign ~= "-" and line or nil
      end
    end
    table.move(lines, at, #lines, #out + 1, out)
    return table.concat(out)
  end

  it("makes one text of the other", function()
    math.randomseed(tonumber(os.getenv("PROV_SEED")) or 20261127)
    for _ = 1, 500 do
      local old, new = {}, {}
      for _ = 1, math.random(0, 40) do
        local line = ("abcdef"):sub(math.random(6)):sub(1, 1) .. "\n"
        old[#old + 1] = math.random(10) > 1 and line or nil
        new[#new + 1] = math.random(10) > 1 and line or nil
      end
      local a = table.concat(old):sub(1, -math.random(2))
      local b = table.concat(new):sub(1, -math.random(2))
      if a ~= b then
        assert.are.equal(b, patched(a, diff.unified(a, b, "x")))
      end
    end
  end)
end)
