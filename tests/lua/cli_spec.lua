local args = require("prov.face.cli.args")
local dispatch = require("prov.face.cli.dispatch")
local err = require("prov.err")
local ops = require("prov.ops")
local params_of = require("prov.params")
local ops_scan = require("prov.ops_scan")
local report = require("prov.face.cli.report")

local OP = {
  kind = "operation",
  name = "thing do",
  summary = "Do a thing",
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name" },
    rest = { type = "list", of = { type = "string" }, positional = 2, raw = true },
    count = { type = "int", default = 3, min = 1, max = 10, short = "c", doc = "How often" },
    dry_run = { type = "bool", default = false },
    refresh = { type = "bool", default = true },
    tag = { type = "list", of = { type = "string" } },
    set = { type = "map", of = { type = "string" } },
    mode = { type = "enum", one_of = { "a", "b" }, default = "a", aliases = { "kind", "way" } },
  },
}

local function parse(...)
  local global = {}
  local params, e = args.parse(OP, { ... }, global)
  if params then
    params, e = params_of.complete(OP, params)
  end
  return params, e, global
end

local function refused(...)
  local params, e = parse(...)
  assert.is_nil(params)
  e = err.is(e) and e or e[1]
  assert.equal("usage", e.code)
  return tostring(e), e.hint
end

