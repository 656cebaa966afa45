local crypto = require("core.crypto")
local tmp = require("support.tmp")
local uv = require("luv")

local KEY = ("k"):rep(32)

describe("crypto", function()
  it("digests", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", crypto.sha256("abc"))
  end)

  it("makes random bytes", function()
    assert.equal(0, #crypto.random(0))
    assert.equal(100000, #crypto.random(100000))
    assert.not_equal(crypto.random(16), crypto.random(16))
    assert.has_error(function()
      crypto.random(-1)
    end)
    assert.has_error(function()
      crypto.random(1 << 40)
    end)
  end)

  it("seals and opens", function()
    local sealed = crypto.seal(KEY, nil, "plain\0text", "where")
    assert.equal(10 + 28, #sealed)
    assert.equal("plain\0text", crypto.open(KEY, sealed, "where"))
    assert.not_equal(sealed, crypto.seal(KEY, nil, "plain\0text", "where"))
    assert.equal("", crypto.open(KEY, crypto.seal(KEY, nil, "")))
    local nonce = ("n"):rep(12)
    assert.equal(crypto.seal(KEY, nonce, "x", ""), crypto.seal(KEY, nonce, "x"))
    for _, bad in ipairs({
      { KEY, sealed, "elsewhere" },
      { KEY, sealed },
      { ("o"):rep(32), sealed, "where" },
      { KEY, sealed:sub(1, -2), "where" },
      { KEY, "", "where" },
    }) do
      local plain, e = crypto.open(table.unpack(bad))
      assert.is_nil(plain)
      assert.equal("auth", e.code)
    end
    assert.equal("invalid", select(2, crypto.open("short", sealed)).code)
    assert.equal("invalid", select(2, crypto.seal("short", nil, "x")).code)
    assert.equal("invalid", select(2, crypto.sealer("short")).code)
    assert.has_error(function()
      crypto.seal(KEY, "short", "x")
    end)
  end)

  it("compares in constant time", function()
    assert.is_true(crypto.equal("abc", "abc"))
    assert.is_false(crypto.equal("abc", "abd"))
    assert.is_false(crypto.equal("abc", "abcd"))
    assert.is_true(crypto.equal("", ""))
  end)

  it("keeps a key in a file", function()
    local path = tmp.dir() .. "/key"
    local key = assert(crypto.keyfile(path))
    assert.equal(32, #key)
    assert.equal(key, crypto.keyfile(path))
    assert.equal(tonumber("600", 8), uv.fs_stat(path).mode & tonumber("7777", 8))
    uv.fs_chmod(path, tonumber("640", 8))
    local none, e = crypto.keyfile(path)
    assert.is_nil(none)
    assert.equal("denied", e.code)
    assert.matches("chmod 600", e.msg, 1, true)
  end)
end)

local async = require("prov.async")
local run = require("support.async").run

local hex = crypto.hex

describe("crypto's primitives", function()
  it("digest whole texts and pieces, with and without a key", function()
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", hex(crypto.hash("sha1", "abc")))
    assert.equal(64, #crypto.hash("sha512", ""))
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      hex(crypto.mac("sha256", "Jefe", "what do ya want for nothing?"))) -- RFC 4231, 4.3
    local hasher <close> = crypto.hasher("sha256")
    for _ = 1, 2 do
      assert.equal(hex(crypto.hash("sha256", "abc")), hex(hasher:add("a"):add("bc"):finish()))
    end
    hasher:close()
    assert.has_error(function()
      hasher:add("x")
    end)
    for _, name in ipairs({ "sha1", "sha256", "sha512", "sha3-256" }) do
      for _, key in ipairs({ "", "Jefe", ("k"):rep(200), crypto.secret("hidden") }) do
        local keyed <close> = crypto.hasher(name, key)
        for _, text in ipairs({ "what do ya want for nothing?", "", ("x"):rep(10000) }) do
          assert.equal(hex(crypto.mac(name, key, text)), hex(keyed:add(text:sub(1, 5)):add(text:sub(6)):finish()))
        end
      end
    end
    assert.equal("900150983cd24fb0d6963f7d28e17f72", crypto.hex(crypto.hash("md5", "abc")))
    assert.has_error(function()
      crypto.hash("md4", "x")
    end)
  end)

  it("make UUIDs", function()
    local seen = {}
    for _ = 1, 1000 do
      local uuid = crypto.uuid()
      assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", uuid)
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)

  it("seal with nonces of any length, and open what is genuine", function()
    for _, name in ipairs({ "aes-256-gcm", "chacha20-poly1305" }) do
      local key <close> = crypto.secret(KEY)
      local aead <close> = crypto.aead(name, key)
      local nonce = ("n"):rep(12)
      local sealed = aead:seal(nonce, "plain", "aad")
      assert.equal(21, #sealed)
      assert.equal("plain", aead:open(nonce, sealed, "aad"))
      for _, bad in ipairs({ { nonce, sealed }, { ("m"):rep(12), sealed, "aad" }, { nonce, "short", "aad" },
        { nonce, "x" .. sealed:sub(2), "aad" } }) do
        local plain, e = aead:open(table.unpack(bad))
        assert.is_nil(plain)
        assert.equal("auth", e.code)
      end
    end
    local gcm <close> = crypto.aead("aes-256-gcm", KEY)
    local sealed = gcm:seal(("n"):rep(32), "as sops does")
    assert.equal("as sops does", gcm:open(("n"):rep(32), sealed))
    local chacha <close> = crypto.aead("chacha20-poly1305", KEY)
    assert.equal("invalid", select(2, chacha:seal(("n"):rep(32), "x")).code)
    assert.equal("invalid", select(2, crypto.aead("aes-256-gcm", "short")).code)
  end)

  it("wrap keys", function()
    local kek <close> = crypto.secret(KEY)
    local opened <close> = crypto.kwp_open(kek, crypto.kwp_seal(KEY, "any length"))
    assert.equal("any length", opened:reveal())
    assert.equal("auth", select(2, crypto.kwp_open(("o"):rep(32), crypto.kwp_seal(KEY, "x"))).code)
    assert.equal("invalid", select(2, crypto.kwp_seal("short", "x")).code)
  end)

  it("derive keys", function()
    -- RFC 5869, A.1
    assert.equal("3cb25f25faacd57a90434f64d0362f2a", hex(crypto.hkdf("sha256", ("\x0b"):rep(22),
      "\0\1\2\3\4\5\6\7\8\9\10\11\12", "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", 16)))
    run(function()
      local function derive(...)
        local args = table.pack(...)
        return async.await(function(resume)
          args[args.n + 1] = resume
          return crypto.derive(table.unpack(args, 1, args.n + 1))
        end)
      end
      assert.equal("fdbabe1c9d347200", hex(derive("scrypt", "password", "NaCl", { 10, 8, 16 }, 8)))
      assert.equal("6d093c501fd59996", hex(derive("argon2id", "password", "somesalt", { 2, 256, 2 }, 32)):sub(1, 16))
      assert.equal("120fb6cffcf8b32c", hex(derive("pbkdf2", "password", "salt", { 1 }, 8)))
      local none, e = derive("argon2id", "password", "short", { 2, 256, 2 }, 32)
      assert.is_nil(none)
      assert.equal("invalid", e.code)
    end)
  end)

  it("make, write and read key pairs, and sign", function()
    for kind, how in pairs({ ed25519 = "ed25519", p256 = "jose", p384 = "ecdsa", p521 = "ecdsa", rsa = "rsa-pss" }) do
      local key <close> = crypto.pkey_generate(kind, kind == "rsa" and 2048 or nil)
      local pem <close> = key:secret()
      local again <close> = crypto.pkey_parse(pem)
      local public <close> = crypto.pkey_parse(key:public())
      local own_kind, has_secret = again:type()
      assert.same({ kind, true }, { own_kind, has_secret })
      own_kind, has_secret = public:type()
      assert.same({ kind, false }, { own_kind, has_secret })
      local signature = again:sign(how, "text")
      assert.is_true(public:verify(how, "text", signature))
      assert.equal("auth", select(2, public:verify(how, "test", signature)).code)
      assert.equal("invalid", select(2, public:sign(how, "text")).code)
    end
    local rsa <close> = run(function()
      return async.await(function(done)
        return crypto.pkey_generate("rsa", 2048, done)
      end)
    end)
    local digest = crypto.hash("sha384", "text")
    local signature = rsa:sign("rsa-pss", digest, "sha384", true, 20)
    assert.is_true(rsa:verify("rsa-pss", "text", signature, "sha384", false, "auto"))
    assert.equal("auth", select(2, rsa:verify("rsa-pss", "text", signature, "sha384")).code)
    local sealed = rsa:oaep_seal("sha256", "sha1", "label", "plain")
    local plain <close> = rsa:oaep_open("sha256", "sha1", "label", sealed)
    assert.equal("plain", plain:reveal())
    assert.equal("auth", select(2, rsa:oaep_open("sha256", "sha1", "other", sealed)).code)
  end)

  it("agree on a secret, and know keys of SSH", function()
    local a <close> = crypto.pkey_generate("x25519")
    local b <close> = crypto.pkey_generate("x25519")
    local theirs <close> = crypto.pkey_raw("x25519", "public", b:public("raw"))
    local one <close> = a:agree(theirs)
    local other <close> = b:agree(a)
    assert.equal(one:reveal(), other:reveal())
    local ed <close> = crypto.pkey_generate("ed25519")
    local line <close> = crypto.pkey_ssh(ed:public("ssh"))
    assert.equal(ed:public("raw"), line:public("raw"))
    assert.equal("invalid", select(2, crypto.pkey_ssh("nonsense")).code)
  end)
end)
