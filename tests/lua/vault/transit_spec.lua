local base = require("core.base")
local crypto = require("core.crypto")
local engine = require("prov.vault.engines.transit")
local numbers = require("prov.vault.transit.numbers")
local vault = require("support.vault")

local HELLO = base.base64("hello")

local mounted = vault.tests(engine)

local function data(response, e)
  assert(response, e and tostring(e))
  return response.data
end

local function refused(code, text, response, e)
  assert.is_nil(response)
  assert.equal(code, e.code)
  assert.matches(text, e.msg, 1, true)
end

local SYMMETRIC = { "aes128-gcm96", "aes256-gcm96", "chacha20-poly1305" }
local SIGNING = { "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048" }

describe("transit encryption", function()
  it("opens what it sealed, with keys of every type", mounted(function(m)
    for _, kind in ipairs({ SYMMETRIC[1], SYMMETRIC[2], SYMMETRIC[3], "rsa-2048" }) do
      data(m:update("keys/" .. kind, { type = kind }))
      local out = data(m:update("encrypt/" .. kind, { plaintext = HELLO }))
      assert.equal(1, out.key_version)
      assert.matches("^vault:v1:", out.ciphertext)
      assert.not_equal(out.ciphertext, data(m:update("encrypt/" .. kind, { plaintext = HELLO })).ciphertext)
      assert.equal(HELLO, data(m:update("decrypt/" .. kind, { ciphertext = out.ciphertext })).plaintext)
      local sealed = base.unbase64(out.ciphertext:sub(10))
      local changed = "vault:v1:" .. base.base64(sealed:sub(1, -2) .. string.char(sealed:byte(-1) ~ 1))
      refused("invalid", "does not open", m:update("decrypt/" .. kind, { ciphertext = changed }))
    end
  end))

  it("binds associated data", mounted(function(m)
    local text = data(m:update("encrypt/a", { plaintext = HELLO, associated_data = base.base64("row 1") })).ciphertext
    assert.equal(HELLO, data(m:update("decrypt/a", { ciphertext = text, associated_data = base.base64("row 1") }))
      .plaintext)
    refused("invalid", "does not open", m:update("decrypt/a", { ciphertext = text }))
    data(m:update("keys/r", { type = "rsa-2048" }))
    refused("invalid", "non-AEAD", m:update("encrypt/r", { plaintext = HELLO, associated_data = HELLO }))
  end))

  it("makes keys at their first use, unless told not to", mounted(function(m)
    data(m:update("encrypt/c", { plaintext = HELLO, context = HELLO }))
    assert.is_true(data(m:read("keys/c")).derived)
    data(m:update("config/keys", { disable_upsert = true }))
    assert.is_true(data(m:read("config/keys")).disable_upsert)
    refused("invalid", "encryption key not found", m:update("encrypt/new", { plaintext = HELLO }))
    refused("invalid", "encryption key not found", m:update("decrypt/new", { ciphertext = "vault:v1:AA==" }))
  end))

  it("derives a key for each context", mounted(function(m)
    data(m:update("keys/d", { derived = true }))
    local one, other = base.base64("tenant 1"), base.base64("tenant 2")
    local text = data(m:update("encrypt/d", { plaintext = HELLO, context = one })).ciphertext
    assert.equal(HELLO, data(m:update("decrypt/d", { ciphertext = text, context = one })).plaintext)
    refused("invalid", "does not open", m:update("decrypt/d", { ciphertext = text, context = other }))
    refused("usage", "missing 'context'", m:update("encrypt/d", { plaintext = HELLO }))
  end))

  it("makes equal ciphertexts of equal texts when that is asked for", mounted(function(m)
    for _, kind in ipairs(SYMMETRIC) do
      data(m:update("keys/" .. kind, { type = kind, derived = true, convergent_encryption = true }))
      local function seal(text, context)
        return data(m:update("encrypt/" .. kind, { plaintext = base.base64(text), context = base.base64(context) }))
          .ciphertext
      end
      assert.equal(seal("a", "x"), seal("a", "x"))
      local function nonce(text)
        return base.unbase64(seal(text, "x"):sub(10)):sub(1, 12)
      end
      assert.not_equal(seal("a", "x"), seal("b", "x"))
      assert.not_equal(nonce("a"), nonce("b"))
      assert.not_equal(seal("a", "x"), seal("a", "y"))
      local function bound(text, associated)
        local out = data(m:update("encrypt/" .. kind, { plaintext = base.base64(text), context = base.base64("x"),
          associated_data = base.base64(associated) })).ciphertext
        return base.unbase64(out:sub(10)):sub(1, 12)
      end
      assert.equal(bound("a", "one"), bound("a", "one"))
      assert.not_equal(bound("a", "one"), bound("a", "two")) -- GCM gives its key of tags away otherwise
      assert.not_equal(bound("a", "one"), nonce("a"))
      assert.not_equal(bound("a", "b"), nonce(string.pack(">s8", "b") .. "a"))
      assert.equal(base.base64("a"), data(m:update("decrypt/" .. kind, {
        ciphertext = seal("a", "x"), context = base.base64("x") })).plaintext)
    end
    refused("usage", "requires derivation", m:update("keys/no", { convergent_encryption = true }))
  end))

  it("does batches, and says which items failed", mounted(function(m)
    local out = m:update("encrypt/b", {
      batch_input = { { plaintext = HELLO, reference = "one" }, { plaintext = "" } } })
    assert.is_nil(out.status)
    local results = out.data.batch_results
    assert.equal("one", results[1].reference)
    assert.equal("", results[2].reference)
    local asked = { { ciphertext = results[1].ciphertext }, { ciphertext = "nonsense" } }
    out = m:update("decrypt/b", { batch_input = asked })
    assert.equal(400, out.status)
    assert.equal(HELLO, out.data.batch_results[1].plaintext)
    assert.matches("no prefix", out.data.batch_results[2].error, 1, true)
    assert.equal(207, m:update("decrypt/b", { batch_input = asked, partial_failure_response_code = 207 }).status)
    asked = { { ciphertext = "x" } }
    assert.equal(400, m:update("decrypt/b", { batch_input = asked, partial_failure_response_code = 207 }).status)
    refused("usage", "missing batch input", m:update("encrypt/b", { batch_input = {} }))
    refused("usage", "either in all", m:update("encrypt/b", { batch_input = {
      { plaintext = HELLO, context = HELLO }, { plaintext = HELLO } } }))
  end))

  it("rotates, rewraps, and forbids versions", mounted(function(m)
    local old = data(m:update("encrypt/k", { plaintext = HELLO })).ciphertext
    assert.equal(2, data(m:update("keys/k/rotate")).latest_version)
    assert.matches("^vault:v2:", data(m:update("encrypt/k", { plaintext = HELLO })).ciphertext)
    assert.matches("^vault:v1:", data(m:update("encrypt/k", { plaintext = HELLO, key_version = 1 })).ciphertext)
    local new = data(m:update("rewrap/k", { ciphertext = old }))
    assert.equal(2, new.key_version)
    assert.equal(HELLO, data(m:update("decrypt/k", { ciphertext = new.ciphertext })).plaintext)
    refused("usage", "min encryption version of 1", m:update("keys/k/config",
      { min_decryption_version = 2, min_encryption_version = 1 }))
    data(m:update("keys/k/config", { min_decryption_version = 2, min_encryption_version = 2 }))
    refused("invalid", "too old", m:update("decrypt/k", { ciphertext = old }))
    refused("invalid", "minimum encryption", m:update("encrypt/k", { plaintext = HELLO, key_version = 1 }))
    refused("invalid", "higher than the latest", m:update("encrypt/k", { plaintext = HELLO, key_version = 3 }))
    refused("invalid", "too new", m:update("decrypt/k", { ciphertext = "vault:v9:AAAA" }))
    data(m:update("keys/k/config", { min_decryption_version = 1, min_encryption_version = 0 }))
    assert.equal(HELLO, data(m:update("decrypt/k", { ciphertext = old })).plaintext)
    refused("usage", "not set", m:update("keys/k/trim", { min_available_version = 2 }))
    data(m:update("keys/k/config", { min_decryption_version = 2, min_encryption_version = 2 }))
    assert.equal(2, data(m:update("keys/k/trim", { min_available_version = 2 })).min_available_version)
    refused("usage", "min available", m:update("keys/k/config", { min_decryption_version = 1 }))
    m.ctx.cache = {}
    assert.equal(HELLO, data(m:update("decrypt/k", { ciphertext = new.ciphertext })).plaintext)
  end))

  it("rotates by itself when a key is used after its period", mounted(function(m)
    refused("usage", "at least an hour", m:update("keys/t", { auto_rotate_period = "59m" }))
    data(m:update("keys/t", { auto_rotate_period = "1h" }))
    m.time = m.time + 3599
    assert.equal(1, data(m:update("encrypt/t", { plaintext = HELLO })).key_version)
    m.time = m.time + 1
    assert.equal(2, data(m:update("encrypt/t", { plaintext = HELLO })).key_version)
    assert.equal(2, data(m:read("keys/t")).latest_version)
  end))

  it("makes data keys", mounted(function(m)
    data(m:update("keys/k"))
    local out = data(m:update("datakey/plaintext/k", { bits = 512 }))
    assert.equal(64, #base.unbase64(out.plaintext))
    assert.equal(out.plaintext, data(m:update("decrypt/k", { ciphertext = out.ciphertext })).plaintext)
    assert.is_nil(data(m:update("datakey/wrapped/k")).plaintext)
    refused("usage", "bit length", m:update("datakey/wrapped/k", { bits = 100 }))
    refused("usage", "Invalid path", m:update("datakey/else/k"))
  end))
end)

describe("transit signatures", function()
  it("verify with every type of key, hash and form", mounted(function(m)
    for _, kind in ipairs(SIGNING) do
      data(m:update("keys/" .. kind, { type = kind }))
      for _, how in ipairs({ {}, { hash_algorithm = "sha3-384" }, { marshaling_algorithm = "jws" },
        { signature_algorithm = "pkcs1v15", hash_algorithm = "sha2-512" }, { salt_length = "hash" },
        { salt_length = "20" } }) do
        if kind == "ed25519" then
          how.hash_algorithm = nil
        end
        how.input = HELLO
        local out = data(m:update("sign/" .. kind, how))
        assert.equal(1, out.key_version)
        how.signature = out.signature
        assert.is_true(data(m:update("verify/" .. kind, how)).valid)
        how.input = base.base64("hellO")
        assert.is_false(data(m:update("verify/" .. kind, how)).valid)
      end
      if kind ~= "ed25519" then
        local digest = base.base64(crypto.hash("sha384", "hello"))
        local text = data(m:update("sign/" .. kind .. "/sha2-384", { input = digest, prehashed = true })).signature
        assert.is_true(data(m:update("verify/" .. kind .. "/sha2-384", { input = HELLO, signature = text })).valid)
      end
    end
    refused("invalid", "prehashed", m:update("sign/ed25519", { input = HELLO, prehashed = true }))
    refused("usage", "unsupported algorithm", m:update("sign/ed25519/md5", { input = HELLO }))
    data(m:update("keys/aes"))
    refused("invalid", "signing not supported", m:update("sign/aes", { input = HELLO }))
    refused("usage", "missing one of", m:update("verify/ed25519", { input = HELLO }))
  end))

  it("of derived keys belong to a context", mounted(function(m)
    data(m:update("keys/d", { type = "ed25519", derived = true }))
    local a, b = base.base64("a"), base.base64("b")
    local out = data(m:update("sign/d", { input = HELLO, context = a }))
    assert.equal(out.public_key, data(m:read("keys/d", { context = a })).keys["1"].public_key)
    assert.is_true(data(m:update("verify/d", { input = HELLO, context = a, signature = out.signature })).valid)
    assert.is_false(data(m:update("verify/d", { input = HELLO, context = b, signature = out.signature })).valid)
  end))

  it("and HMAC come in batches", mounted(function(m)
    data(m:update("keys/h", { type = "hmac", key_size = 64 }))
    local text = data(m:update("hmac/h/sha2-512", { input = HELLO })).hmac
    assert.is_true(data(m:update("verify/h/sha2-512", { input = HELLO, hmac = text })).valid)
    assert.is_false(data(m:update("verify/h", { input = HELLO, hmac = text })).valid)
    local out = data(m:update("hmac/h", { batch_input = { { input = HELLO }, {} } })).batch_results
    assert.equal("missing input for HMAC", out[2].error)
    out = data(m:update("verify/h", { batch_input = { { input = HELLO, hmac = out[1].hmac } } })).batch_results
    assert.is_true(out[1].valid)
    refused("usage", "all provide either", m:update("verify/h", {
      batch_input = { { hmac = "x" }, { signature = "x" } } }))
    refused("usage", "key_size", m:update("keys/h2", { type = "hmac", key_size = 16 }))
  end))

  it("hash, and make random bytes", mounted(function(m)
    assert.equal("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
      data(m:update("hash", { input = HELLO })).sum)
    assert.equal(base.base64(crypto.hash("sha3-224", "hello")),
      data(m:update("hash/sha3-224", { input = HELLO, format = "base64" })).sum)
    assert.equal(32, #base.unbase64(data(m:update("random")).random_bytes))
    assert.equal(20, #data(m:update("random/10", { format = "hex" })).random_bytes)
    assert.equal(10, #base.unbase64(data(m:update("random/platform/10")).random_bytes))
    refused("usage", "'bytes'", m:update("random/0"))
    refused("invalid", "no source", m:update("random/seal/10"))
  end))
end)

describe("transit keys", function()
  it("are listed, described, and deleted only when that is allowed", mounted(function(m)
    refused("notfound", "no keys", m:list("keys"))
    data(m:update("keys/b", { type = "ecdsa-p384" }))
    local out = m:update("keys/b", {})
    assert.same({ "key b already existed" }, out.warnings)
    data(m:update("keys/a"))
    assert.same({ "a", "b" }, data(m:list("keys")).keys)
    local key = data(m:read("keys/b"))
    assert.equal("P-384", key.keys["1"].name)
    assert.matches("BEGIN PUBLIC KEY", key.keys["1"].public_key)
    assert.is_true(key.supports_signing)
    assert.is_false(key.supports_encryption)
    assert.equal(m.time, data(m:read("keys/a")).keys["1"])
    refused("invalid", "deletion is not allowed", m:delete("keys/a"))
    data(m:update("keys/a/config", { deletion_allowed = true }))
    assert(m:delete("keys/a"))
    assert.same({ "b" }, data(m:list("keys")).keys)
    refused("notfound", "no key", m:read("keys/a"))
    refused("usage", "unknown key type", m:update("keys/x", { type = "des" }))
    refused("usage", "cannot be called", m:update("keys/a%2Fb"))
    refused("usage", "derivation is not supported", m:update("keys/x", { type = "hmac", derived = true }))
  end))

  it("leave the vault only when they are exportable", mounted(function(m)
    data(m:update("keys/k"))
    refused("invalid", "not exportable", m:read("export/encryption-key/k"))
    data(m:update("keys/k/config", { exportable = true }))
    data(m:update("keys/k/config", { exportable = false }))
    assert.equal(32, #base.unbase64(data(m:read("export/encryption-key/k")).keys["1"]))
    assert.same(data(m:read("export/hmac-key/k")).keys, data(m:read("export/hmac-key/k/latest")).keys)
    refused("invalid", "no such key version", m:read("export/encryption-key/k/2"))
    refused("invalid", "signing not supported", m:read("export/signing-key/k"))
    refused("usage", "invalid export type", m:read("export/all/k"))
    for _, kind in ipairs(SIGNING) do
      data(m:update("keys/" .. kind, { type = kind, exportable = true }))
      assert.truthy(data(m:read("export/signing-key/" .. kind)).keys["1"])
      assert.equal(data(m:read("keys/" .. kind)).keys["1"].public_key:gsub("%s+$", ""),
        data(m:read("export/public-key/" .. kind)).keys["1"]:gsub("%s+$", ""))
    end
  end))

  it("move by backups, with all their versions", mounted(function(m)
    for _, kind in ipairs({ "aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "hmac", "rsa-2048", "ed25519",
      "ecdsa-p256", "ecdsa-p384", "ecdsa-p521" }) do
      data(m:update("keys/" .. kind, { type = kind }))
      refused("invalid", "exporting is disallowed", m:read("backup/" .. kind))
      data(m:update("keys/" .. kind .. "/config", { exportable = true }))
      refused("invalid", "plaintext backup", m:read("backup/" .. kind))
      data(m:update("keys/" .. kind .. "/config", { allow_plaintext_backup = true }))
      data(m:update("keys/" .. kind .. "/rotate"))
      data(m:update("keys/" .. kind .. "/config", { min_decryption_version = 2 }))
      local text = data(m:read("backup/" .. kind)).backup
      refused("exists", "already exists", m:update("restore", { backup = text }))
      assert(m:update("restore/copy-" .. kind, { backup = text }))
      data(m:update("keys/copy-" .. kind .. "/config", { min_decryption_version = 1 }))
      data(m:update("keys/" .. kind .. "/config", { min_decryption_version = 1 }))
      local mac = data(m:update("hmac/" .. kind, { input = HELLO, key_version = 1 })).hmac
      assert.is_true(data(m:update("verify/copy-" .. kind, { input = HELLO, hmac = mac })).valid)
      assert.same(data(m:read("keys/" .. kind)).keys, data(m:read("keys/copy-" .. kind)).keys)
      assert(m:update("restore", { backup = text, force = true }))
    end
    refused("usage", "base64", m:update("restore", { backup = "?" }))
    for _, bad in ipairs({ "", "{}", "[]", '{"policy":{"name":"x","type":99}}',
      '{"policy":{"name":"x","type":0,"latest_version":1,"min_decryption_version":1,"keys":{"1":{"key":"AAAA"}}}}',
      '{"policy":{"name":"x","type":0,"latest_version":5,"min_decryption_version":1,"keys":{}}}',
      '{"policy":{"name":"x","type":3,"latest_version":1,"min_decryption_version":1,"keys":{"1":{"rsa_key":{}}}}}',
      '{"policy":{"name":"x","type":1,"latest_version":1,"min_decryption_version":1,"keys":{"1":{"ec_d":0}}}}',
    }) do
      local response, e = m:update("restore", { backup = base.base64(bad) })
      assert.is_nil(response, bad)
      assert.is_true(e.code == "invalid" or e.code == "usage", e.code)
    end
  end))

  it("are imported wrapped, or as public halves", mounted(function(m)
    local wrapping <close> = crypto.pkey_parse(data(m:read("wrapping_key")).public_key)
    m.ctx.cache = {}
    local function wrap(secret, hash)
      local kek = crypto.random(32)
      hash = hash or "sha256"
      return base.base64(wrapping:oaep_seal(hash, hash, "", kek) .. crypto.kwp_seal(kek, secret))
    end
    local aes = crypto.random(32)
    assert(m:update("keys/aes/import", { ciphertext = wrap(aes), exportable = true }))
    assert.equal(base.base64(aes), data(m:read("export/encryption-key/aes")).keys["1"])
    assert.is_true(data(m:read("keys/aes")).imported_key)
    refused("invalid", "does not allow rotation", m:update("keys/aes/rotate"))
    local other = wrap(crypto.random(32), "sha1")
    assert(m:update("keys/aes/import_version", { ciphertext = other, hash_function = "SHA1" }))
    assert.equal(2, data(m:read("keys/aes")).latest_version)
    refused("exists", "already exists", m:update("keys/aes/import", { ciphertext = wrap(aes) }))
    refused("invalid", "not what its type has", m:update("keys/x/import", { ciphertext = wrap("short") }))
    refused("invalid", "does not open", m:update("keys/x/import", {
      ciphertext = wrap(aes), hash_function = "SHA512" }))
    refused("usage", "give one of", m:update("keys/x/import", {}))
    refused("usage", "must be base64", m:update("keys/x/import", { ciphertext = "AAAA" }))
    local pair <close> = crypto.pkey_generate("p384")
    local pem <close> = pair:secret()
    assert(m:update("keys/ec/import", { type = "ecdsa-p384", ciphertext = wrap(pem), allow_rotation = true }))
    assert.equal(pair:public(), data(m:read("keys/ec")).keys["1"].public_key)
    assert.equal(2, data(m:update("keys/ec/rotate")).latest_version)
    refused("invalid", "one of p384", m:update("keys/x/import", { type = "ed25519", ciphertext = wrap(pem) }))
    assert(m:update("keys/pub/import", { type = "ecdsa-p384", public_key = pair:public() }))
    local text = data(m:update("sign/ec", { input = HELLO, key_version = 1 })).signature
    assert.is_true(data(m:update("verify/pub", { input = HELLO, signature = text })).valid)
    refused("invalid", "private part", m:update("sign/pub", { input = HELLO }))
    data(m:update("keys/made"))
    refused("invalid", "imported key", m:update("keys/made/import_version", { ciphertext = wrap(aes) }))
  end))

  it("are never stored or cached as texts that others find", mounted(function(m)
    data(m:update("keys/k", { exportable = true }))
    local secret = base.unbase64(data(m:read("export/encryption-key/k")).keys["1"])
    for _, version in pairs(m.ctx.cache["keys/k"].versions) do
      for _, value in pairs(version) do
        assert.not_equal(secret, value)
      end
    end
  end))
end)

describe("numbers of backups", function()
  it("are the same in decimal and in bytes", function()
    for text, hex in pairs({ ["0"] = "00", ["255"] = "ff", ["256"] = "0100", ["10000000"] = "989680",
      ["340282366920938463463374607431768211456"] = "0100000000000000000000000000000000" }) do
      assert.equal(hex, crypto.hex(numbers.bytes(text)))
      assert.equal(text, numbers.decimal(numbers.bytes(text)))
    end
    for n = 1, 200 do
      local bytes = "\1" .. crypto.random(n)
      assert.equal(bytes, numbers.bytes(numbers.decimal(bytes)))
    end
  end)
end)
