-- What somebody tries who may do a little and wants to do more.

local async = require("prov.async")
local engines = require("prov.vault.engines")
local policy = require("prov.vault.policy")
local in_task = require("support.async").test
local tmp = require("support.tmp")
local vault_of = require("prov.vault")
local whole = require("support.vault")

local ask = whole.ask

local given, taken, slow = {}, {}, false
package.preload["support.vault_attacked"] = function()
  return {
    name = "leases",
    summary = "Gives out",
    paths = { { path = "creds/{name}", doc = "", read = function(_, req)
      given[req.params.name] = true
      if slow then
        async.sleep(20)
      end
      return { data = { user = "x" }, lease = { ttl = 100, internal = { name = req.params.name } } }
    end } },
    renew = function(_, _, seconds)
      if slow then
        async.sleep(20)
      end
      return seconds
    end,
    revoke = function(_, lease)
      taken[lease.internal.name] = true
      return true
    end,
  }
end

local function test(name, fn)
  it(name, in_task(function()
    fn(tmp.dir())
  end))
end

describe("vault under attack", function()
  local time = 1700000000

  before_each(function()
    engines.SECRETS.leases = "support.vault_attacked"
    given, taken, slow, time = {}, {}, false, 1700000000
  end)
  after_each(function()
    engines.SECRETS.leases = nil
  end)

  local function open(dir)
    return whole.open(dir, function()
      return time
    end)
  end

  local function policies(vault, map)
    for name, text in pairs(map) do
      assert(ask(vault, "update", "sys/policies/acl/" .. name, { policy = text }))
    end
  end

  local function token(vault, fields)
    return assert(ask(vault, "update", "auth/token/create", fields)).auth.client_token
  end

  local function refused(want, vault, op, path, data, who)
    local answer, e = ask(vault, op, path, data, who)
    assert.is_nil(answer, op .. " " .. path)
    assert.equal(want, e.code, tostring(e))
  end

  local MAKE = 'path "auth/token/*" { capabilities = ["update"] }\npath "auth/token/create" { capabilities = ["update"'

  test("names of policies are not disguised", function(dir)
    local vault = open(dir)
    policies(vault, {
      maker = MAKE .. '] }', strong = MAKE .. ', "sudo"] }',
      admin = 'path "secret/*" { capabilities = ["read", "update", "create"] }',
    })
    assert(ask(vault, "update", "auth/token/roles/any", {}))
    assert(ask(vault, "update", "auth/token/roles/most", { disallowed_policies = { "admin" } }))
    local maker, strong = token(vault, { policies = { "maker" } }), token(vault, { policies = { "strong" } })
    for _, name in ipairs({ "root", "ROOT", "Root", " root " }) do
      for _, path in ipairs({ "create", "create/any", "create/most" }) do
        refused("usage", vault, "update", "auth/token/" .. path, { policies = { name } }, maker)
        refused("usage", vault, "update", "auth/token/" .. path, { policies = { name } }, strong)
      end
    end
    refused("usage", vault, "update", "auth/token/create/any", { policies = { "admin" } }, maker)
    for _, name in ipairs({ "admin", "Admin", " admin", "admin\ndefault" }) do
      refused("usage", vault, "update", "auth/token/create/most", { policies = { name } }, maker)
    end
    refused("usage", vault, "update", "auth/token/create", { policies = { { "root" } } }, strong)
    -- what a login gives
    assert(ask(vault, "update", "sys/auth/userpass", { type = "userpass" }))
    refused("usage", vault, "update", "auth/userpass/users/eve", { password = "p", token_policies = { "ROOT" } })
    refused("usage", vault, "update", "auth/userpass/users/eve", { password = "p", policies = "a, Root" })
    vault:close()
  end)

  test("a token that works so often makes no other ones", function(dir)
    local vault = open(dir)
    policies(vault, { maker = MAKE .. '] }' })
    local limited = token(vault, { policies = { "maker" }, num_uses = 5 })
    refused("usage", vault, "update", "auth/token/create", { policies = { "maker" } }, limited)
    vault:close()
  end)

  test("no time is negative or without end", function(dir)
    local vault = open(dir)
    for _, seconds in ipairs({ -1, "-1", math.mininteger, math.maxinteger, "9223372036854775807", "999999999w" }) do
      for _, field in ipairs({ "ttl", "period", "explicit_max_ttl" }) do
        refused("usage", vault, "update", "auth/token/create", { policies = { "default" }, [field] = seconds })
      end
    end
    vault:close()
  end)

  test("an authority is forgotten by who has sudo", function(dir)
    local vault = open(dir)
    policies(vault, {
      helper = 'path "pki/*" { capabilities = ["delete"] }',
      boss = 'path "pki/*" { capabilities = ["delete", "sudo"] }',
    })
    assert(ask(vault, "update", "sys/mounts/pki", { type = "pki" }))
    refused("denied", vault, "delete", "pki/root", nil, token(vault, { policies = { "helper" } }))
    assert(ask(vault, "delete", "pki/root", nil, token(vault, { policies = { "boss" } })))
    vault:close()
  end)

  test("what somebody says of himself opens no account", function(dir)
    local vault = open(dir)
    policies(vault, { maker = MAKE .. '] }\npath "ssh/*" { capabilities = ["update"] }' })
    assert(ask(vault, "update", "sys/mounts/ssh", { type = "ssh" }))
    assert(ask(vault, "update", "ssh/config/ca", {}))
    assert(ask(vault, "update", "ssh/roles/own", {
      allow_user_certificates = true, allowed_users = "{{token.meta.user}}", allowed_users_template = true,
    }))
    local line = assert(require("core.net").ssh_keygen("ed25519")).public
    local function sign(who)
      return ask(vault, "update", "ssh/sign/own", { public_key = line, valid_principals = "root" }, who)
    end
    local given_by_root = token(vault, { policies = { "maker" }, meta = { user = "root" } })
    assert(sign(given_by_root))
    local ann = token(vault, { policies = { "maker" }, meta = { user = "ann" } })
    assert.is_nil(sign(ann))
    local child = assert(ask(vault, "update", "auth/token/create", { meta = { user = "root" } }, ann))
    local answer, e = sign(child.auth.client_token)
    assert.is_nil(answer)
    assert.equal("usage", e.code)
    vault:close()
  end)

  test("a lease is revoked alone, not what begins like it", function(dir)
    local vault = open(dir)
    policies(vault, { revoke = 'path "sys/leases/revoke" { capabilities = ["update"] }' })
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    local lease = ask(vault, "read", "db/creds/one").lease_id
    local eve = token(vault, { policies = { "revoke" } })
    for _, id in ipairs({ "d", "db/", "db/creds/one/", lease:sub(1, -2) }) do
      for _, sync in ipairs({ true, false }) do
        ask(vault, "update", "sys/leases/revoke", { lease_id = id, sync = sync }, eve)
        ask(vault, "read", "sys/mounts")
        assert.same({}, taken, id)
      end
    end
    assert(ask(vault, "update", "sys/leases/revoke", { lease_id = lease }, eve))
    ask(vault, "read", "sys/mounts")
    assert.same({ one = true }, taken)
    vault:close()
  end)

  test("guesses at once are counted as well as one after the other", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/auth/userpass", { type = "userpass" }))
    assert(ask(vault, "update", "auth/userpass/users/ann", { password = "right" }))
    local looked, guesses = 0, {}
    for i = 1, 12 do
      guesses[i] = "guess" .. i
    end
    async.each(guesses, 12, function(guess)
      local _, e = vault:request({ op = "update", path = "auth/userpass/login/ann", data = { password = guess } })
      looked = looked + (e.code == "usage" and 1 or 0)
      return true
    end)
    assert.is_true(looked <= 5, looked .. " passwords were tried")
    local login = { op = "update", path = "auth/userpass/login/ann", data = { password = "right" } }
    local answer, e = vault:request(login)
    assert.is_nil(answer)
    assert.equal("denied", e.code)
    time = time + 901
    assert(vault:request(login))
    vault:close()
  end)

  test("a token that is revoked stays so, whatever it does meanwhile", function(dir)
    local vault = open(dir)
    policies(vault, { maker = MAKE .. '] }\npath "cubbyhole/*" { capabilities = ["update"] }' })
    for _ = 1, 20 do
      local eve = token(vault, { policies = { "maker" }, ttl = 1000 })
      local limited = token(vault, { policies = { "maker" }, ttl = 1000, num_uses = 100 })
      local made = {}
      local function try(path, data, who)
        return async.spawn(function()
          for _ = 1, 4 do
            local answer = ask(vault, "update", path, data, who)
            if answer and answer.auth and path:find("create") then
              made[#made + 1] = answer.auth.client_token
            end
          end
          return true
        end)
      end
      local tasks = {
        try("auth/token/renew-self", {}, eve), try("auth/token/create", { ttl = 1000 }, eve),
        try("auth/token/lookup-self", {}, limited), try("auth/token/renew-self", {}, limited),
        try("auth/token/revoke", { token = eve }), try("auth/token/revoke", { token = limited }),
        try("auth/token/create", { ttl = 1000 }, eve),
      }
      for _, task in ipairs(tasks) do
        assert(task:join())
      end
      for _, secret in ipairs({ eve, limited, table.unpack(made) }) do
        refused("denied", vault, "update", "auth/token/lookup", { token = secret })
      end
    end
    assert.same({}, vault.barrier:list("token/child/"))
    vault:close()
  end)

  test("what a token was given goes with it, also while it is given or renewed", function(dir)
    local vault = open(dir)
    policies(vault, { db = 'path "db/*" { capabilities = ["read"] }' })
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    local eve = token(vault, { policies = { "db" }, ttl = 1000 })
    local lease = assert(ask(vault, "read", "db/creds/before", nil, eve)).lease_id
    slow = true
    local tasks = {
      async.spawn(function()
        return (ask(vault, "read", "db/creds/meanwhile", nil, eve)), true
      end),
      async.spawn(function()
        return (ask(vault, "update", "sys/leases/renew", { lease_id = lease }, eve)), true
      end),
      async.spawn(function()
        async.sleep(8)
        return ask(vault, "update", "auth/token/revoke", { token = eve })
      end),
    }
    for _, task in ipairs(tasks) do
      task:join()
    end
    ask(vault, "read", "sys/mounts")
    assert.same({ before = true, meanwhile = true }, given)
    assert.same({ before = true, meanwhile = true }, taken)
    assert.equal(0, ask(vault, "read", "sys/leases/count").data.lease_count)
    vault:close()
  end)

  test("what was given out at a place that is moved is taken back", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/mounts/db", { type = "leases" }))
    assert(ask(vault, "read", "db/creds/one"))
    assert(ask(vault, "update", "sys/remount", { from = "db", to = "other" }))
    assert(ask(vault, "delete", "sys/mounts/other"))
    assert.same({ one = true }, taken)
    assert(ask(vault, "update", "sys/auth/up", { type = "userpass" }))
    assert(ask(vault, "update", "auth/up/users/ann", { password = "p" }))
    local ann = assert(vault:request({ op = "update", path = "auth/up/login/ann", data = { password = "p" } }))
    assert(ask(vault, "update", "sys/remount", { from = "auth/up", to = "auth/other" }))
    assert(ask(vault, "delete", "sys/auth/other"))
    refused("denied", vault, "read", "auth/token/lookup-self", nil, ann.auth.client_token)
    vault:close()
  end)

  test("large letters do not get around a denial where names have none", function(dir)
    local vault = open(dir)
    assert(ask(vault, "update", "sys/auth/userpass", { type = "userpass" }))
    assert(ask(vault, "update", "sys/auth/approle", { type = "approle" }))
    assert(ask(vault, "update", "auth/userpass/users/boss", { password = "p" }))
    assert(ask(vault, "update", "auth/approle/role/boss", {}))
    policies(vault, { helper = [[
      path "auth/userpass/users/*" { capabilities = ["create", "update", "read"] }
      path "auth/userpass/users/boss" { capabilities = ["deny"] }
      path "auth/approle/role/*" { capabilities = ["create", "update", "read"] }
      path "auth/approle/role/boss/*" { capabilities = ["deny"] }
      path "sys/policies/acl/*" { capabilities = ["create", "update", "read"] }
      path "sys/policies/acl/helper" { capabilities = ["deny"] }
    ]] })
    local eve = token(vault, { policies = { "helper" } })
    assert(ask(vault, "update", "auth/userpass/users/Ann", { password = "p" }, eve))
    refused("denied", vault, "update", "auth/userpass/users/BOSS", { password = "mine" }, eve)
    refused("denied", vault, "update", "auth/approle/role/Boss/secret-id", {}, eve)
    refused("denied", vault, "update", "sys/policies/acl/Helper", { policy = "" }, eve)
    vault:close()
  end)

  it("+ within a segment is a letter", function()
    local acl = policy.acl({ { name = "p", rules = assert(policy.parse([[
      path "secret/*" { capabilities = ["read"] }
      path "secret/c++/key" { capabilities = ["deny"] }
      path "secret/a+" { capabilities = ["deny"] }
    ]])) } })
    assert.same({ "deny" }, acl:capabilities("secret/c++/key"))
    assert.same({ "deny" }, acl:capabilities("secret/a+"))
    assert.same({ "read" }, acl:capabilities("secret/aaa"))
    assert.same({ "read" }, acl:capabilities("secret/cc/key"))
  end)

  test("what makes no sense is refused, and nothing breaks", function(dir)
    local vault = open(dir)
    local function policy_of(text)
      refused("usage", vault, "update", "sys/policies/acl/x", { policy = text })
    end
    policy_of('{"path":5}')
    policy_of('{"path":{"a":5}}')
    policy_of('{"path":[5]}')
    policy_of('{"path":{"a":{"capabilities":[["read"]]}}}')
    policy_of('{"path":{"a":{"capabilities":["read"],"required_parameters":7}}}')
    policy_of('path { capabilities = ["read"] }')
    for path, data in pairs({
      ["sys/capabilities-self"] = { paths = { 5, {} } },
      ["auth/token/create"] = { meta = { a = { b = 1 } } },
    }) do
      refused("usage", vault, "update", path, data)
    end
    refused("usage", vault, "update", "auth/token/create", { num_uses = -3 })
    refused("usage", vault, "update", "auth/token/create", { id = ("x"):rep(513) })
    refused("usage", vault, "read", "sys/health", { activecode = 100 })
    vault:close()
  end)

  test("who has no token sends little", function(dir)
    local http = require("prov.vault.http")
    local vault = open(dir)
    local secret = token(vault, { policies = { "default" }, num_uses = 2 })
    local function status(who, path)
      local got
      http.handle(vault, {
        method = "POST", path = "/v1/" .. path, query = "", headers = { ["x-vault-token"] = who }, peer = "::1",
        body = '{"x":"' .. ("y"):rep(100000) .. '"}',
        respond = function(_, code)
          got = code
        end,
      })
      return got
    end
    assert.equal(413, status(nil, "auth/token/create"))
    assert.equal(413, status("hvs.wrong", "cubbyhole/x"))
    assert.equal(413, status("", "sys/unseal"))
    assert.equal(204, status(secret, "cubbyhole/x"))
    assert.equal(204, status(secret, "cubbyhole/x"))
    assert.equal(413, status(secret, "cubbyhole/x"))
    vault:close()
  end)

  test("shares that cannot be made are not begun with", function(dir)
    local vault = assert(vault_of.open({ dir = dir }))
    assert(vault:initialise({ shares = 1, threshold = 1 }))
    for shares, threshold in pairs({ [0] = 0, [-1] = 9, [3] = 1, [256] = 3 }) do
      local ok, e = vault:begin("rekey", { count = shares, threshold = threshold })
      assert.is_nil(ok)
      assert.equal("usage", e.code)
    end
    vault:close()
  end)
end)
