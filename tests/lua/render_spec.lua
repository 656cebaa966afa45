local render = require("prov.render")
local value = require("prov.value")
local width = require("prov.render.width")

local plain = { paint = function(_, _, text) return text end }

local function term(columns)
  return setmetatable({ width = columns, tty = true }, { __index = plain })
end

describe("width", function()
  it("counts columns, not bytes", function()
    assert.equal(3, width.of("abc"))
    assert.equal(3, width.of("äöü"))
    assert.equal(4, width.of("日本"))
    assert.equal(2, width.of("🚀"))
    assert.equal(1, width.of("e\u{301}"))
    assert.equal(0, width.of(""))
    assert.equal(2, width.of("\27[31mab\27[0m"))
  end)

  it("cuts between characters and says so", function()
    assert.equal("abc", width.cut("abc", 3))
    assert.equal("ab…", width.cut("abcd", 3))
    assert.equal("日…", width.cut("日本語", 4))
    assert.equal("…", width.cut("日本語", 2))
    assert.equal("", width.cut("abc", 0))
    assert.equal("…cd", width.cut_left("abcd", 3))
    assert.equal("…語", width.cut_left("日本語", 4))
    assert.equal("", width.cut_left("abc", 0))
    assert.equal("ab   ", width.fit("ab", 5))
  end)

  it("never makes text wider than asked", function()
    local samples = { "plain", "日本語のテキスト", "a🚀b🚀c", "e\u{301}e\u{301}e\u{301}", "ä", "" }
    for _, text in ipairs(samples) do
      for columns = 0, 20 do
        assert.is_true(width.of(width.cut(text, columns)) <= columns, text .. " " .. columns)
        if columns >= 1 then
          assert.equal(columns, width.of(width.fit(text, columns)), text .. " " .. columns)
        end
      end
    end
  end)

  it("makes control characters harmless", function()
    assert.equal("a\\x1b[2Jb\\n", width.clean("a\27[2Jb\n"))
    assert.equal("\\x07\\x7f  ", width.clean("\7\127\t"))
    assert.equal("a??b", width.clean("a\255\254b"))
    assert.equal("?", width.clean("\194\155")) -- C1 CSI
    assert.equal("äö", width.clean("äö"))
    for byte = 0, 255 do
      local clean = width.clean("x" .. string.char(byte) .. "y")
      assert.is_nil(clean:find("%c"), "byte " .. byte)
      assert.truthy(utf8.len(clean), "byte " .. byte)
    end
  end)
end)

describe("render", function()
  it("aligns tables, numbers to the right, without trailing blanks", function()
    local rows = { { name = "a", size = 5, note = "x" }, { name = "longer", size = 12345 } }
    local text = render.table(rows, { "name", "size", "note" })
    assert.equal("NAME     SIZE  NOTE\na           5  x\nlonger  12345  -\n", text)
    assert.equal("SIZE\n   5\n", render.table({ { size = 5 } }, { columns = { "size" } }))
    assert.equal("A_B\nx\n", (render.table({ { ["a_b"] = "x" } }, { columns = { "a_b" } }):gsub("A B", "A_B")))
  end)

  it("has no line wider than the terminal, and cuts the widest column", function()
    local rows = {}
    for i = 1, 20 do
      rows[i] = { id = i, short = "s" .. i, long = ("日本 text %d "):format(i):rep(60) }
    end
    for _, columns in ipairs({ 30, 40, 80, 120 }) do
      local text = render.table(rows, { "id", "short", "long" }, term(columns))
      for line in text:gmatch("[^\n]+") do
        assert.is_true(width.of(line) <= columns, columns .. ": " .. line)
      end
      assert.truthy(text:find("s20", 1, true))
      assert.truthy(text:find("…", 1, true))
    end
    local all = render.table(rows, { "id", "short", "long" }, term(40), { wide = true })
    assert.falsy(all:find("…", 1, true))
  end)

  it("goes on below with the words of the last column", function()
    local rows = { { name = "index", doc = "content of index.html; left alone when not given" } }
    rows[2] = { name = "b", doc = "x" }
    assert.equal([[
NAME   DOC
index  content of index.html;
       left alone when not
       given
b      x
]], render.table(rows, { "name", "doc" }, term(30)))
    rows[1].doc = ("x"):rep(60)
    assert.truthy(render.table(rows, { "name", "doc" }, term(30)):find("x…\n", 1, true))
  end)

  it("cuts names and times last: they are of no use then", function()
    local rows = {
      { id = "j01a21cd91b7e0000", state = "failed", created = "2026-11-27T11:52:00.187Z", reason = ("why "):rep(20) },
      { id = "j01a21cd91b7e0001", state = "done", created = "2026-11-27T11:52:00.187Z" },
    }
    local columns = { columns = { "id", "state", "created", "reason" } }
    local text = render.table(rows, columns, { width = 60, paint = function(_, _, cell) return cell end })
    assert.equal([[
ID                 STATE   CREATED               REASON
j01a21cd91b7e0000  failed  2026-11-27T11:52:00Z  why why wh…
j01a21cd91b7e0001  done    2026-11-27T11:52:00Z  -
]], text)
    assert.truthy(render.table(rows, columns, nil, { wide = true }):find("11:52:00.187Z", 1, true))
  end)

  it("shows wide columns only when asked, and says when there is nothing", function()
    local result = { columns = { "a" }, wide = { "b" }, empty = "no things" }
    assert.equal("A\n1\n", render.value({ { a = 1, b = 2 } }, result))
    assert.equal("A  B\n1  2\n", render.value({ { a = 1, b = 2 } }, result, nil, { wide = true }))
    assert.equal("no things\n", render.value({}, result))
  end)

  it("shows maps with declared keys first", function()
    assert.equal("b: 1\na: x\nc:\n  d: yes\nlist: 1, 2\n",
      render.value({ a = "x", b = 1, c = { d = true }, list = { 1, 2 } }, { columns = { "b" } }))
  end)

  it("shows lists of maps as items", function()
    assert.equal("ports:\n  - guest: 80\n    host: 8080\n  - 9090:90\n",
      render.value({ ports = { { host = 8080, guest = 80 }, "9090:90" } }))
  end)

  it("never shows a secret", function()
    local secret = value.secret("hunter2")
    for _, text in ipairs({
      render.scalar(secret),
      render.value({ password = secret }),
      render.table({ { password = secret } }, { "password" }),
      render.value({ deep = { list = { secret } } }),
    }) do
      assert.falsy(text:find("hunter2", 1, true))
    end
  end)

  it("keeps what a program prints on one line, without escapes", function()
    local text = render.table({ { out = "a\27]0;title\7\nb" } }, { "out" })
    assert.equal(2, select(2, text:gsub("\n", "")))
    assert.falsy(text:find("\27", 1, true))
  end)

  it("gives names", function()
    assert.equal("a\nb\n", render.names({ { address = "a", x = 1 }, { address = "b" } }))
    assert.equal("1\n", render.names({ { n = 1, address = "a" } }, { columns = { "n" } }))
    assert.equal("z\n", render.names({ name = "z" }))
    assert.equal("", render.names({}))
    assert.equal("create a\n", render.names({ steps = { { id = "create a" } } }, { rows = "steps", name = "id" }))
  end)
end)
