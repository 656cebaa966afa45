--- Keys of AWS's KMS in SOPS files: an ARN, perhaps a role to take on, an encryption context and a profile. Credentials
--- are found as for the provider 'aws', in AWS's own order.

local base = require("core.base")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")

local M = { list = "kms" }

local function clients()
  local async = require("prov.async")
  local gate = require("prov.gate").new("aws", { retry = { attempts = 3, base = 0.1, max = 1 } }, {
    now = clock.monotonic, sleep = async.sleep, random = math.random,
  })
  return gate, require("prov.aws.credentials").world()
end

-- Asks the KMS of the region that the ARN names.
local function ask(key, operation, params)
  local region = tostring(key.arn):match("^arn:aws[%w-]*:kms:(.+):%d+:[ka][el][yi]a?s?/.+$")
  if not region then
    return err.fail("invalid", "not the ARN of a key or alias: %s", tostring(key.arn))
  end
  local gate, world = clients()
  local profile = key.aws_profile ~= "" and key.aws_profile or nil
  local client, e = require("prov.aws.client").open({ region = region, profile = profile, role = key.role }, "aws",
    gate, world)
  if not client then
    return nil, e
  end
  params.KeyId = key.arn
  params.EncryptionContext = key.context
  return client:call("kms", operation, params)
end

-- A context as a text; sorted.
local function said(context)
  local out = {}
  for _, name in ipairs(data.keys(context or {})) do
    out[#out + 1] = name .. ":" .. tostring(context[name])
  end
  return table.concat(out, ",")
end

--- A recipient of fields as rules and metadata have them: arn, role, context, aws_profile.
---@param v table
---@return prov.sops.Recipient
function M.of(v)
  local function given(field)
    return type(v[field]) == "string" and v[field] ~= "" and v[field] or nil
  end
  local out = { kind = "kms", arn = given("arn") or "", role = given("role"), aws_profile = given("aws_profile"),
    context = type(v.context) == "table" and v.context ~= data.null and next(v.context) and v.context or nil }
  local context = said(out.context)
  out.name = out.arn .. (out.role and "+" .. out.role or "")
  if out.aws_profile then
    out.name = ("%s|%s|%s"):format(out.name, context, out.aws_profile)
  elseif context ~= "" then
    out.name = out.name .. "|" .. context
  end
  return out
end

--- ARN, ARN+ROLE, and behind | a context NAME:VALUE,... and behind another | a profile.
function M.parse(text)
  local keys, context, profile = text:gsub(" ", ""):match("^([^|]+)|?([^|]*)|?([^|]*)$")
  if not keys then
    return err.fail("invalid", "a key of AWS's KMS is ARN, ARN+ROLE, ARN|NAME:VALUE,... or ARN|NAME:VALUE,...|PROFILE")
  end
  local arn, role = keys:match("^(.-)%+(arn:.*)$")
  local v = { arn = arn or keys, role = role, aws_profile = profile, context = {} }
  for pair in context:gmatch("[^,]+") do
    local name, value = pair:match("^([^:]+):([^:]*)$")
    if not name then
      return err.fail("invalid", "a context is NAME:VALUE, not %s", pair)
    end
    v.context[name] = value
  end
  return M.of(v)
end

function M.wrap(recipient, key)
  local made, e = ask(recipient, "Encrypt", { Plaintext = key })
  if not made then
    return nil, e
  elseif not made.CiphertextBlob then
    return err.fail("protocol", "the answer to Encrypt has no ciphertext")
  end
  return { arn = recipient.arn, role = recipient.role, context = recipient.context,
    aws_profile = recipient.aws_profile or "", enc = base.base64(made.CiphertextBlob) }
end

function M.unwrap(entry)
  local wrapped, e = base.unbase64(tostring(entry.enc))
  if not wrapped then
    return nil, e
  end
  local made
  made, e = ask(M.of(entry), "Decrypt", { CiphertextBlob = wrapped })
  if not made then
    return nil, e
  elseif not made.Plaintext then
    return err.fail("protocol", "the answer to Decrypt has no plaintext")
  end
  return made.Plaintext
end

return M
