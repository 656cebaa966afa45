local async = require("prov.async")
local crypto = require("core.crypto")
local engines = require("prov.vault.engines")
local err = require("prov.err")
local policy = require("prov.vault.policy")
local in_task = require("support.async").test
local tmp = require("support.tmp")
local whole = require("support.vault")

local ask = whole.ask

-- An engine that gives out leases, and counts what it took back.
local taken, broken = {}, false
package.preload["support.vault_leases"] = function()
  return {
    name = "leases",
    summary = "Gives out",
    paths = { { path = "creds/{name}", doc = "", read = function(_, req)
      local name = req.params.name
      return { data = { user = name }, lease = { ttl = 100, max_ttl = 250, internal = { name = name } } }
    end } },
    revoke = function(_, lease)
      if broken then
        return err.fail("failed", "the server is down")
      end
      taken[lease.internal.name] = (taken[lease.internal.name] or 0) + 1
      return true
    end,
  }
end

local function test(name, fn)
  it(name, in_task(function()
    fn(tmp.dir())
  end))
end

local function count(map)
  local n = 0
  for _ in pairs(map) do
    n = n + 1
  end
  return n
end

describe("vault", function()
  local key, time = nil, 1700000000

  before_each(function()
    engines.SECRETS.leases = "support.vault_leases"
    taken, broken, time = {}, false, 1700000000
  end)
  after_each(function()
    engines.SECRETS.leases = nil
  end)

  local function open(dir)
    return whole.open(dir, function()
      return time
    end, key)
  end

  test("ends 10,000 leases: by their time, by their token, by a prefix, after a restart", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    assert(ask(vault, "delete", "sys/audit/file")) -- 20,000 lines say nothing here
    local names = {}
    for i = 1, 10000 do
      names[i] = ("%s%05d"):format(i <= 5000 and "a" or "b", i)
    end
    assert(async.each(names, 64, function(name)
      return ask(vault, "read", "db/creds/" .. name)
    end))
    assert.equal(10000, ask(vault, "read", "sys/leases/count").data.lease_count)
    vault:close()

    vault = open(dir)
    local started = os.clock()
    assert.equal(10000, ask(vault, "read", "sys/leases/count").data.lease_count)
    time = time + 99
    ask(vault, "read", "sys/mounts")
    assert.equal(0, count(taken))
    local kept = ask(vault, "list", "sys/leases/lookup/db/creds/b10000").data.keys[1]
    kept = "db/creds/b10000/" .. kept
    assert.equal(100, ask(vault, "update", "sys/leases/renew", { lease_id = kept }).lease_duration)
    time = time + 2
    ask(vault, "read", "sys/mounts")
    assert.equal(9999, count(taken))
    assert.equal(1, ask(vault, "read", "sys/leases/count").data.lease_count)
    for name, times in pairs(taken) do
      assert.equal(1, times, name)
    end
    assert.is_true(os.clock() - started < 30)
    vault:close()
  end)

  test("renews up to the limit, revokes with the token, below a prefix and once", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    assert(ask(vault, "update", "sys/policies/acl/db", { policy = 'path "db/*" { capabilities = ["read"] }' }))
    local token = ask(vault, "update", "auth/token/create", { policies = { "db" }, ttl = "1h" }).auth.client_token
    local lease = assert(ask(vault, "read", "db/creds/one", nil, token))
    assert.equal(100, lease.lease_duration)
    time = time + 90
    local wanted = { lease_id = lease.lease_id, increment = 1000 }
    local renewed = assert(ask(vault, "update", "sys/leases/renew", wanted, token))
    assert.equal(160, renewed.lease_duration) -- 250 from its begin
    assert.equal(1, #renewed.warnings)
    for _, name in ipairs({ "two", "three" }) do
      assert(ask(vault, "read", "db/creds/" .. name))
    end
    assert(ask(vault, "update", "auth/token/revoke", { token = token }))
    assert.same({ one = 1 }, taken)
    assert(ask(vault, "update", "sys/leases/revoke-prefix/db/creds", {}))
    assert.same({ one = 1, two = 1, three = 1 }, taken)
    assert.equal(0, ask(vault, "read", "sys/leases/count").data.lease_count)
    vault:close()
  end)

  test("sets leases aside that cannot be revoked, and forgets them when told to", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    local lease = ask(vault, "read", "db/creds/one").lease_id
    broken = true
    local ok, e = ask(vault, "update", "sys/leases/revoke", { lease_id = lease, sync = true })
    assert.is_nil(ok)
    assert.equal("failed", e.code)
    for _ = 1, 10 do
      time = time + 3600
      ask(vault, "read", "sys/mounts")
    end
    local aside = ask(vault, "read", "sys/leases").data
    assert.equal(1, aside.lease_count)
    assert.equal(lease, aside.leases[1].lease_id)
    assert.matches("the server is down", aside.leases[1].error)
    assert(ask(vault, "update", "sys/leases/revoke-force/db/creds"))
    assert.equal(0, ask(vault, "read", "sys/leases/count").data.lease_count)
    assert.same({}, taken)
    vault:close()
  end)

  test("opens with no other key, and values at no other path", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "secret/data/a", { data = { x = "1" } }))
    assert(ask(vault, "update", "secret/data/b", { data = { x = "2" } }))
    local id = vault.cache.mounts[3].id
    local function raw(name)
      return ("mount/%s/version/%s/1"):format(id, name)
    end
    local store = vault.barrier.store
    assert(store:commit_sync({ { "put", "value", raw("b"), store:get("value", raw("a")) } }))
    local answer, e = ask(vault, "read", "secret/data/b")
    assert.is_nil(answer)
    assert.equal("auth", e.code)
    vault:close()
    key = assert(crypto.random(32))
    vault = open(dir)
    answer, e = ask(vault, "read", "secret/data/a")
    assert.is_nil(answer)
    assert.equal("auth", e.code)
    vault:close()
  end)

  test("seals what is there with the newest key while others write", function(dir)
    local vault = open(dir)
    for i = 1, 600 do
      assert(vault.barrier ~= nil and ask(vault, "update", "cubbyhole/x" .. i, { n = i }))
    end
    local stop, writes = false, {}
    local task = async.spawn(function()
      local n = 0
      while not stop do
        n = n + 1
        assert(ask(vault, "update", "cubbyhole/x" .. (n % 600 + 1), { n = -n }))
        writes[n % 600 + 1] = -n
      end
      return true
    end)
    for _ = 1, 3 do
      assert(ask(vault, "update", "sys/rotate"))
    end
    stop = true
    assert(task:join())
    for i = 1, 600 do
      assert.equal(writes[i] or i, ask(vault, "read", "cubbyhole/x" .. i).data.n)
    end
    for _, row in ipairs(vault.barrier.store:scan("value", "mount/")) do
      assert.is_true(string.unpack(">I4", row[2]) >= 4)
    end
    vault:close()
  end)
