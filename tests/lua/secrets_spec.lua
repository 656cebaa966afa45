local age = require("prov.age")
local async = require("prov.async")
local crypto = require("core.crypto")
local due = require("prov.secrets.due")
local fs = require("prov.fs")
local make = require("prov.secrets.make")
local secrets = require("prov.secrets")
local tmp = require("support.tmp")
local value = require("prov.value")
local with = require("support.settings").with

-- In a task, with a workspace folder whose .sops.yaml names an identity that SOPS_AGE_KEY_FILE has.
local function with_file(fn)
  local dir, key = tmp.dir(), age.keygen()
  tmp.write(dir .. "/key.txt", key:secret() .. "\n")
  tmp.write(dir .. "/.sops.yaml", ("creation_rules:\n  - age: %s\n"):format(key:public()))
  local uv = require("luv")
  uv.os_setenv("SOPS_AGE_KEY_FILE", dir .. "/key.txt")
  local ok, e = with({ ["secrets.file"] = "secrets.yaml" }, async.run, function()
    fn(dir, assert(secrets.open({ dir = dir, name = "w" })))
    return true
  end)
  uv.os_unsetenv("SOPS_AGE_KEY_FILE")
  assert.is_true(ok, tostring(e))
end

local function made(rule)
  return assert(make.parts(rule, function() end))
end

