local async = require("prov.async")
local engines = require("prov.vault.engines")
local err = require("prov.err")
local seal = require("prov.vault.seal")
local test = require("support.async").test
local tmp = require("support.tmp")
local vault_of = require("prov.vault")

-- An engine whose users are names in `there`: `fault` says what happens while one is made, or dropped.
local there, fault, woken = {}, nil, {}
package.preload["support.vault_makes"] = function()
  return {
    name = "makes",
    summary = "Makes what its leases are for",
    paths = {
      { path = "creds/{name}", doc = "", read = function(_, req)
        local name = req.params.name
        return { lease = { ttl = 100, internal = { name = name } }, make = function()
          if fault == "refused" then
            return err.fail("invalid", "no such thing")
          end
          there[name] = true
          if fault == "unknown" then
            return err.fail("unknown", "connection lost")
          elseif fault == "bug" then
            error("bug")
          elseif fault == "slow" then
            async.sleep(200)
          end
          return { user = name }
        end }
      end },
      { path = "later/{name}", doc = "", update = function(ctx, req)
        assert(ctx.storage:commit({ { "put", "x", 1 }, { "at", ctx.now() + 10, "job/" .. req.params.name } }))
      end },
    },
    revoke = function(_, lease)
      if fault == "absent" then
        return err.fail("unavailable", "the server is down")
      elseif fault == "broken" then
        return err.fail("invalid", "it does not want to")
      end
      there[lease.internal.name] = nil
      return true
    end,
    due = function(ctx, name)
      woken[#woken + 1] = ctx.path .. " " .. name
      if fault == "absent" then
        return err.fail("unavailable", "the server is down")
      end
      return true
    end,
  }
end

describe("leases that are written before what they are for", function()
  local time

  before_each(function()
    engines.SECRETS.makes = "support.vault_makes"
    there, fault, woken, time = {}, nil, {}, 1700000000
  end)
  after_each(function()
    engines.SECRETS.makes = nil
  end)

  local function open(dir)
    return assert(vault_of.open({ dir = dir, custody = seal.key(("k"):rep(32)), server = true, now = function()
      return time
    end }))
  end

  local function ask(vault, op, path, given)
    return vault:request({ op = op, path = path, data = given, trusted = "spec" })
  end

  local function new_vault(dir)
    local vault = open(dir)
    assert(vault:initialise({ root_token = false }))
    assert(ask(vault, "update", "sys/mounts/made", { type = "makes" }))
    return vault
  end

  local function paths(vault, prefix)
    return #assert(vault.barrier:paths(prefix))
  end

  local function settle(vault)
    vault:kick()
    async.sleep(150)
  end

  it("gives the data, and takes it back in the end", test(function()
    local vault <close> = new_vault(tmp.dir())
    local answer = assert(ask(vault, "read", "made/creds/ann"))
    assert.equal("ann", answer.data.user)
    assert.equal(100, answer.lease_duration)
    assert.equal(0, paths(vault, "lease/pending/"))
    time = time + 100
    settle(vault)
    assert.same({}, there)
    assert.equal(0, paths(vault, "lease/"))
    assert.equal(0, paths(vault, "due/"))
  end))

  it("forgets what was not made, and takes back what may have been", test(function()
    local vault <close> = new_vault(tmp.dir())
    for _, each in ipairs({ "refused", "unknown", "bug" }) do
      fault = each
      assert.is_nil((ask(vault, "read", "made/creds/bob")))
      settle(vault)
      assert.same({}, there, each)
      assert.equal(0, paths(vault, "lease/"), each)
      assert.equal(0, paths(vault, "due/"), each)
    end
  end))

  it("takes back what was being made when it was sealed or killed", test(function()
    local vault <close> = new_vault(tmp.dir())
    fault = "slow"
    local request = async.spawn(ask, vault, "read", "made/creds/cut")
    async.sleep(50)
    request:cancel() -- what a process that ends leaves behind
    request:join()
    fault = nil
    assert.is_true(there.cut)
    assert.equal(1, paths(vault, "lease/pending/"))
    vault:seal()
    assert(vault:open_by_custody())
    settle(vault)
    assert.same({}, there)
    assert.equal(0, paths(vault, "lease/"))
    assert.equal(0, paths(vault, "due/"))
  end))

  it("leaves alone what comes to its end after an unseal", test(function()
    local vault <close> = new_vault(tmp.dir())
    fault = "slow"
    local request = async.spawn(ask, vault, "read", "made/creds/late")
    async.sleep(50)
    vault:seal()
    assert(vault:open_by_custody())
    assert.equal("late", assert(request:join()).data.user)
    settle(vault)
    assert.is_true(there.late)
    assert.equal(1, paths(vault, "lease/id/"))
    assert.equal(0, paths(vault, "lease/pending/"))
  end))

  it("takes back at the next unseal what ended while it was sealed", test(function()
    local vault <close> = new_vault(tmp.dir())
    fault = "slow"
    local request = async.spawn(ask, vault, "read", "made/creds/late")
    async.sleep(50)
    vault:seal()
    assert.equal("locked", select(2, request:join()).code)
    assert(vault:open_by_custody())
    settle(vault)
    assert.same({}, there)
    assert.equal(0, paths(vault, "lease/"))
  end))

  it("waits for a server that is not there, and sets aside what fails otherwise", test(function()
    local vault <close> = new_vault(tmp.dir())
    assert(ask(vault, "read", "made/creds/one"))
    fault = "absent"
    for _ = 1, 8 do
      time = time + 1000
      settle(vault)
    end
    assert.equal(1, #assert(ask(vault, "read", "sys/leases")).data.leases) -- somebody may look
    fault = nil
    time = time + 1000
    settle(vault)
    assert.same({}, there)
    assert(ask(vault, "read", "made/creds/two"))
    fault = "broken"
    for _ = 1, 8 do
      time = time + 1000
      settle(vault)
    end
    assert.equal(1, #assert(ask(vault, "read", "sys/leases")).data.leases)
    fault = nil
    time = time + 1000
    settle(vault)
    assert.same({ two = true }, there)
  end))

  it("wakes an engine when something is due, again after a failure", test(function()
    local vault <close> = new_vault(tmp.dir())
    ask(vault, "update", "made/later/a")
    time = time + 9
    settle(vault)
    assert.same({}, woken)
    time, fault = time + 1, "absent"
    settle(vault)
    assert.same({ "made job/a" }, woken)
    time, fault = time + 10, nil
    settle(vault)
    settle(vault)
    assert.same({ "made job/a", "made job/a" }, woken)
    ask(vault, "update", "made/later/b")
    assert(ask(vault, "delete", "sys/mounts/made"))
    time = time + 10
    settle(vault)
    assert.equal(2, #woken)
    assert.equal(0, paths(vault, "due/"))
  end))
end)
