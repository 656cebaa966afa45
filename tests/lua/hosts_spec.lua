--- What prov.hosts adds to the host engine: sessions, patience, and why a service is not healthy.

local hosts = require("prov.hosts")
local err = require("prov.err")
local test = require("support.async").test

local NODE = { address = "taskserv.web@server.a", name = "web", server = "server.a", args = {} }

-- Hosts whose only server is `session`, reached after `refusals` refused connections.
local function open(session, refusals, state, declaration)
  local kept = package.loaded["prov.ssh"]
  local calls = 0
  package.loaded["prov.ssh"] = {
    connect = function()
      calls = calls + 1
      if calls <= refusals then
        return err.fail("unavailable", "connect to 10.0.0.2 port 22: Connection refused")
      end
      return session
    end,
  }
  local opened = hosts.open({
    workspace = {
      user_key = function()
        return { private = "key" }
      end,
    },
    registry = {
      get = function()
        return declaration
      end,
    },
    state_of = function()
      return state
    end,
    servers = function()
      return { "server.a" }
    end,
  })
  return opened, function()
    package.loaded["prov.ssh"] = kept
    return calls
  end
end

local function session_of(answers)
  local session = { sent = {} }
  function session:exec(command, opts)
    self.sent[#self.sent + 1] = command
    for pattern, answer in pairs(answers) do
      if command:find(pattern, 1, true) then
        return { code = 0, stdout = answer, stderr = "" }
      end
    end
    return require("prov.host.process").session():exec(command, opts)
  end
  function session.close() end
  function session.closed()
    return false
  end
  return session
end

local STATE = { ip = "10.0.0.2", status = "running", ssh = { host = "10.0.0.2", host_key = "ssh-ed25519 AAAA" } }

describe("hosts", function()
  it("waits for a server that refuses connections when it is to change it, not when it looks", test(function()
    local declaration = {
      name = "web",
      recipe = function()
        return {}
      end,
    }
    local opened, restore = open(session_of({}), 2, STATE, declaration)
    local report, e = opened:check(NODE)
    assert.is_nil(report)
    assert.equal("unavailable", e.code)
    report = opened:apply(NODE)
    assert.equal(3, restore())
    assert.equal(0, report.failed)
  end))

  it("says that a server is stopped, and how to start it", test(function()
    local opened, restore = open(session_of({}), 1, { status = "stopped", ssh = STATE.ssh })
    local session, e = opened:session("server.a")
    restore()
    assert.is_nil(session)
    assert.equal("it was stopped: prov server start server.a", e.hint)
  end))

  it("a failed health check comes with what systemd says of the service", test(function()
    local declaration = {
      name = "web",
      recipe = function(op)
        return { op.exec { "true", changes = false } }
      end,
      health = function(op)
        return { op.command { "false", timeout = 0.1, title = "answers" } }
      end,
    }
    local session = session_of({ ["systemctl is-active -q -- web ||"] = "web.service: failed\n  no such module\n" })
    local opened, restore = open(session, 0, STATE, declaration)
    assert(opened:facts("server.a")).init = "systemd"
    local recipe = declaration.recipe
    local titles = {}
    local report, e = opened:apply(NODE, function(event)
      titles[#titles + 1] = event.kind == "start" and event.op.title or nil
      declaration.recipe = function(op)
        return { recipe(op)[1], op.service { "web", state = "running" }, op.service { "old", state = "stopped" } }
      end
    end)
    restore()
    assert.is_nil(report)
    assert.matches("^health check: answers failed", e.msg)
    assert.equal("web.service: failed\n  no such module", e.hint)
    assert.equal("health check", titles[#titles])
  end))

  it("hands op and facts to read: what a recipe does to them is refused and reaches no other", test(function()
    local seen = {}
    local declaration = { name = "web" }
    local opened, restore = open(session_of({}), 0, STATE, declaration)
    for part, change in pairs({
      ["op cannot be changed"] = function(op)
        op.file = op.dir
      end,
      ["facts cannot be changed"] = function(_, facts)
        facts.arch = "z80"
      end,
      ["hosts_spec.lua:%d+: .*facts cannot be changed"] = function(_, facts)
        facts.os.id = "other"
      end,
      ["there is no op 'fiel'"] = function(op)
        return op.fiel
      end,
      ["raised here"] = function(op, facts)
        rawset(op, "file", op.dir)
        rawset(facts.os, "id", "other")
        error("raised here")
      end,
    }) do
      declaration.recipe = function(op, _, facts)
        change(op, facts)
        return {}
      end
      local report, e = opened:check(NODE)
      assert.is_nil(report)
      assert.matches(part, tostring(e))
    end
    declaration.recipe = function(op, _, facts)
      seen.op, seen.id = op.file({ "/x", absent = true }).op, facts.os.id
      for key, v in pairs(facts) do
        seen[key] = type(v)
      end
      for _, disk in ipairs(facts.disks) do
        seen.mount = disk.mount
      end
      seen.count = #facts.disks
      seen.text = op.template({ "/x", template = "{{# l }}{{ mount }} {{/ l }}", vars = { l = facts.disks } }).args.text
      return {}
    end
    assert(opened:check(NODE))
    restore()
    local facts = opened:facts("server.a")
    assert.same({ "file", facts.os.id, #facts.disks }, { seen.op, seen.id, seen.count })
    assert.same({ "string", "table", "table" }, { seen.arch, seen.os, seen.server })
    assert.equal(facts.disks[#facts.disks].mount, seen.mount)
    assert.equal(seen.count, select(2, seen.text:gsub("/%S* ", "")))
  end))

  it("gives extensions a next that knows what they may only read", function()
    local env = require("prov.sandbox").env()
    local t = require("prov.view").of({ a = { 1 }, b = {} }, "facts")
    assert.equal(1, t.a[1])
    assert.is_nil(env.next(t.b))
    assert.equal(1, env.next(t.a))
    assert.equal(1, env.next({ 5 }))
    local _, inner = env.next(t)
    assert.has_error(function()
      inner.x = 1
    end)
  end)

  it("refuses hosts a taskserv does not run on before anything is changed there", test(function()
    local called = false
    local declaration = {
      name = "web",
      platforms = { "debian>=99", "ubuntu>=99.04" },
      recipe = function(op)
        called = true
        return { op.file { "/nonexistent/folder/x", text = "" } }
      end,
    }
    local opened, restore = open(session_of({}), 0, STATE, declaration)
    local facts = assert(opened:facts("server.a"))
    for _, verb in ipairs({ "apply", "check" }) do
      local report, e = opened[verb](opened, NODE)
      assert.is_nil(report)
      assert.equal("unsupported", e.code)
      assert.equal(("taskserv 'web' does not run on %s; it runs on debian>=99, ubuntu>=99.04"):format(
        (facts.os.id .. " " .. facts.os.version):match("^(.-) ?$")), e.msg)
    end
    assert.is_false(called)
    assert.equal(0, opened:remove(NODE).failed) -- what was installed once can be removed
    declaration.platforms = { facts.os.id }
    opened:check(NODE)
    assert.is_true(called)
    restore()
  end))
end)

describe("platforms", function()
  local platform = require("prov.host.platform")

  it("compare names, families and versions", function()
    local debian12 = { id = "debian", version = "12", like = {} }
    local jammy = { id = "ubuntu", version = "22.04", like = { "debian" } }
    local rows = {
      { debian12, "debian", true }, { debian12, "debian>=12", true }, { debian12, "debian >= 13", false },
      { debian12, "debian=12", true }, { debian12, "debian<13", true }, { debian12, "debian>12", false },
      { debian12, "debian<=11", false }, { debian12, "ubuntu", false }, { jammy, "ubuntu>=22.04", true },
      { jammy, "ubuntu>22.04", false }, { jammy, "ubuntu>=24.04", false }, { jammy, "ubuntu=22", true },
      { jammy, "debian", true }, { jammy, "debian>=12", false },
      { { id = "alpine", version = "3.18.4", like = {} }, "alpine>=3.9", true },
      { { id = "alpine", version = "3.18.4", like = {} }, "alpine=3.18", true },
      { { id = "debian", version = "", like = {} }, "debian>=12", true },
      { { id = "debian", version = "", like = {} }, "debian<=12", false },
    }
    for _, row in ipairs(rows) do
      local refused = platform.refusal({ name = "x", platforms = { row[2] } }, row[1])
      assert.equal(row[3], refused == nil, row[1].id .. row[1].version .. " " .. row[2])
    end
    assert.is_nil(platform.refusal({ name = "x" }, debian12))
    for _, text in ipairs({ "", ">=12", "debian>=", "debian>=twelve", "debian==12", "debian 12", "debian>=12,<14" }) do
      assert.is_nil((platform.parse(text)), text)
    end
  end)
end)
