local async = require("support.async")
local client = require("prov.kmip.client")
local cosmian = require("prov.kms.cosmian")
local http = require("prov.kmip.http")
local json = require("prov.kmip.json")
local message = require("prov.kmip.message")
local server = require("support.cosmian")
local uv = require("luv")

local TOKEN = "api-token"

-- A transport that keeps what is asked, and answers with a text.
local function scripted(answer)
  local transport = { asked = {} }
  function transport:call(operation, payload, _)
    local items = type(payload) == "function" and payload({ 2, 1 }) or payload
    self.asked[#self.asked + 1] = assert(json.encode({ tag = operation, type = "Structure", value = items }))
    return assert(json.decode(answer))
  end
  return transport
end

local function same(text, want)
  assert.equal(assert(json.encode(assert(json.decode(want)))), text)
end

describe("kms cosmian", function()
  -- Pages kmip_support/_encrypt.md, _decrypt.md, _destroy.md and key_rotation/_re-key.md of Cosmian's documentation.
  it("asks what Cosmian documents, and reads what it answers", async.test(function()
    local transport = scripted([[{ "tag": "EncryptResponse", "type": "Structure", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "027cced1-ff2b-4bd3-a200-db1041583bdc" },
      { "tag": "Data", "type": "ByteString", "value": "40D59A0735811135749A507FDEB3" },
      { "tag": "IVCounterNonce", "type": "ByteString", "value": "DBDD622A64F7D65E75894B1B" },
      { "tag": "AuthenticatedEncryptionTag", "type": "ByteString", "value": "50FCE680540BD3E96EFA9218A2F1009D" } ] }]])
    local gcm = { message.item("BlockCipherMode", "Enumeration", "GCM"),
      message.item("CryptographicAlgorithm", "Enumeration", "AES") }
    local sealed = assert(client.new(transport):encrypt('["MySymmetricKey"]', gcm, "Hello, world!\n"))
    same(transport.asked[1], [[{ "tag": "Encrypt", "type": "Structure", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "[\"MySymmetricKey\"]" },
      { "tag": "CryptographicParameters", "type": "Structure", "value": [
        { "tag": "BlockCipherMode", "type": "Enumeration", "value": "GCM" },
        { "tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "AES" } ] },
      { "tag": "Data", "type": "ByteString", "value": "48656C6C6F2C20776F726C64210A" } ] }]])
    assert.equal("027cced1-ff2b-4bd3-a200-db1041583bdc", sealed.id)
    assert.equal("\x40\xD5\x9A\x07\x35\x81\x11\x35\x74\x9A\x50\x7F\xDE\xB3", sealed.data)
    assert.equal(12, #sealed.iv)
    assert.equal(16, #sealed.tag)

    transport = scripted([[{ "tag": "DecryptResponse", "type": "Structure", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "027cced1-ff2b-4bd3-a200-db1041583bdc" },
      { "tag": "Data", "type": "ByteString", "value": "48656C6C6F2C20776F726C64210A" } ] }]])
    assert.equal("Hello, world!\n", client.new(transport):decrypt(sealed, gcm))
    local nonce = '{"tag":"IVCounterNonce","type":"ByteString","value":"DBDD622A64F7D65E75894B1B"}'
    assert.truthy(transport.asked[1]:find(nonce, 1, true))

    transport = scripted([[{ "tag": "ReKeyResponse", "type": "Structure", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "64c60363-6660-4fd4-9f30-c965a0f72fc3" } ] }]])
    assert.equal("64c60363-6660-4fd4-9f30-c965a0f72fc3",
      client.new(transport):rekey("64c60363-6660-4fd4-9f30-c965a0f72fc3"))
    same(transport.asked[1], [[{ "tag": "ReKey", "type": "Structure", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "64c60363-6660-4fd4-9f30-c965a0f72fc3" } ] }]])
  end))

  -- Page messages.md: names of enumerations with underscores, masks by names.
  it("reads attributes as Cosmian writes them", function()
    local payload = assert(json.decode([[{ "tag": "GetAttributesResponse", "value": [
      { "tag": "UniqueIdentifier", "type": "TextString", "value": "x" },
      { "tag": "Attributes", "type": "Structure", "value": [
        { "tag": "State", "type": "Enumeration", "value": "PreActive" },
        { "tag": "CryptographicUsageMask", "type": "Integer", "value": "Encrypt|Decrypt" },
        { "tag": "Digest", "type": "Structure", "value": [
          { "tag": "HashingAlgorithm", "type": "Enumeration", "value": "SHA_256" },
          { "tag": "KeyFormatType", "type": "Enumeration", "value": "PKCS_1" } ] },
        { "tag": "KeyFormatType", "type": "Enumeration", "value": "CoverCryptSecretKey" },
        { "tag": "InitialDate", "type": "DateTime", "value": "2024-09-13T13:39:20Z" } ] } ] }]]))
    local attributes = message.read_attributes(payload)
    assert.equal("PreActive", attributes.State[1].value)
    assert.equal(12, attributes.CryptographicUsageMask[1].value)
    assert.equal("SHA256", attributes.Digest[1].value[1].value)
    assert.equal("PKCS1", attributes.Digest[1].value[2].value)
    assert.equal("CoverCryptSecretKey", attributes.KeyFormatType[1].value)
    assert.equal(1726234760, attributes.InitialDate[1].value)
  end)

  it("refuses addresses that are none", function()
    for _, address in ipairs({ "", "host/key", "https://host", "https://", "ftp://host/key" }) do
      local kms, e = cosmian.new(address)
      assert.is_nil(kms)
      assert.equal("invalid", e.code)
    end
  end)

  describe("over a stand-in", function()
    local one, silent
    local function around(fn)
      local listening <close> = server.listen(TOKEN)
      one = listening
      fn()
      if silent then
        silent:close()
        silent = nil
      end
    end

    local function admin()
      return client.new(http.new({ url = "http://127.0.0.1:" .. one.port, token = TOKEN }))
    end

    require("support.kmip_cases")(it, {
      around = around,
      unwraps_revoked = true,
      unreachable = "http://127.0.0.1:1",
      admin = admin,
      silent = function()
        silent = uv.new_tcp()
        assert(silent:bind("127.0.0.1", 0))
        assert(silent:listen(8, function() end))
        return "http://127.0.0.1:" .. silent:getsockname().port
      end,
      open = function(options)
        options = options or {}
        local key = options.key or assert(admin():create())
        return cosmian.new(("%s/%s"):format(options.address or "http://127.0.0.1:" .. one.port, key),
          { token = TOKEN, timeout = options.timeout })
      end,
    })

    it("tells that a rotation may have happened or not", async.test(function()
      local listening <close> = server.listen(TOKEN)
      one = listening
      one.slow = 600
      local key = assert(admin():create())
      local address = ("http://127.0.0.1:%d/%s"):format(one.port, key)
      local kms = assert(cosmian.new(address, { token = TOKEN, timeout = 300 }))
      local blob = assert(kms:wrap("k", {}))
      local version, e = kms:rotate()
      assert.is_nil(version)
      assert.equal("unknown", e.code)
      assert.truthy(e.hint:find("see at the KMS", 1, true))
      assert.equal("k", kms:unwrap(blob, {})) -- it did, and nothing is lost
      assert.not_equal(key, assert(kms:health()).version)
      assert.equal("k", kms:unwrap(assert(kms:rewrap(blob, {})), {}))
      require("prov.async").sleep(400) -- until the server is done
    end))

    it("tells that the token is refused, and that a server is another one", async.test(function()
      local listening <close> = server.listen(TOKEN)
      one = listening
      local id = assert(admin():create())
      local address = ("http://127.0.0.1:%d/%s"):format(one.port, id)
      local kms = assert(cosmian.new(address, { token = "other" }))
      local blob, e = kms:wrap("k", {})
      assert.is_nil(blob)
      assert.equal("denied", e.code)
      assert.truthy(tostring(e):find(id, 1, true))
      assert.is_nil(tostring(e):find("other", 1, true))
      kms = assert(cosmian.new(("http://127.0.0.1:%d/elsewhere/%s"):format(one.port, id), { token = TOKEN }))
      blob, e = kms:wrap("k", {})
      assert.is_nil(blob)
      assert.equal("protocol", e.code)
    end))
  end)
end)
