local async = require("support.async")
local client = require("prov.kmip.client")
local contract = require("support.kms_contract")
local envelope = require("prov.kms.envelope")
local http = require("prov.kmip.http")
local json = require("prov.kmip.json")
local message = require("prov.kmip.message")
local kms = require("prov.kms")
local server = require("support.cosmian")

local TOKEN = "api-token"
local KEY, CONTEXT = ("k"):rep(32), { workspace = "w" }

-- The contract is run over a stand-in: no such server can be had here.
local port, stop = async.run(server.start, TOKEN)

local function admin()
  return client.new(http.new({ url = "http://127.0.0.1:" .. port, token = TOKEN }))
end

local function uri_of(id)
  return ("cosmian:http://127.0.0.1:%d/%s"):format(port, id)
end

local function env_of(token)
  return function(name)
    return name == "COSMIAN_KMS_TOKEN" and token or nil
  end
end

local function opened(id)
  return assert(kms.open(uri_of(id), { env = env_of(TOKEN) }))
end

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

  it("refuses addresses that are none", async.test(function()
    for _, address in ipairs({ "host/key", "https://host", "https://", "ftp://host/key", "http://example.com:9998/key",
      "http://example.com/x/key" }) do
      local backend, e = kms.open("cosmian:" .. address)
      assert.is_nil(backend, address)
      assert.equal("invalid", e.code)
    end
  end))

  it("tells that the token is refused, and that a server is another one", async.test(function()
    local id = assert(admin():create())
    local address = ("cosmian:http://127.0.0.1:%d"):format(port)
    local _, e = kms.open(address .. "/" .. id, { env = env_of("other") }):wrap(KEY, CONTEXT)
    assert.equal("denied", e.code)
    assert.is_nil(tostring(e):find("other", 1, true))
    _, e = kms.open(address .. "/elsewhere/" .. id, { env = env_of(TOKEN) }):wrap(KEY, CONTEXT)
    assert.equal("protocol", e.code)
  end))

  it("lets a revoked key unwrap, and nothing else", async.test(function()
    local id = assert(admin():create())
    local one = opened(id)
    local blob = assert(one:wrap(KEY, CONTEXT))
    assert(admin():revoke(id, "KeyCompromise"))
    assert.equal(KEY, assert(one:unwrap(blob, CONTEXT)))
    local _, e = one:wrap(KEY, CONTEXT)
    assert.equal("denied", e.code)
    _, e = one:health()
    assert.equal("denied", e.code)
  end))

  it("follows a key to what replaced it, in another process too", async.test(function()
    local id = assert(admin():create())
    local version = assert(opened(id):rotate())
    version = version ~= id and assert(opened(id):rotate())
    assert.equal(version, envelope.decode(assert(opened(id):wrap(KEY, CONTEXT))).version)
  end))

  it("tells that a rotation may have happened or not", async.test(function()
    local slow_port, stop_slow = server.start(TOKEN, 900)
    local own = client.new(http.new({ url = "http://127.0.0.1:" .. slow_port, token = TOKEN }))
    local id = assert(own:create())
    local one = assert(kms.open(("cosmian:http://127.0.0.1:%d/%s"):format(slow_port, id),
      { env = env_of(TOKEN), timeout = 400 }))
    local blob = assert(one:wrap(KEY, CONTEXT))
    local version, e = one:rotate()
    assert.is_nil(version)
    assert.equal("unknown", e.code)
    assert.truthy(e.hint:find("see at the KMS", 1, true))
    assert.equal(KEY, one:unwrap(blob, CONTEXT)) -- it did, and nothing is lost
    assert.not_equal(id, assert(one:health()).version)
    stop_slow()
  end))
end)

local token

contract.run("cosmian", {
  served = true,
  env = function(name)
    return name == "COSMIAN_KMS_TOKEN" and token or nil
  end,
  fresh = function()
    token = TOKEN
    return uri_of(assert(admin():create()))
  end,
  revoke = function(uri)
    local id = uri:match("[^/]+$")
    assert(admin():revoke(id, "KeyCompromise"))
    assert(admin():destroy(id))
  end,
  retire = function(_, version)
    assert(admin():destroy(version))
  end,
  stranger = function(uri)
    token = "other"
    return uri
  end,
}, { describe = describe, it = it })

describe("kms cosmian", function()
  it("stops its stand-in", function()
    stop()
  end)
end)
