--- The KMS of AWS: a symmetric key, named by its ARN, its id or an alias. The context is its encryption context, so
-- it is in CloudTrail and can be a condition of policies. Credentials are found as for the provider 'aws', in AWS's
-- own order.
--
-- AWS does not say which material of a key wrapped something, so envelopes have no version; older material opens for
-- ever, and RotateKeyOnDemand makes new one (AWS allows 25 in the life of a key).

local clock = require("prov.clock")
local err = require("prov.err")

local M = {}

local Aws = {}
Aws.__index = Aws

--- What AWS's names of errors mean here; others are as prov.aws.client says.
local CODES = {
  InvalidCiphertextException = "auth", IncorrectKeyException = "auth",
  DisabledException = "denied", KMSInvalidStateException = "denied", NotFoundException = "denied",
  InvalidKeyUsageException = "invalid", InvalidArnException = "invalid",
  KeyUnavailableException = "unavailable", DependencyTimeoutException = "unavailable",
  LimitExceededException = "limit", UnsupportedOperationException = "unsupported",
}

local HINTS = {
  DisabledException = "aws kms enable-key --key-id KEY; nothing was changed",
  KMSInvalidStateException = "a key that waits for its deletion comes back with 'aws kms cancel-key-deletion --key-id "
    .. "KEY', then enable-key; nothing was changed",
  NotFoundException = "there is no such key in this region and account; nothing was changed",
}

--- Opens the client; asks nothing.
---@async
---@param place prov.kms.Place
---@param opts { env: (fun(name: string): string?)? }
function M.new(place, opts)
  local key = place.body
  local region = place.query.region or key:match("^arn:[%w-]+:kms:([%w-]+):")
  if key == "" or key == "alias/" then
    return err.fail("invalid", "it names no key: aws:arn:aws:kms:... or aws:alias/NAME")
  end
  local async = require("prov.async")
  local gate = require("prov.gate").new("aws", { retry = { attempts = 3, base = 0.1, max = 1 } }, {
    now = clock.monotonic, sleep = async.sleep, random = math.random,
  })
  local world = require("prov.aws.credentials").world()
  world.env = opts.env or world.env
  local client, e = require("prov.aws.client").open({ region = region, endpoint = place.query.endpoint,
    profile = place.query.profile }, "aws", gate, world)
  return client and setmetatable({ key = key, client = client }, Aws), e
end

local function ask(self, operation, params)
  local result, e = self.client:call("kms", operation, params)
  if not result then
    local name = type(e.data) == "table" and e.data.cloud_code
    e.code, e.hint = CODES[name] or e.code, HINTS[name] or e.hint
    if e.code == "notfound" then
      e.code = "unavailable" -- the name of a host
    end
  end
  return result, e
end

local ALG = "SYMMETRIC_DEFAULT"

function Aws:generate(context)
  local made, e = ask(self, "GenerateDataKey", { KeyId = self.key, KeySpec = "AES_256", EncryptionContext = context })
  if not made then
    return nil, e
  elseif not made.Plaintext or not made.CiphertextBlob then
    return err.fail("protocol", "the answer to GenerateDataKey has no key")
  end
  return made.Plaintext, { wrapped = made.CiphertextBlob, key = made.KeyId, alg = ALG }
end

function Aws:wrap(key, context)
  local made, e = ask(self, "Encrypt", { KeyId = self.key, Plaintext = key, EncryptionContext = context })
  if not made then
    return nil, e
  elseif not made.CiphertextBlob then
    return err.fail("protocol", "the answer to Encrypt has no ciphertext")
  end
  return { wrapped = made.CiphertextBlob, key = made.KeyId, alg = ALG }
end

function Aws:unwrap(sealed, context)
  if sealed.wrapped == "" then
    return err.fail("auth", "there is nothing to unwrap")
  end
  local made, e = ask(self, "Decrypt", { KeyId = self.key, CiphertextBlob = sealed.wrapped,
    EncryptionContext = context })
  if not made then
    return nil, e
  end
  return made.Plaintext or "", nil
end

function Aws:rewrap(sealed, context)
  local made, e = ask(self, "ReEncrypt", {
    CiphertextBlob = sealed.wrapped, SourceKeyId = self.key, DestinationKeyId = self.key,
    SourceEncryptionContext = context, DestinationEncryptionContext = context,
  })
  if not made then
    return nil, e
  elseif not made.CiphertextBlob then
    return err.fail("protocol", "the answer to ReEncrypt has no ciphertext")
  end
  return { wrapped = made.CiphertextBlob, key = made.KeyId, alg = ALG }
end

-- The key itself: RotateKeyOnDemand takes no alias.
local function described(self)
  local found, e = ask(self, "DescribeKey", { KeyId = self.key })
  return found and found.KeyMetadata or nil, e
end

function Aws:rotate()
  local key, e = described(self)
  if not key then
    return nil, e
  end
  local made
  made, e = ask(self, "RotateKeyOnDemand", { KeyId = key.KeyId })
  if not made then
    return nil, e
  end
  local now = described(self)
  return now and now.CurrentKeyMaterialId or os.date("!%Y-%m-%dT%H:%M:%SZ", clock.wall() // 1000)
end

function Aws:health()
  local key, e = described(self)
  if not key then
    return nil, e
  elseif key.KeyState ~= "Enabled" then
    local waits = key.KeyState == "PendingDeletion"
    return nil, err.new("denied", ("the key is in the state %s"):format(tostring(key.KeyState)),
      { hint = waits and HINTS.KMSInvalidStateException or HINTS.DisabledException })
  elseif (key.KeyUsage or "ENCRYPT_DECRYPT") ~= "ENCRYPT_DECRYPT" or key.KeySpec ~= "SYMMETRIC_DEFAULT" then
    return err.fail("unsupported", "it is a key for %s (%s), not a symmetric one", tostring(key.KeyUsage),
      tostring(key.KeySpec))
  end
  return { key = key.Arn, version = key.CurrentKeyMaterialId,
    detail = key.Description ~= "" and key.Description or nil }
end

return M
