local contract = require("support.kms_contract")
local crypto = require("core.crypto")
local fs = require("prov.fs")
local json = require("prov.json")
local kms = require("prov.kms")
local tmp = require("support.tmp")
local uv = require("luv")

local count = 0

local function file()
  count = count + 1
  return ("%s/key%d"):format(tmp.dir(), count)
end

local function path_of(uri)
  return uri:match("^local:(.*)$")
end

local function written(bytes)
  local path = file()
  assert(fs.write_atomic(path, bytes, { mode = 384 }))
  return "local:" .. path
end

local function unreachable(uri)
  local path = path_of(uri)
  assert(fs.rename(path, path .. ".away"))
  return uri, function()
    assert(fs.rename(path .. ".away", path))
  end
end

local function without(uri, version)
  assert(fs.update(path_of(uri), function(text)
    local ring = json.decode(text)
    for i = #ring.keys, 1, -1 do
      if tostring(ring.keys[i].version) == version then
        table.remove(ring.keys, i)
      end
    end
    return json.encode(ring)
  end))
end

local function chmod(mode)
  return function(uri)
    assert(uv.fs_chmod(path_of(uri), mode))
  end
end

local busted = { describe = describe, it = it }
local closed, open = tonumber("644", 8), tonumber("600", 8)

contract.run("local, with a ring", {
  fresh = function()
    local path = file()
    assert(require("prov.kms.local").create(path))
    return "local:" .. path
  end,
  retire = without, unreachable = unreachable, revoke = chmod(closed), restore = chmod(open),
}, busted)

contract.run("local, with 32 bytes", {
  fresh = function()
    return written(assert(crypto.random(32)))
  end,
  retire = without, unreachable = unreachable, revoke = chmod(closed), restore = chmod(open),
}, busted)

contract.run("local, with an identity of age", {
  fresh = function()
    return written("# made by a test\n" .. assert(crypto.age_keygen():secret()) .. "\n")
  end,
  versions = false, unreachable = unreachable, revoke = chmod(closed), restore = chmod(open),
}, busted)

describe("a ring with a passphrase", function()
  local function with_passphrase(text, fn)
    local before = os.getenv("PROV_KMS_PASSPHRASE")
    uv.os_setenv("PROV_KMS_PASSPHRASE", text)
    local ok, e = pcall(require("support.async").run, fn)
    if before then
      uv.os_setenv("PROV_KMS_PASSPHRASE", before)
    else
      uv.os_unsetenv("PROV_KMS_PASSPHRASE")
    end
    assert(ok, e)
  end

  it("opens with it, with no other, and after a rotation", function()
    local path, blob, key = file(), nil, nil
    local context = { workspace = "w" }
    with_passphrase("correct horse", function()
      assert(require("prov.kms.local").create(path, "correct horse"))
      local k = assert(kms.open("local:" .. path))
      key, blob = k:generate(context)
      assert.equal(key, assert(k:unwrap(blob, context)))
      assert.equal("2", assert(k:rotate()))
      assert.equal(key, assert(k:unwrap(blob, context)))
    end)
    with_passphrase("wrong", function()
      local none, e = assert(kms.open("local:" .. path)):unwrap(blob, context)
      assert.is_nil(none)
      assert.equal("auth", e.code)
      assert.matches("the passphrase does not open", tostring(e))
    end)
  end)
end)

describe("identities of age under a passphrase", function()
  it("are not written to by a rotation", function()
    local age = require("prov.age")
    local path, text = file(), nil
    uv.os_setenv("PROV_KMS_PASSPHRASE", "correct horse")
    local ok, e = pcall(require("support.async").run, function()
      text = assert(age.encrypt(age.keygen():secret() .. "\n",
        { assert(require("prov.age.keys").passphrase("correct horse", 4)) }, { armor = true }))
      assert(fs.write_atomic(path, text, { mode = 384 }))
      local none, why = assert(kms.open("local:" .. path)):rotate()
      assert.same({ nil, "unsupported" }, { none, why.code })
    end)
    uv.os_unsetenv("PROV_KMS_PASSPHRASE")
    assert(ok, e)
    assert.equal(text, fs.read(path))
  end)
end)

describe("the URI of a KMS", function()
  it("that is none is refused with what there is", function()
    for _, uri in ipairs({ "", "aws", "AWS:x", "nothing:x", "local:" }) do
      local none, e = kms.open(uri)
      assert.is_nil(none)
      assert.equal("invalid", e.code, uri)
    end
  end)
end)

describe("a Vault without TLS", function()
  it("is one of this machine", function()
    for uri, wanted in pairs({
      ["vault:http://127.0.0.1:8200/transit/k"] = true, ["vault:http://127.0.0.1/transit/k"] = true,
      ["vault:http://localhost:8200/a/b/k"] = true, ["vault:http://[::1]:8200/transit/k"] = true,
      ["vault:https://vault.example/transit/k"] = true, ["vault:http://vault.example:8200/transit/k"] = false,
      ["vault:http://127.example.org/transit/k"] = false, ["vault:http://127.0.0.1@a.example/transit/k"] = false,
      ["vault:http://[::2]/transit/k"] = false, ["vault:https://vault.example/k"] = false,
    }) do
      local k, e = kms.open(uri)
      assert.equal(wanted, k ~= nil, uri)
      assert.is_true(wanted or e.code == "invalid")
    end
  end)
end)

describe("the cache of keys", function()
  local cache = require("prov.kms.cache")
  it("asks again after its uses and its time", function()
    local asked = 0
    local function unwrap()
      asked = asked + 1
      return ("k"):rep(32)
    end
    require("support.settings").with({ ["kms.cache_uses"] = 3 }, function()
      cache.clear()
      for _ = 1, 6 do
        assert.equal(("k"):rep(32), (cache.get("u", "b", "c", unwrap)))
      end
      assert.equal(2, asked)
      cache.get("u", "b", "other", unwrap)
      assert.equal(3, asked)
    end)
    require("support.settings").with({ ["kms.cache_ttl"] = 0 }, function()
      cache.clear()
      cache.get("u", "b", "c", unwrap)
      cache.get("u", "b", "c", unwrap)
      assert.equal(5, asked)
    end)
  end)
  it("keeps no failure", function()
    cache.clear()
    local none = cache.get("u", "b", "c", function() return nil, "e" end)
    assert.is_nil(none)
    assert.equal("x", (cache.get("u", "b", "c", function() return "x" end)))
  end)
end)
