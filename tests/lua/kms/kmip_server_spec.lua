-- Over a real KMIP server, which tests/e2e/kms-kmip.sh starts: PROV_KMIP is a folder with its certificates and a file
-- "port".

local async = require("support.async")
local client = require("prov.kmip.client")
local contract = require("support.kms_contract")
local kms = require("prov.kms")
local message = require("prov.kmip.message")
local relay = require("support.relay")
local tmp = require("support.tmp")
local uv = require("luv")
local wire = require("prov.kmip.wire")

local DIR = os.getenv("PROV_KMIP")
local KEY, CONTEXT = ("k"):rep(32), { workspace = "w" }

describe("kms kmip", function()
  it("refuses addresses that are none", async.test(function()
    for _, address in ipairs({ "host", "host:99999/key", "host:0/key", ":1/key", "host/", "host/key?version=3.0" }) do
      local backend, e = kms.open("kmip:" .. address)
      assert.is_nil(backend, address)
      assert.equal("invalid", e.code)
    end
    for address, key in pairs({ ["kms.example.com/a/b"] = "a/b", ["[::1]:1/k"] = "k" }) do
      assert.equal(key, assert(kms.open("kmip:" .. address)).key)
    end
  end))
end)

if not DIR then
  print("SKIP 40 cases of the KMS kmip: tests/e2e/kms-kmip.sh starts a server for them")
  return
end

local port = math.tointeger(tonumber(tmp.read(DIR .. "/port")))
local CA, CERT, PRIVATE = DIR .. "/ca.crt", DIR .. "/client.crt", DIR .. "/client.key"
local count = 0

local function admin(version)
  return client.new(wire.new({ host = "127.0.0.1", port = port, ca = CA, cert = CERT, key = PRIVATE,
    version = version and message.version(version) }))
end

local function made(version, name)
  local one <close> = admin(version)
  return assert(one:activate(assert(one:create(name))))
end

local function uri_of(key, o)
  return ("kmip:127.0.0.1:%d/%s?ca=%s&cert=%s&key=%s%s"):format(o.port or port, key, o.ca or CA, o.cert or CERT,
    o.private or PRIVATE, o.version and "&version=" .. o.version or "")
end

local function fresh(version)
  count = count + 1
  local name = ("%d %d"):format(uv.hrtime(), count)
  made(version, name)
  return uri_of(name, { version = version })
end

local function name_of(uri)
  return uri:match("/(%d+ %d+)%?")
end

local function newest(one, uri)
  return assert(one:locate(name_of(uri)))[1]
end

for _, version in ipairs({ "1.4", "1.2" }) do
  contract.run("kmip " .. version, {
    fresh = function()
      return fresh(version)
    end,
    revoke = function(uri)
      local one <close> = admin(version)
      assert(one:revoke(newest(one, uri), "KeyCompromise"))
    end,
    retire = function(_, id)
      local one <close> = admin(version)
      assert(one:revoke(id, "CessationOfOperation"))
      assert(one:destroy(id))
    end,
    stranger = function(uri) -- another client, whom the server knows too
      return (uri:gsub("client%.", "stranger."))
    end,
    served = true,
  }, { describe = describe, it = it })
end

describe("kms kmip over a server", function()
  it("takes an identifier for a key, which it cannot rotate without ReKey", async.test(function()
    local one = assert(kms.open(uri_of(made(), {})))
    assert.equal(KEY, one:unwrap(assert(one:wrap(KEY, CONTEXT)), CONTEXT))
    local id, e = one:rotate()
    assert.is_nil(id)
    assert.equal("unsupported", e.code)
    assert.truthy(e.hint:find("name", 1, true))
  end))

  it("connects anew when the connection was cut", async.test(function()
    local between = relay.start(port)
    local one = assert(kms.open(uri_of(name_of(fresh()), { port = between.port })))
    local blob = assert(one:wrap(KEY, CONTEXT))
    between:cut()
    assert.equal(KEY, one:unwrap(blob, CONTEXT))
    assert(one:rotate()) -- which is not done twice: not over a connection that may be cut
    between:cut()
    assert(one:rotate())
    between:stop()
    local key, e = one:unwrap(blob, CONTEXT)
    assert.is_nil(key)
    assert.equal("unavailable", e.code)
  end))

  it("shows its certificate, and verifies the server's", async.test(function()
    local _, e = kms.open(uri_of("k", { ca = DIR .. "/other.crt" })):wrap(KEY, CONTEXT)
    assert.equal("auth", e.code)
    assert.truthy(tostring(e):find("certificate", 1, true))
    _, e = kms.open(uri_of("k", { cert = DIR .. "/other.crt", private = DIR .. "/other.key" })):wrap(KEY, CONTEXT)
    assert.is_true(e.code == "auth" or e.code == "unavailable", tostring(e))
    _, e = kms.open(uri_of("k", { cert = DIR .. "/none.crt" })):wrap(KEY, CONTEXT)
    assert.equal("invalid", e.code)
    _, e = kms.open((uri_of("k", {}):gsub("127%.0%.0%.1", "no-such-host.invalid"))):wrap(KEY, CONTEXT)
    assert.equal("unavailable", e.code)
  end))

  it("asks the server what it is, and gets what it keeps", async.test(function()
    local one <close> = admin()
    assert.same({ 1, 4 }, one:version())
    assert.is_true(assert(one:query()).operations.Encrypt)
    local id = assert(one:create("kept"))
    assert.equal(32, #assert(one:get(id)))
    assert.equal("PreActive", assert(one:attributes(id, { "State" })).State[1].value)
    assert.equal("AES", one:attributes(id, { "CryptographicAlgorithm" }).CryptographicAlgorithm[1].value)
    assert(one:unname(id, "kept"))
    assert.is_nil(one:attributes(id, { "Name" }).Name)
    local _, e = one:get("none")
    assert.equal("notfound", e.code)
    assert.equal("ItemNotFound", e.data.reason)
  end))
end)
