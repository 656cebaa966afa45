local engine = require("prov.vault.engines.totp")
local totp = require("prov.vault.totp")
local vault = require("support.vault")

local mounted = vault.tests(engine)

local function refused(text, response, e)
  assert.is_nil(response)
  assert.equal("usage", e.code)
  assert.matches(text, e.msg, 1, true)
end

-- RFC 6238, appendix B: the seed is as long as the digest.
local SEED = "12345678901234567890"
local SEEDS = { SHA1 = SEED, SHA256 = SEED .. SEED:sub(1, 12), SHA512 = SEED:rep(3) .. SEED:sub(1, 4) }
local VECTORS = {
  [59] = { SHA1 = "94287082", SHA256 = "46119246", SHA512 = "90693936" },
  [1111111109] = { SHA1 = "07081804", SHA256 = "68084774", SHA512 = "25091201" },
  [1111111111] = { SHA1 = "14050471", SHA256 = "67062674", SHA512 = "99943326" },
  [1234567890] = { SHA1 = "89005924", SHA256 = "91819424", SHA512 = "93441116" },
  [2000000000] = { SHA1 = "69279037", SHA256 = "90698825", SHA512 = "38618901" },
  [20000000000] = { SHA1 = "65353130", SHA256 = "77737706", SHA512 = "47863826" },
}

describe("totp", function()
  it("makes the codes of RFC 6238", function()
    for time, codes in pairs(VECTORS) do
      for algorithm, code in pairs(codes) do
        local key = { secret = SEEDS[algorithm], algorithm = algorithm, digits = 8, period = 30 }
        assert.equal(code, totp.code(key, time // 30))
      end
    end
  end)

  it("reads and writes base32 as RFC 4648 has it", function()
    for text, want in pairs({ [""] = "", f = "MY", fo = "MZXQ", foo = "MZXW6", foob = "MZXW6YQ", fooba = "MZXW6YTB",
      foobar = "MZXW6YTBOI" }) do
      assert.equal(want, totp.base32(text))
      assert.equal(text, totp.unbase32(want))
      assert.equal(text, totp.unbase32(want:lower() .. "===="))
    end
    assert.is_nil(totp.unbase32("MZ1"))
  end)

  it("takes a code once, and none before it", mounted(function(m)
    assert(m:update("keys/k", { key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", digits = 8 }))
    m.time = 1111111111
    assert.equal("14050471", m:read("code/k").data.code)
    assert.is_false(m:update("code/k", { code = "14050472" }).data.valid)
    assert.is_false(m:update("code/k", { code = "1" }).data.valid)
    assert.is_true(m:update("code/k", { code = " 14050471 " }).data.valid)
    refused("already used", m:update("code/k", { code = "14050471" }))
    refused("already used", m:update("code/k", { code = "07081804" }))
    m.time = m.time + 30 -- the old code is right by skew, and still used
    refused("already used", m:update("code/k", { code = "14050471" }))
    local code = m:read("code/k").data.code
    m.time = m.time + 30 -- late by one period
    assert.is_true(m:update("code/k", { code = code }).data.valid)
    m.time = m.time + 90
    assert.is_false(m:update("code/k", { code = code }).data.valid)
    assert(m:update("keys/k", { key = "GEZDGNBVGY3TQOJQ", skew = 0 }))
    code = m:read("code/k").data.code
    m.time = m.time + 30
    assert.is_false(m:update("code/k", { code = code }).data.valid)
    refused("unknown key", m:update("code/none", { code = "123456" }))
    refused("code value is required", m:update("code/k"))
  end))

  it("generates keys, and reads URLs", mounted(function(m)
    local url = m:update("keys/g", { generate = true, issuer = "Ex & Co", account_name = "a@b.c", digits = 8,
      algorithm = "SHA256", period = 60 }).data.url
    assert(m:update("keys/copy", { url = url }))
    assert.same({ issuer = "Ex & Co", account_name = "a@b.c", period = 60, algorithm = "SHA256", digits = 8 },
      m:read("keys/copy").data)
    assert.equal(m:read("code/g").data.code, m:read("code/copy").data.code)
    assert.same({ "copy", "g" }, m:list("keys").data.keys)
    assert.same({}, m:update("keys/h", { generate = true, exported = false, issuer = "x", account_name = "y" }))
    assert(m:delete("keys/g"))
    assert.equal("notfound", select(2, m:read("keys/g")).code)
    for text, given in pairs({
      ["should not be passed"] = { generate = true, key = "AAAA" },
      ["issuer value is required"] = { generate = true, account_name = "x" },
      ["account_name value is required"] = { generate = true, issuer = "x" },
      ["base32"] = { key = "1" },
      ["key value is required"] = {},
      ["6 or 8"] = { key = "AAAA", digits = 7 },
      ["algorithm value"] = { key = "AAAA", algorithm = "MD5" },
      ["period value"] = { key = "AAAA", period = 0 },
      ["skew value"] = { key = "AAAA", skew = 2 },
      ["not one of TOTP"] = { url = "otpauth://hotp/a?secret=AAAA" },
      ["no secret"] = { url = "otpauth://totp/a?secret=" },
      ["digits value in url"] = { url = "otpauth://totp/a?secret=AAAA&digits=x" },
    }) do
      refused(text, m:update("keys/bad", given))
    end
  end))

  -- One run of a program that knows better, for 30 random keys.
  local function judged(name, command)
    it("agrees with " .. name, function()
      local ask = assert(io.popen(command.there .. " 2>/dev/null"))
      if ask:read("a") == "" then
        print("SKIP: no " .. name)
        return pending("no " .. name)
      end
      ask:close()
      for i = 1, 30 do
        local algorithm = ({ "SHA1", "SHA256", "SHA512" })[i % 3 + 1]
        local key = { secret = require("core.crypto").random(10 + i), algorithm = algorithm, digits = i % 2 * 2 + 6,
          period = 30, issuer = "Some one", account = "a@b" }
        local time = 1000000000 + i * 12345678
        local out = assert(io.popen(command.line(key, time)))
        assert.equal(totp.code(key, time // 30), out:read("a"):match("%d+"))
        out:close()
      end
    end)
  end

  judged("oathtool", {
    there = "command -v oathtool",
    line = function(key, time)
      return ("oathtool --base32 --totp=%s --digits=%d --now=@%d %s"):format(key.algorithm, key.digits, time,
        totp.base32(key.secret))
    end,
  })
  judged("pyotp", {
    there = "/usr/bin/python3 -c 'import pyotp; print(1)'",
    line = function(key, time)
      return ("/usr/bin/python3 -c 'import pyotp; print(pyotp.parse_uri(\"%s\").at(%d))'"):format(totp.url(key), time)
    end,
  })
end)
