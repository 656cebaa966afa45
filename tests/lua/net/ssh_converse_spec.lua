local err = require("prov.err")
local host = require("prov.host")
local run = require("support.async").run
local sshd = require("support.sshd")
local tmp = require("support.tmp")

if not sshd.available() then
  return pending("needs root and /usr/sbin/sshd")
end

local function with_session(fn)
  run(sshd.with_session, nil, fn)
end

describe("a command that converses", function()
  it("gets its input from what it said, and keeps the rest apart", function()
    with_session(function(session)
      local seen = ""
      local r = assert(session:exec("echo 20; echo more; read n; echo got $n; cat; echo end", {
        converse = function(bytes)
          seen = seen .. bytes
          local n, rest = seen:match("^(%d+)\n(.*)$")
          if n then
            return ("x%d\nlast\n"):format(tonumber(n) + 1), rest
          end
        end,
      }))
      assert.are.same({ code = 0, stdout = "more\ngot x21\nlast\nend\n", stderr = "" }, r)
    end)
  end)

  it("may get no input, and may end without an answer", function()
    with_session(function(session)
      local r = assert(session:exec("echo hi; cat; echo end >&2", {
        converse = function()
          return false
        end,
      }))
      assert.are.same({ code = 0, stdout = "", stderr = "end\n" }, r)
      r = assert(session:exec("echo hi; exit 4", { converse = function() end }))
      assert.are.equal(4, r.code)
    end)
  end)

  it("is ended when it does not say anything in time", function()
    with_session(function(session)
      local r, e = session:exec("sleep 30", { converse = function() end, converse_timeout = 200 })
      assert.is_nil(r)
      assert.are.equal("timeout", e.code)
      assert.are.equal(0, assert(session:exec(":")).code)
    end)
  end)
end)

describe("host.meet", function()
  local function meet(session, make, opts)
    local count = 0
    local counted = { converses = session.converses, exec = function(_, ...)
      count = count + 1
      return session:exec(...)
    end }
    opts = opts or {}
    opts.state = tmp.dir() .. "/state"
    local report, e, facts = host.meet(counted, make, opts)
    return report, e, facts, count
  end

  it("knows the host and changes it in one exec", function()
    with_session(function(session)
      local dir = tmp.dir()
      local events = {}
      local function make(facts)
        return {
          host.op.file { dir .. "/arch", text = facts.arch .. "\n" },
          host.op.exec { "cat > " .. dir .. "/read", creates = dir .. "/read" },
        }
      end
      local report, e, facts, count = meet(session, make, { on_event = function(event)
        events[#events + 1] = event.kind
      end })
      assert(report, tostring(e))
      assert.are.equal(2, report.changed)
      assert.are.equal(facts.arch .. "\n", tmp.read(dir .. "/arch"))
      assert.are.equal("", tmp.read(dir .. "/read"))
      assert.are.equal(1, count)
      assert.are.same({ "start", "op", "start", "op" }, events)
      report, e, facts, count = meet(session, make, { mode = "check", shell = "/bin/sh" })
      assert(report, tostring(e))
      assert.are.equal(2, report.ok)
      assert.are.equal(1, count)
      assert.is_true(facts.cpus >= 1)
    end)
  end)

  it("gives facts to a session that cannot converse in an exec of its own", function()
    with_session(function(session)
      local report, e, facts, count = meet({ exec = function(_, ...)
        return session:exec(...)
      end }, function()
        return { host.op.exec { "false", creates = "/" } }
      end)
      assert(report and facts, tostring(e))
      assert.are.equal(1, report.ok)
      assert.are.equal(2, count)
    end)
  end)

  it("passes on why there is no recipe, raises its bugs, and takes an empty one", function()
    with_session(function(session)
      local report, e, facts = meet(session, function()
        return nil, err.new("invalid", "no such thing")
      end)
      assert.is_nil(report)
      assert.are.equal("invalid", e.code)
      assert.is_string(facts.arch)
      assert.has_error(function()
        local ok, raised = pcall(meet, session, function()
          error("a bug in it")
        end)
        assert(not ok and tostring(raised):find("a bug in it", 1, true))
        error("seen", 0)
      end, "seen")
      report = assert(meet(session, function()
        return {}
      end))
      assert.is_true(report.done)
    end)
  end)
end)