describe("secrets", function()
  it("makes passwords of an alphabet, each character as likely as the others", function()
    assert.matches("^[%w]+$", made({ type = "password" }).value)
    assert.equal(32, #made({ type = "password" }).value)
    local seen, n = {}, 4096
    local text = made({ type = "password", length = n, alphabet = "abc" }).value
    for c in text:gmatch(".") do
      seen[c] = (seen[c] or 0) + 1
    end
    for _, c in ipairs({ "a", "b", "c" }) do -- 8 standard deviations
      assert.is_true(math.abs(seen[c] - n / 3) < 8 * math.sqrt(n * 2 / 9), c .. ": " .. seen[c])
    end
    assert.not_equal(made({ type = "password" }).value, made({ type = "password" }).value)
    assert.matches("^%x+$", made({ type = "token", length = 16 }).value)
    assert.equal(32, #made({ type = "token", length = 16 }).value)
  end)

  it("refuses alphabets that are none", function()
    for _, alphabet in ipairs({ "a", "aa", "a b", "aä" }) do
      local parts, e = make.parts({ type = "password", alphabet = alphabet }, function() end)
      assert.is_nil(parts)
      assert.equal("invalid", e.code)
    end
  end)

  it("makes pairs of keys that belong together", function()
    for _, algorithm in ipairs({ "ed25519", "p256", "rsa2048" }) do
      local parts = made({ type = "key", algorithm = algorithm })
      local secret <close> = assert(crypto.pkey_parse(parts.value))
      assert.equal(parts.public_key, assert(secret:public()))
    end
    local pair = made({ type = "ssh_key" })
    local key <close> = assert(crypto.pkey_ssh(pair.value))
    assert.equal(assert(key:public("ssh")), pair.public_key:match("^%S+ %S+"))
  end)

  it("makes certificates, by themselves and by an authority", function()
    local ca = made({ type = "certificate", authority = true, names = { "our CA" }, ttl = 3600 })
    local function lookup(name)
      return name == "ca" and ca or name == "leaf" and made({ type = "certificate", names = { "x.example" } }) or nil
    end
    local rule = { type = "certificate", issuer = "ca", names = { "shop.example", "192.0.2.1", "2001:db8::1" } }
    local parts = assert(make.parts(rule, lookup))
    local root <close> = assert(crypto.cert_parse(ca.certificate))
    local cert <close> = assert(crypto.cert_parse(parts.certificate))
    assert.is_true(cert:check({ root }, {}, os.time(), "server"))
    assert.same({ { "dns", "shop.example" }, { "ip", "192.0.2.1" }, { "ip", "2001:db8::1" } }, cert:facts().names)
    assert.equal(root:facts().not_after, cert:facts().not_after) -- not longer than who signs it
    assert.equal(ca.certificate, parts.chain)
    local key <close> = assert(crypto.pkey_parse(parts.value))
    assert.equal(parts.public_key, key:public())
    local none, e = make.parts({ type = "certificate", issuer = "leaf", names = { "y.example" } }, lookup)
    assert.is_nil(none)
    assert.equal("'leaf' may not sign certificates", e.msg)
    none, e = make.parts({ type = "certificate" }, lookup)
    assert.is_nil(none)
    assert.matches("names: %[shop.example%]", e.msg)
  end)

  it("keeps them in a SOPS file, with versions and rules", function()
    with_file(function(dir, store)
      assert.is_nil((store:get("db/password")))
      local kept = assert(store:make("db/password", { type = "password", length = 12 }))
      assert.equal(1, kept.version)
      local again = assert(store:get("db/password"))
      assert.equal(kept.parts.value, again.parts.value)
      assert.equal(12, #again.parts.value)
      assert.same({ type = "password", length = 12 }, again.rule)
      assert.equal(2, assert(store:put("db/password", { value = "mine" })).version)
      assert.same({ type = "password", length = 12 }, assert(store:get("db/password")).rule)
      assert.is_nil(assert(fs.read(dir .. "/secrets.yaml")):find("mine", 1, true))
      assert.is_true(store:remove("db/password"))
      local _, e = store:need("db/password")
      assert.equal("notfound", e.code)
    end)
  end)

  it("loses nothing when many are made at once", function()
    with_file(function(_, store)
      async.scope(function(scope)
        for i = 1, 20 do
          scope:spawn(function()
            assert(store:make("many/x" .. i, { type = "token", length = 8 }))
            return true
          end)
        end
        return true
      end)
      assert.equal(20, #assert(store:list()))
    end)
  end)

  it("leaves no value in plain text, whatever the rule of its file says", function()
    with_file(function(dir, kept)
      for _ = 1, 2 do
        local ok, e = kept:put("db_unencrypted", { value = "canary-4711" })
        assert.same({ nil, "invalid" }, { ok, e.code })
        assert.is_nil((assert(kept:get("db_unencrypted") == nil and fs.read(dir .. "/secrets.yaml") or ""))
          :find("canary", 1, true))
        assert(kept:put("other", { value = "x" }))
      end
    end)
  end)

  it("says what is wrong with a name and what is not set", function()
    with_file(function(_, store)
      for _, name in ipairs({ "", "/a", "a//b", "a/", "a b", "../x", "1a" }) do
        local ok, e = store:put(name, { value = "x" })
        assert.is_nil(ok)
        assert.equal("usage", e.code)
      end
      assert(store:put("db/password", { value = "x" }))
      local _, e = store:need("db/passwrod")
      assert.equal("did you mean 'db/password'?", e.hint)
      _, e = store:make("token", { type = "given" })
      assert.equal("nobody has set the secret 'token' yet", e.msg)
      assert.equal("prov secret set token", e.hint)
    end)
  end)

  it("says which are due", function()
    local now = require("prov.timestamp").parse("2026-06-01T00:00:00Z")
    for want, case in pairs({
      ["has expired"] = { "2026-01-01T00:00:00Z", "2026-05-31T23:59:59Z" },
      ["expires in 13 days"] = { "2026-01-01T00:00:00Z", "2026-06-14T12:00:00Z" },
      ["is older than 30 days"] = { "2026-05-01T00:00:00Z", nil, 30 * 86400 },
      none = { "2026-05-03T00:00:00Z", "2026-06-16T00:00:00Z", 30 * 86400 },
    }) do
      assert.equal(want, due.note(case[1], case[2], case[3], now) or "none")
    end
  end)

  it("are in one place", function()
    local both = { ["secrets.file"] = "a.yaml", ["secrets.address"] = "http://127.0.0.1:1" }
    local ok, e = with(both, secrets.open, { dir = "/tmp", name = "w" })
    assert.is_nil(ok)
    assert.matches("two places", e.msg)
    ok, e = with({ ["secrets.file"] = "a.ini" }, secrets.open, { dir = "/tmp", name = "w" })
    assert.is_nil(ok)
    assert.equal("a.ini: secrets are kept in a .yaml or .json file", e.msg)
  end)

  it("are one for all modules, and declared by being named", function()
    local dir = tmp.dir()
    fs.mkdirp(dir .. "/site")
    tmp.write(dir .. "/infra.yaml", [[
defaults: { provider: demo }
secrets:
  db/password: { length: 40 }
  web/tls: { type: certificate, names: [shop.example], issuer: web/ca }
  web/ca: { type: certificate, authority: true }
items:
  a: { value: '${secret("db/password")}', needs: [] }
  b: { value: 'x-${secret("web/tls", "certificate")}' }
modules:
  eu: { source: ./site }
]])
    tmp.write(dir .. "/site/module.lua", [[return { items = { c = { value = secret("db/password") },
      d = { value = sensitive("hidden") } } }
]])
    local infra, errs = require("prov.infra").load({ dir = dir, name = "w" })
    assert.is_nil(errs and errs[1] and tostring(errs[1]))
    local by = {}
    for _, one in ipairs(infra.resources) do
      by[one.address] = one
    end
    assert.equal(40, by["secret.db/password"].args.length)
    assert.equal("secrets", by["secret.web/tls"].provider)
    assert.same({ "secret.db/password" }, by["module.eu.item.c"].needs)
    assert.same({ "secret.web/tls" }, by["item.b"].needs)
    local address, path = value.parts(by["module.eu.item.c"].args.value)
    assert.equal("secret.db/password value", address .. " " .. table.concat(path, "."))
    assert.is_true(value.is_secret(by["module.eu.item.d"].args.value))
    assert.same({ "secret.web/ca" }, by["secret.web/tls"].needs)
    assert.equal(3, #infra.past.import)
  end)

  it("are named by names", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/infra.yaml", [[
defaults: { provider: demo }
items: { a: { value: '${secret("hunter2 is my password")}' } }
]])
    local infra, errs = require("prov.infra").load({ dir = dir, name = "w" })
    assert.is_nil(infra)
    assert.matches("wants the name of a secret, such as db/password", tostring(errs[1]))
    assert.equal("sensitive(...) hides a value that stands in the infra", errs[1].hint)
  end)
end)