end)

describe("vault policies", function()
  local function acl(text)
    return policy.acl({ { name = "p", rules = assert(policy.parse(text)) } })
  end

  it("let the most specific path decide", function()
    local all = acl([[
      path "secret/*" { capabilities = ["read"] }
      path "secret/a" { capabilities = ["update"] }
      path "secret/+/c" { capabilities = ["delete"] }
      path "secret/b/*" { capabilities = ["list"] }
      path "secret/b/+/d" { capabilities = ["create"] }
      path "secret/no/*" { capabilities = ["deny", "read"] }
    ]])
    for path, want in pairs({
      ["secret/x"] = "read", ["secret/a"] = "update", ["secret/a/b"] = "read", ["secret/b/c"] = "list",
      ["secret/x/c"] = "delete", ["secret/b/x/d"] = "create", ["secret/no/x"] = "deny", ["other"] = "deny",
      ["secret"] = "deny", ["secretx"] = "deny",
    }) do
      assert.same({ want }, all:capabilities(path), path)
    end
  end)

  it("look at parameters", function()
    local all = acl([[
      path "a" {
        capabilities        = ["update"]
        allowed_parameters  = { "ttl" = ["1h", "2h"], "name" = ["team-*"], "any" = [] }
        denied_parameters   = { "any" = ["bad"] }
        required_parameters = ["name"]
      }
    ]])
    local function may(given)
      return (all:check("update", "a", { given = given }))
    end
    assert.is_true(may({ name = "team-a", ttl = "1h" }))
    assert.is_true(may({ name = "team-a", any = "good" }))
    assert.is_false(may({ name = "team-a", ttl = "3h" }))
    assert.is_false(may({ name = "other" }))
    assert.is_false(may({ ttl = "1h" }))
    assert.is_false(may({ name = "team-a", more = 1 }))
    assert.is_false(may({ name = "team-a", any = "bad" }))
  end)

  it("come as JSON too, and say what is wrong with them", function()
    local all = acl('{"path": {"x/*": {"capabilities": ["read"]}}}')
    assert.same({ "read" }, all:capabilities("x/y"))
    for text, want in pairs({
      ['path "x" { capabilities = ["raed"] }'] = "no capability 'raed'",
      ['path "x" { capability = ["read"] }'] = "no field 'capability'",
      ['paths "x" { }'] = "path",
      ['path "x/{{identity}}" { capabilities = ["read"] }'] = "templates",
    }) do
      local rules, e = policy.parse(text)
      assert.is_nil(rules)
      assert.matches(want, tostring(e))
    end
  end)
end)
