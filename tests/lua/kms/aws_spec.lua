-- The KMS of AWS, against moto.
local contract = require("support.kms_contract")
local run = require("support.async").run
local servers = require("support.kms_servers")

if not os.getenv("PROV_MOTO") then
  print("SKIP 40 cases of the KMS aws: PROV_MOTO names no Python environment with moto[kms,server]")
  return
end

local ENV = { AWS_ACCESS_KEY_ID = "AKIATEST", AWS_SECRET_ACCESS_KEY = "secret-of-a-test",
  AWS_EC2_METADATA_DISABLED = "true", HOME = os.getenv("HOME") }

local function env(name)
  return ENV[name]
end

local url, stop = run(servers.moto)

local function call(operation, body)
  return servers.json("POST", url .. "/", body, {
    ["Content-Type"] = "application/x-amz-json-1.1", ["X-Amz-Target"] = "TrentService." .. operation,
    Authorization = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, "
      .. "Signature=0",
  })
end

local function id_of(uri)
  return uri:match("key/([^?]+)") -- moto finds no ARN everywhere
end

local function at(uri, port)
  return (uri:gsub("endpoint=.*$", "endpoint=http://127.0.0.1:" .. port))
end

local stops = { stop }

contract.run("aws", {
  fresh = function()
    return ("aws:%s?endpoint=%s"):format(call("CreateKey", {}).KeyMetadata.Arn, url)
  end,
  env = env, versions = false,
  separates = false, -- moto puts names and values one behind the other
  revoke = function(uri)
    call("DisableKey", { KeyId = id_of(uri) })
  end,
  restore = function(uri)
    call("EnableKey", { KeyId = id_of(uri) })
  end,
  unreachable = function(uri)
    return at(uri, servers.free_port()), function() end
  end,
  slow = function(uri)
    local port, close = servers.silent()
    stops[#stops + 1] = close
    return at(uri, port)
  end,
}, { describe = describe, it = it })

describe("a key of AWS", function()
  local kms = require("prov.kms")
  local test = require("support.async").test
  it("is found by its alias", test(function()
    local id = call("CreateKey", {}).KeyMetadata.KeyId
    call("CreateAlias", { AliasName = "alias/prov-spec", TargetKeyId = id })
    local k = assert(kms.open("aws:alias/prov-spec?region=us-east-1&endpoint=" .. url, { env = env }))
    local key, blob = k:generate({ workspace = "w" })
    assert.equal(key, assert(k:unwrap(blob, { workspace = "w" })))
    assert.matches(id, require("prov.kms.envelope").decode(blob).key, 1, true)
  end))
  it("that waits for its deletion is denied", test(function()
    local arn = call("CreateKey", {}).KeyMetadata.Arn
    local k = assert(kms.open(("aws:%s?endpoint=%s"):format(arn, url), { env = env }))
    local _, blob = k:generate({ workspace = "w" })
    call("ScheduleKeyDeletion", { KeyId = arn:match("key/(.+)$") })
    local none, e = k:unwrap(blob, { workspace = "w" })
    assert.is_nil(none)
    assert.equal("denied", e.code)
    assert.matches("cancel%-key%-deletion", e.hint)
  end))
end)

teardown(function()
  for _, fn in ipairs(stops) do
    fn()
  end
end)
