-- Over a real KMIP server, which tests/e2e/kms-kmip.sh starts: PROV_KMIP is a folder with its certificates and a file
-- "port".

local async = require("support.async")
local client = require("prov.kmip.client")
local kmip = require("prov.kms.kmip")
local message = require("prov.kmip.message")
local relay = require("support.relay")
local tmp = require("support.tmp")
local uv = require("luv")
local wire = require("prov.kmip.wire")

local DIR = os.getenv("PROV_KMIP")
if not DIR then
  print("SKIP the KMIP server: tests/e2e/kms-kmip.sh starts one")
end

local CA, CERT, KEY = (DIR or "") .. "/ca.crt", (DIR or "") .. "/client.crt", (DIR or "") .. "/client.key"
local names = 0

for _, version in ipairs({ "1.4", "1.2" }) do
  describe("kms kmip over a server of " .. version, function()
    if not DIR then
      it("is skipped", function()
        pending("no PROV_KMIP")
      end)
      return
    end
    local port = math.tointeger(tonumber(tmp.read(DIR .. "/port")))
    local silent

    local function admin()
      return client.new(wire.new({ host = "127.0.0.1", port = port, ca = CA, cert = CERT, key = KEY,
        version = message.version(version) }))
    end

    local function made(name)
      local one <close> = admin()
      return assert(one:activate(assert(one:create(name))))
    end

    local function open(options)
      options = options or {}
      local key = options.key
      if not key then
        names = names + 1
        key = ("%s of %d %d"):format(version, uv.hrtime(), names)
        made(key)
      end
      return kmip.new(("%s/%s"):format(options.address or "127.0.0.1:" .. port, key), {
        ca = options.ca or CA, cert = options.cert or CERT, key = options.private or KEY, timeout = options.timeout,
        version = version,
      })
    end

    require("support.kmip_cases")(it, {
      open = open,
      admin = admin,
      unwraps_revoked = false,
      unreachable = "127.0.0.1:1",
      around = function(fn)
        fn()
        if silent then
          silent:close()
          silent = nil
        end
      end,
      silent = function()
        silent = uv.new_tcp()
        assert(silent:bind("127.0.0.1", 0))
        assert(silent:listen(8, function() end))
        return "127.0.0.1:" .. silent:getsockname().port
      end,
    })

    it("takes an identifier for a key, which it cannot rotate without ReKey", async.test(function()
      local kms <close> = assert(open({ key = made() }))
      assert.equal("k", kms:unwrap(assert(kms:wrap("k", {})), {}))
      local id, e = kms:rotate()
      assert.is_nil(id)
      assert.equal("unsupported", e.code)
      assert.truthy(e.hint:find("name", 1, true))
    end))

    it("connects anew when the connection was cut", async.test(function()
      local between = relay.start(port)
      local one <close> = assert(open())
      local kms <close> = assert(open({ address = "127.0.0.1:" .. between.port, key = one:describe().key }))
      local blob = assert(kms:wrap("k", {}))
      between:cut()
      assert.equal("k", kms:unwrap(blob, {}))
      assert(kms:rotate()) -- which is not done twice: not over a connection that may be cut
      between:cut()
      assert(kms:rotate())
      between:stop()
      local key, e = kms:unwrap(blob, {})
      assert.is_nil(key)
      assert.equal("unavailable", e.code)
    end))

    it("shows its certificate, and verifies the server's", async.test(function()
      local kms <close> = assert(open({ key = "k", ca = DIR .. "/other.crt" }))
      local blob, e = kms:wrap("k", {})
      assert.is_nil(blob)
      assert.equal("auth", e.code)
      assert.truthy(tostring(e):find("certificate", 1, true))
      local stranger <close> = assert(open({ key = "k", cert = DIR .. "/other.crt", private = DIR .. "/other.key" }))
      blob, e = stranger:wrap("k", {})
      assert.is_nil(blob)
      assert.is_true(e.code == "auth" or e.code == "unavailable", tostring(e))
      local nobody <close> = assert(open({ key = "k", cert = DIR .. "/none.crt" }))
      blob, e = nobody:wrap("k", {})
      assert.is_nil(blob)
      assert.equal("notfound", e.code)
    end))

    it("asks the server what it is, and gets what it keeps", async.test(function()
      local one <close> = admin()
      local able = assert(one:query())
      assert.is_true(able.operations.Encrypt)
      local id = assert(one:create("kept"))
      assert.equal(32, #assert(one:get(id)))
      assert.equal("PreActive", assert(one:attributes(id, { "State" })).State[1].value)
      assert.equal("SymmetricKey", one:attributes(id, { "ObjectType" }).ObjectType[1].value)
      assert.equal("AES", one:attributes(id, { "CryptographicAlgorithm" }).CryptographicAlgorithm[1].value)
      assert(one:unname(id, "kept"))
      assert.is_nil(one:attributes(id, { "Name" }).Name)
      local _, e = one:get("none")
      assert.equal("notfound", e.code)
      assert.equal("ItemNotFound", e.data.reason)
    end))
  end)
end

describe("kms kmip", function()
  it("agrees on a version", async.test(function()
    if not DIR then
      return pending("no PROV_KMIP")
    end
    local port = math.tointeger(tonumber(tmp.read(DIR .. "/port")))
    local one <close> = client.new(wire.new({ host = "127.0.0.1", port = port, ca = CA, cert = CERT, key = KEY }))
    assert.same({ 1, 4 }, one:version())
  end))

  it("refuses addresses that are none", function()
    for _, address in ipairs({ "", "host", "host:99999/key", "host:0/key", ":5696/key", "host/" }) do
      local kms, e = kmip.new(address)
      assert.is_nil(kms, address)
      assert.equal("invalid", e.code)
    end
    assert.equal("KMIP server kms.example.com port 5696, key 'a/b'",
      kmip.new("kms.example.com/a/b"):describe().where)
    assert.equal("KMIP server ::1 port 1, key 'k'", kmip.new("[::1]:1/k"):describe().where)
    local _, e = kmip.new("host/key", { version = "3.0" })
    assert.equal("invalid", e.code)
  end)
end)
