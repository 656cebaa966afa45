local commands = require("prov.face.repl.commands")
local complete = require("prov.face.repl.complete")
local data = require("core.data")
local pretty = require("prov.face.repl.pretty")
local session_of = require("prov.face.repl.session")
local value = require("prov.value")
local what_if = require("prov.infra.what_if")

local function source(file, tree)
  return { file = file, tree = tree, text = "", place = function() return 7, 3 end }
end

describe("changes in no file", function()
  local base

  before_each(function()
    base = {
      source("infra.yaml", { servers = { web = { count = 2, disks = data.list({ { size = 1 }, { size = 2 } }) } } }),
      source("more.lua", { networks = { lan = { cidr = "10.0.0.0/24" } } }),
    }
  end)

  it("lie over the file that declares the name, and change no source", function()
    local change = what_if.new()
    assert(change:set({ "servers", "web", "count" }, 3))
    assert(change:set({ "networks", "lan", "cidr" }, "10.1.0.0/24"))
    assert(change:set({ "servers", "web", "disks", 2, "size" }, 9))
    local out = change:apply(base)
    assert.equal(2, #out)
    assert.equal(3, out[1].tree.servers.web.count)
    assert.equal(9, out[1].tree.servers.web.disks[2].size)
    assert.equal(1, out[1].tree.servers.web.disks[1].size)
    assert.equal("10.1.0.0/24", out[2].tree.networks.lan.cidr)
    assert.equal(7, (out[1].place({ "servers", "web" })))
    assert.equal(2, base[1].tree.servers.web.count)
    assert.equal(2, base[1].tree.servers.web.disks[2].size)
    assert.equal("list", data.kind(out[1].tree.servers.web.disks))
  end)

  it("add what no file has, and take away", function()
    local change = what_if.new()
    assert(change:set({ "volumes", "data" }, { size = 1 }))
    assert(change:set({ "servers", "web" }, nil))
    assert(change:set({ "servers", "gone" }, nil))
    local out = change:apply(base)
    assert.equal(what_if.FILE, out[3].file)
    assert.same({ data = { size = 1 } }, out[3].tree.volumes)
    assert.is_nil(out[1].tree.servers.web)
    assert.same({ servers = {}, networks = { lan = { cidr = "10.0.0.0/24" } }, volumes = { data = { size = 1 } } },
      what_if.tree(out))
    change:revert()
    assert.same(base, change:apply(base))
  end)

  it("forget what was changed below before", function()
    local change = what_if.new()
    assert(change:set({ "servers", "web", "count" }, 3))
    assert(change:set({ "servers", "web" }, { count = 4 }))
    assert.equal(1, #change.edits)
    assert.equal(4, change:apply(base)[1].tree.servers.web.count)
  end)

  it("refuse what is no infra", function()
    local _, e = what_if.new():set({ "servers" }, 3)
    assert.equal("invalid", e.code)
  end)

  it("write their paths", function()
    assert.equal('servers["a b"].disks[2].size', what_if.path_text({ "servers", "a b", "disks", 2, "size" }))
  end)
end)

describe("values as Lua writes them", function()
  it("fit on a line, or are indented", function()
    assert.equal('{ 1, "a\\n\\"b\\"", x = null, ["y z"] = true }',
      pretty.text({ 1, 'a\n"b"', x = data.null, ["y z"] = true }))
    local text = pretty.text({ a = ("x"):rep(50), b = ("y"):rep(50) })
    assert.equal(('{\n  a = "%s",\n  b = "%s",\n}'):format(("x"):rep(50), ("y"):rep(50)), text)
  end)

  it("hide secrets, cut what is long or deep, and end in circles", function()
    local loop = {}
    loop.self = loop
    assert.equal("{ self = <itself> }", pretty.text(loop))
    assert.falsy(pretty.text({ value.secret("hunter2") }):find("hunter2", 1, true))
    local long = {}
    for i = 1, 150 do
      long[i] = i
    end
    assert.truthy(pretty.text(long):find("... 50 more", 1, true))
    local deep = {}
    local at = deep
    for _ = 1, 30 do
      at.x = {}
      at = at.x
    end
    assert.truthy(pretty.text(deep):find("{ ... }", 1, true))
  end)

  it("say what an object is and never write control characters", function()
    assert.equal("here", pretty.text(setmetatable({}, { __tostring = function() return "here" end })))
    assert.falsy(pretty.text({ "\27[31mred" }):find("\27", 1, true))
  end)
end)

describe("the words of a command line", function()
  it("are those of a shell", function()
    assert.same({ "a", "b c", "d'e", 'f"g', "" }, commands.words([[a 'b c' "d'e" f\"g '']]))
    assert.same({}, commands.words("   "))
    local _, e = commands.words("a 'b")
    assert.equal("usage", e.code)
  end)
end)

describe("TAB", function()
  local session

  before_each(function()
    local ctx = require("prov.context").new({}, { output = "table", term_out = {} })
    session = session_of.new(ctx)
  end)

  it("completes operations, their parameters and Lua's own names", function()
    assert.equal("rsion", (complete.tab(session, "ve")))
    assert.equal("t", (complete.tab(session, "server.lis")))
    assert.equal("ailed_exitcode = ", (complete.tab(session, "plan{ det")))
    local _, shown = complete.tab(session, "string.g")
    assert.equal("gmatch  gsub\n", shown)
    assert.equal("n", (complete.tab(session, 'config.set and 1 or prov.pla')))
  end)

  it("completes what is behind a colon and a question mark", function()
    assert.equal("ce ", (complete.tab(session, ":tra")))
    assert.equal("t", (complete.tab(session, "?server lis")))
  end)

  it("completes values in either quotes, with and without parentheses", function()
    local typed = { 'provider.show("loc', "provider.show('loc", "provider.show'loc", "provider.show{ name = 'loc" }
    for _, before in ipairs(typed) do
      assert.equal("al", (complete.tab(session, before)))
    end
  end)

  it("shows words in columns that fit the terminal", function()
    assert.equal("a    cc\nbbb  d\n", complete.columns({ "a", "bbb", "cc", "d" }, 9))
    assert.equal("a\nbbb\ncc\nd\n", complete.columns({ "a", "bbb", "cc", "d" }, 4))
  end)

  it("calls nothing on the way", function()
    local called = false
    session.env.trap = setmetatable({}, { __index = function() called = true end })
    complete.tab(session, "trap.x.y")
    complete.tab(session, "trap.fi")
    assert.is_false(called)
  end)
end)

describe("what a person mistypes", function()
  local session

  before_each(function()
    local ctx = require("prov.context").new({}, { output = "table", term_out = {} })
    ctx.ui = { close = function() end }
    session = session_of.new(ctx)
  end)

  local function mistake(text)
    local results, e = require("prov.async").run(function()
      return session:value(text)
    end)
    assert.is_nil(results)
    return tostring(e) .. (e.hint and " | " .. e.hint or "")
  end

  it("has a hint", function()
    assert.equal("attempt to call a nil value (global 'plann') | did you mean 'plan'?", mistake("plann()"))
    assert.equal("attempt to call a nil value (field 'lst') | did you mean 'list'?", mistake("server.lst{}"))
    assert.equal("attempt to index a nil value (global 'qqqqqq')", mistake("qqqqqq.a"))
    assert.equal("no command 'sav' | did you mean ':save'?", mistake(":sav x"))
    assert.equal("line 1: unexpected symbol near '*'", mistake("1 +* 2"))
    assert.equal("repl:2: attempt to call a nil value (global 'plann') | did you mean 'plan'?",
      mistake("return\nplann()"))
  end)
end)
