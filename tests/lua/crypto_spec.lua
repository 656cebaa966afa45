local crypto = require("core.crypto")
local tmp = require("support.tmp")
local uv = require("luv")

local KEY = ("k"):rep(32)

describe("crypto", function()
  it("digests", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", crypto.sha256("abc"))
    assert.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      crypto.hmac("Jefe", "what do ya want for nothing?")
    )
    local raw = crypto.hmac("Jefe", "what do ya want for nothing?", true)
    assert.equal(32, #raw)
    assert.equal("5bdcc146", ("%02x%02x%02x%02x"):format(raw:byte(1, 4)))
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