describe("arguments", function()
  it("take flags in every form", function()
    local p = assert(parse("x", "--count=5", "--dry-run", "--tag", "a", "--tag=b", "--set", "k=v=w", "--mode", "b"))
    assert.same({ "a", "b" }, { p.tag[1], p.tag[2] })
    assert.same({ k = "v=w" }, { k = p.set.k })
    assert.same({ "x", 5, true, true, "b" }, { p.name, p.count, p.dry_run, p.refresh, p.mode })
    assert.equal(7, parse("-c7", "x").count)
    assert.equal(7, parse("-c", "7", "x").count)
    assert.is_false(parse("--no-refresh", "x").refresh)
    assert.is_false(parse("--refresh=false", "x").refresh)
    assert.equal(3, parse("x").count)
    assert.is_true(parse("x", "--dry_run").dry_run)
  end)

  it("take the flags of every command anywhere", function()
    local p, _, global = parse("-yq", "x", "-o", "json", "--no-color", "-wshop")
    assert.equal("x", p.name)
    assert.same({ yes = true, quiet = true, output = "json", color = false, workspace = "shop" }, global)
  end)

  it("have other names, and positionals that are flags too", function()
    assert.equal("b", parse("x", "--way", "b").mode)
    assert.equal("b", parse("x", "--kind=b").mode)
    local _, _, global = parse("x", "--auto-approve")
    assert.is_true(global.yes)
    local op = { name = "a", params = { file = { type = "path", positional = 1, flag = true } } }
    assert.equal("f", args.parse(op, { "f" }, {}).file)
    assert.equal("f", args.parse(op, { "--file", "f" }, {}).file)
    local none, e = args.parse(op, { "f", "--file", "g" }, {})
    assert.is_nil(none)
    assert.equal("usage", e.code)
    assert.matches("--file is given twice", e.msg, 1, true)
  end)

  it("leave the rest of a command line to the last positional", function()
    local p = assert(parse("--count", "2", "x", "ls", "-la", "--count", "9", "--"))
    assert.equal(2, p.count)
    assert.same({ "ls", "-la", "--count", "9", "--" }, { table.unpack(p.rest) })
    p = assert(parse("x", "--", "-l"))
    assert.same({ "-l" }, { table.unpack(p.rest) })
    assert.equal("-x", parse("--", "-x").name)
    assert.equal("-", parse("-").name)
    assert.equal("", parse("").name)
  end)

  it("say what is wrong", function()
    assert.truthy(refused():find("NAME is missing: Its name", 1, true))
    assert.equal("--count must be a whole number, not 'many'", (refused("x", "--count", "many")))
    assert.truthy(refused("x", "--count", "11"):find("11", 1, true))
    assert.equal("--count needs a value", (refused("x", "--count")))
    assert.equal("--count is given twice", (refused("--count", "1", "--count", "2", "x")))
    assert.equal("--no-refresh takes no value", (refused("x", "--no-refresh=1")))
    assert.equal("--mode must be one of a, b, not 'c'", (refused("x", "--mode=c")))
    assert.equal("--set must be KEY=VALUE, not 'k'", (refused("x", "--set", "k")))
    assert.equal("--dry-run must be true or false, not 'maybe'", (refused("x", "--dry-run=maybe")))
    local msg, hint = refused("x", "--cuont", "1")
    assert.equal("no flag '--cuont'", msg)
    assert.equal("did you mean '--count'?", hint)
  end)

  it("survive any words", function()
    local alphabet = {
      "-", "--", "=", "-c", "--count", "x", "", "--=", "-=", "---", "--tag=", "-cx", "--set=a", "--no-", "é",
    }
    local seed = 7
    for _ = 1, 20000 do
      local words = {}
      for i = 1, seed % 5 do
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        words[i] = alphabet[(seed >> 8) % #alphabet + 1]
      end
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      local ok, params, e = pcall(parse, table.unpack(words))
      assert.is_true(ok, table.concat(words, " ") .. ": " .. tostring(params))
      assert.is_true(params ~= nil or e ~= nil)
    end
  end)
end)

describe("dispatch", function()
  local function to(...)
    return dispatch.parse({ ... }, {})
  end

  it("finds operations by name and shortcut", function()
    assert.equal("server list", to("server", "list").name)
    assert.equal("plan", to("-o", "json", "p").name)
    assert.equal("version", to("version", "-v").name)
    assert.same({ "version" }, to("version", "--help").help)
    assert.same({ "server" }, to("server").help)
    assert.is_true(to("server").usage)
    assert.is_false(to("server", "--help").usage)
    assert.same({}, to().help)
  end)

  it("knows what was meant", function()
    local function hint(...)
      local command, e = to(...)
      assert.is_nil(command)
      assert.equal("usage", e.code)
      return tostring(e), e.hint
    end
    assert.same({ "no command 'pln'", "did you mean 'plan'?" }, { hint("pln") })
    assert.same({ "no command 'server lst'", "did you mean 'list'?" }, { hint("server", "lst") })
    assert.same({ "no command 'sevrer'", "did you mean 'server'?" }, { hint("sevrer", "list") })
    assert.same({ "no command 'qqqqqq'", "`prov help` lists them" }, { hint("qqqqqq") })
  end)
end)

describe("the index of operations", function()
  it("names a module for each, which declares that name", function()
    local count = 0
    for name, row in pairs(ops.index().commands) do
      local op = ops.load(name)
      assert.equal(name, op.name)
      assert.equal(row[2], op.summary)
      assert.equal("function", type(op.run))
      assert.is_nil(op.summary:match("%.$"), name .. ": summary ends in a full stop")
      count = count + 1
    end
    assert.is_true(count >= 40, count .. " operations only")
    for shortcut, name in pairs(ops.index().shortcuts) do
      assert.truthy(ops.index().commands[name], shortcut)
    end
  end)

  it("has contracts that compile, and positionals without gaps", function()
    for name in pairs(ops.index().commands) do
      local op = ops.load(name)
      require("prov.contract").compile(op.params or {})
      local positional, flags = require("prov.params").split(op.params)
      for i, param in ipairs(positional) do
        assert.equal(i, param.positional, name)
        assert.is_true(param.type ~= "list" or i == #positional, name)
        assert.is_true(not param.required or i == 1 or positional[i - 1].required, name)
      end
      for _, param in ipairs(flags) do
        for _, taken in pairs(require("prov.params").GLOBAL) do
          assert.is_true(param.short == nil or param.short ~= taken.short, name .. ": -" .. tostring(param.short))
        end
        assert.truthy(param.doc, name .. " --" .. param.name .. " has no doc")
      end
    end
  end)

  it("comes out of the generator as source that means the same", function()
    local index = ops.index()
    local again = assert(load(ops_scan.source(index), "index", "t", {}))()
    assert.same(index.shortcuts, again.shortcuts)
    for name, row in pairs(index.commands) do
      local other = again.commands[name]
      assert.same({ row[1], row[2], row[3] or false }, { other[1], other[2], other[3] or false })
    end
  end)

  it("refuses two operations of one name", function()
    local dir = assert(require("prov.fs").tempdir("ops"))
    os.execute(("mkdir -p '%s/ops/a'"):format(dir))
    for _, file in ipairs({ "x", "y" }) do
      local f = assert(io.open(("%s/ops/a/%s.lua"):format(dir, file), "w"))
      f:write('return { kind = "operation", name = "a x", summary = "S", shortcuts = { "q" } }')
      f:close()
    end
    local ok, message = pcall(ops_scan.files, { dir .. "/ops/a/x.lua", dir .. "/ops/a/y.lua" })
    assert.is_false(ok)
    assert.truthy(message:find("'a x' is already in ops.a.x", 1, true))
    os.execute(("rm -r '%s'"):format(dir))
  end)
end)

describe("reports", function()
  it("name the place, the causes and what to do", function()
    local e = err.new("io", "disk is full", { file = "a.yaml", line = 3, column = 7, hint = "make room" })
    e = e:wrap("write the %s", "state")
    assert.equal("error: write the state\n  caused by: a.yaml:3:7: disk is full\nhint: make room\n", report.text(e))
    local data = err.data(e).errors[1]
    assert.equal("io", data.code)
    assert.same({ "a.yaml", 3, 7 }, { data.cause.file, data.cause.line, data.cause.column })
  end)

  it("show several errors, also those one stands for", function()
    local list = { err.new("invalid", "one"), err.new("invalid", "two") }
    assert.equal("error: one\nerror: two\n", report.text(list))
    assert.equal(2, #err.data(list).errors)
    local whole = err.new("invalid", "2 errors", { data = { errors = list } })
    assert.equal("error: one\nerror: two\nerror: 2 errors\n", report.text(whole))
  end)

  it("give the exit code of the error", function()
    local codes = { failed = 1, usage = 2, notfound = 4, denied = 5, locked = 6, conflict = 7, canceled = 130 }
    for code, exit in pairs(codes) do
      assert.equal(exit, err.exit_code(err.new(code, "x")))
    end
    assert.equal(1, err.exit_code("boom"))
  end)

  it("keep tracebacks for -v", function()
    local bug = err.from("x.lua:1: boom\nstack", "traceback here")
    assert.falsy(report.text(bug):find("traceback here", 1, true))
    assert.truthy(report.text(bug, nil, true):find("traceback here", 1, true))
  end)
end)

describe("completion", function()
  local complete = require("prov.complete")
  local ctx = { registry = require("prov.registry").open() }

  local function words(...)
    local list = {}
    for i, row in ipairs(complete.list(ctx, { ... })) do
      list[i] = row[1]
    end
    table.sort(list)
    return table.concat(list, " ")
  end

  it("offers commands, groups and verbs", function()
    assert.equal("schedule schema secret serve server show simulate state status", (words("s")):gsub("ssh ", ""))
    assert.equal("start stop", words("server", "st"):gsub(" restart", ""))
    assert.equal("get", words("config", "g"))
    assert.equal("serve server", words("help", "ser"))
    assert.equal("", words("nonsense", ""))
  end)

  it("offers flags, values and names", function()
    assert.equal("--detailed-exitcode", words("plan", "--det"))
    assert.equal("--auto-approve", words("apply", "--auto"))
    assert.equal(":files", words("apply", ""))
    assert.equal(":files", words("apply", "--plan", ""))
    assert.equal("continue rollback stop", words("apply", "--on-failure", ""))
    assert.equal("--on-failure=continue", words("apply", "--on-failure=c"))
    assert.equal("json", words("-o", "j"))
    assert.equal("--no-refresh", words("plan", "--no-r"))
    assert.equal(":files", words("plan", "--out", ""))
    assert.equal("demo", words("provider", "show", "de"))
    assert.equal("", words("provider", "show", "demo", ""))
    assert.equal("", words("server", "exec", "web", "--", "-"))
  end)
end)
