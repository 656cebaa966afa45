-- The KMS of AWS, against moto.
local contract = require("support.kms_contract")
local http = require("prov.http")
local run = require("support.async").run
local servers = require("support.kms_servers")

local envelope = require("prov.kms.envelope")
local kms = require("prov.kms")
local test = require("support.async").test

local ENV = { AWS_ACCESS_KEY_ID = "AKIATEST", AWS_SECRET_ACCESS_KEY = "secret-of-a-test",
  AWS_EC2_METADATA_DISABLED = "true", HOME = os.getenv("HOME") }

local function env(name)
  return ENV[name]
end

-- moto encrypts with disabled keys too, so what AWS answers then is written down here, as its API reference has it.
describe("what AWS says of a key", function()
  for name, code in pairs({
    DisabledException = "denied", KMSInvalidStateException = "denied", NotFoundException = "denied",
    AccessDeniedException = "denied", ExpiredTokenException = "denied",
    InvalidCiphertextException = "auth", IncorrectKeyException = "auth",
    KeyUnavailableException = "unavailable", DependencyTimeoutException = "unavailable",
  }) do
    it(name .. " is " .. code, test(function()
      local k = assert(kms.open("aws:alias/x?region=eu-central-1&endpoint=http://127.0.0.1:1", { env = env }))
      k.backend.client.world.request = function()
        return { status = 400, headers = {}, cookies = {}, body = '{"__type":"' .. name .. '","message":"no"}' }
      end
      local none, e = k:unwrap(assert(envelope.encode({ kms = "aws", key = "k", version = "", created = 1,
        alg = "SYMMETRIC_DEFAULT", wrapped = "x" })), { workspace = "w" })
      assert.is_nil(none)
      assert.equal(code, e.code)
      assert.is_string(e.hint)
      assert.matches(name, tostring(e), 1, true)
    end))
  end
end)

if not os.getenv("PROV_MOTO") then
  it("against a real one", function()
    print("SKIP 40 cases of the KMS aws: PROV_MOTO names no Python environment with moto[kms,server]")
  end)
  return
end

local url, stop = run(servers.moto)

local function call(operation, body)
  return servers.json("POST", url .. "/", body, {
    ["Content-Type"] = "application/x-amz-json-1.1", ["X-Amz-Target"] = "TrentService." .. operation,
    Authorization = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, "
      .. "Signature=0",
  })
end

local function post(path, content_type, body, service)
  local response = assert(http.request({ method = "POST", url = url .. path, body = body, headers = {
    ["Content-Type"] = content_type,
    Authorization = service and ("AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/%s/aws4_request, "
      .. "SignedHeaders=host, Signature=0"):format(service),
  } }))
  assert(response.status == 200, response.body)
  return response.body
end

-- How many requests moto answers before it looks at signatures and policies.
local function unguarded(count)
  post("/moto-api/reset-auth", "text/plain", count)
end

local user = env

contract.run("aws", {
  fresh = function()
    unguarded("inf")
    user = env
    return ("aws:%s?endpoint=%s"):format(call("CreateKey", {}).KeyMetadata.Arn, url)
  end,
  env = function(name)
    return user(name)
  end,
  served = true,
  versions = false,
  separates = false, -- moto puts names and values one behind the other
  stranger = function(uri) -- a user of the account without a policy
    local function iam(action, name)
      return post("/", "application/x-www-form-urlencoded", ("Action=%s&UserName=%s&Version=2010-05-08"):format(action,
        name), "iam")
    end
    iam("CreateUser", "stranger")
    local key = iam("CreateAccessKey", "stranger")
    local id, secret = key:match("<AccessKeyId>(.-)<"), key:match("<SecretAccessKey>(.-)<")
    assert(id and secret, key)
    user = function(name)
      return name == "AWS_ACCESS_KEY_ID" and id or name == "AWS_SECRET_ACCESS_KEY" and secret or env(name)
    end
    unguarded("0")
    return uri
  end,
}, { describe = describe, it = it })

describe("a key of AWS", function()
  it("is found by its alias", test(function()
    local id = call("CreateKey", {}).KeyMetadata.KeyId
    call("CreateAlias", { AliasName = "alias/prov-spec", TargetKeyId = id })
    local k = assert(kms.open("aws:alias/prov-spec?region=us-east-1&endpoint=" .. url, { env = env }))
    local key, blob = k:generate({ workspace = "w" })
    assert.equal(key, assert(k:unwrap(blob, { workspace = "w" })))
    assert.matches(id, envelope.decode(blob).key, 1, true)
  end))
  it("that was disabled, or waits for its deletion, is not healthy", test(function()
    for _, how in ipairs({ "DisableKey", "ScheduleKeyDeletion" }) do
      local arn = call("CreateKey", {}).KeyMetadata.Arn
      local k = assert(kms.open(("aws:%s?endpoint=%s"):format(arn, url), { env = env }))
      assert(k:health())
      call(how, { KeyId = arn:match("key/(.+)$") }) -- moto finds no ARN everywhere
      local none, e = k:health()
      assert.is_nil(none)
      assert.equal("denied", e.code)
      assert.is_string(e.hint)
    end
  end))
end)

teardown(function()
  stop()
end)
