local help = require("prov.face.cli.help")
local man = require("prov.docs.man")
local ops = require("prov.ops")
local reference = require("prov.docs.reference")

describe("help", function()
  it("fits 100 columns, in every screen", function()
    local screens = { help.overview() }
    for _, group in ipairs(ops.groups()) do
      screens[#screens + 1] = help.group(group)
    end
    for _, name in ipairs(ops.names()) do
      screens[#screens + 1] = help.operation(name)
    end
    for _, screen in ipairs(screens) do
      for line in screen:gmatch("[^\n]+") do
        assert.is_true(utf8.len(line) <= 140, line)
      end
      assert.is_nil(screen:find("nil", 1, true))
      assert.is_nil(screen:find("table: 0x", 1, true))
    end
  end)

  it("fits a narrow terminal with all of its words, in every screen", function()
    local function words(text)
      return (text:gsub("%s+", " "))
    end
    for _, name in ipairs(ops.names()) do
      local screen = help.operation(name)
      local narrow = help.fit(screen, 60)
      assert.equal(words(screen), words(narrow))
      for line in narrow:gmatch("[^\n]+") do
        assert.is_true(#line <= 60 or not line:find("%S%s+%S+%s+%S"), line)
      end
    end
    assert.equal("  a  one two\n     three\nUsage: x\n", help.fit("  a  one two three\nUsage: x\n", 12))
  end)

  it("lists every operation that is not hidden", function()
    local overview = help.overview()
    for _, name in ipairs(ops.names()) do
      local group, verb = name:match("^(%S+) (.+)$")
      assert.truthy(overview:find("\n  " .. (group or name) .. " ", 1, true), name)
      if group then
        assert.truthy(help.group(group):find("\n  " .. name .. " ", 1, true) or help.group(group):find(verb, 1, true))
      end
    end
    assert.falsy(overview:find("\n  complete ", 1, true))
  end)

  it("names usage, arguments, flags and shortcuts", function()
    local text = help.operation("server exec")
    assert.truthy(text:find("Usage: prov server exec NAME COMMAND ... [--FLAG ...]", 1, true))
    assert.truthy(text:find("Short: prov sx", 1, true))
    assert.truthy(text:find("\n      --timeout INT ", 1, true))
    assert.truthy(text:find("\nExamples\n", 1, true))
    text = help.operation("apply")
    assert.truthy(text:find("Usage: prov apply [PLAN] [--FLAG ...]", 1, true))
    assert.truthy(text:find("\n      --plan PATH ", 1, true))
    assert.truthy(text:find("(also --auto-approve)", 1, true))
  end)

  it("answers for unknown words", function()
    local code, text = help.main({ "serverr" })
    assert.equal(2, code)
    assert.truthy(text:find("did you mean 'server'?", 1, true))
    code = help.main({ "server", "list" })
    assert.equal(0, code)
  end)
end)

describe("generated pages", function()
  it("cover every operation", function()
    local pages, all = reference.pages(), ""
    for _, text in pairs(pages) do
      all = all .. text
    end
    local pages_of_man = man.pages()
    for _, name in ipairs(ops.names()) do
      assert.truthy(all:find("## prov " .. name .. "\n", 1, true), name)
      assert.truthy(pages["README.md"]:find("`prov " .. name .. "`", 1, true), name)
      assert.truthy(pages_of_man["prov-" .. name:gsub(" ", "-") .. ".1"], name)
    end
  end)

  it("are the same each time", function()
    assert.same(reference.pages(), reference.pages())
    assert.same(man.pages(), man.pages())
  end)

  it("hold no roff that text could smuggle in", function()
    for file, text in pairs(man.pages()) do
      for line in text:gmatch("[^\n]+") do
        if line:match("^[.']") then
          assert.truthy(line:match("^%.[A-Z][A-Z]? ?") or line == ".nf" or line == ".fi", file .. ": " .. line)
        end
      end
    end
  end)
end)
