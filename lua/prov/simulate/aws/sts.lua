--- The Security Token Service: temporary keys. Nothing of them is kept: a token says whose it is and until when, signed
-- with the secret that the service knows.

local base = require("core.base")
local clock = require("prov.clock")
local crypto = require("core.crypto")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

--- Text that only who knows the secret can make.
local function proof(secret, text)
  return crypto.hex(assert(crypto.mac("sha256", secret, text)))
end

--- The secret key that belongs to a temporary access key.
local function secret_of(secret, access_key)
  return base.base64(proof(secret, "secret of " .. access_key)):sub(1, 40)
end

--- Makes temporary keys.
local function issue(call, who, seconds)
  local access_key = "ASIA" .. call.w.world:hex(16):upper()
  local ends = clock.wall() // 1000 + seconds
  local text = ("%s %d %s"):format(access_key, ends, who)
  return {
    AccessKeyId = access_key, SecretAccessKey = secret_of(call.secret, access_key), Expiration = ends,
    SessionToken = base.base64(text .. "\n" .. proof(call.secret, text)),
  }
end

--- Checks a token of a temporary access key.
---@param secret string of the service
---@return { secret: string, who: string, expired: boolean }? nil when it is none of ours
function M.open(secret, access_key, token)
  local text, shown = (base.unbase64(token or "") or ""):match("^([^\n]+)\n(%x+)$")
  local key, ends, who = (text or ""):match("^(%S+) (%d+) (%S+)$")
  if key ~= access_key or not crypto.equal(shown, proof(secret, text)) then
    return nil
  end
  return { secret = secret_of(secret, access_key), who = who, expired = tonumber(ends) <= clock.wall() // 1000 }
end

--- Who a request is of.
local function arn_of(call)
  return call.session or ("arn:aws:iam::%s:user/simulated"):format(kit.ACCOUNT)
end

function operations.GetCallerIdentity(call)
  return {
    Account = kit.ACCOUNT, Arn = arn_of(call),
    UserId = call.session and "AROASIMULATED0000000:" .. call.session:match("[^/]+$") or "AIDASIMULATED0000000",
  }
end

local function duration(p, usual, least, most)
  local seconds = p.DurationSeconds or usual
  if seconds < least or seconds > most then
    return kit.refuse("ValidationError",
      "1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy "
      .. "constraint: Member must have value between %d and %d", seconds, least, most)
  end
  return seconds
end

local function assume(call, p)
  local name, session = (p.RoleArn or ""):match("^arn:aws:iam::%d+:role/(.+)$"), p.RoleSessionName or ""
  if not name then
    return kit.refuse("ValidationError", "%s is invalid", tostring(p.RoleArn))
  elseif #session < 2 or #session > 64 or session:find("[^%w+=,.@_-]") then
    return kit.refuse("ValidationError",
      "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy "
      .. "constraint", session)
  end
  local seconds, e = duration(p, 3600, 900, 43200)
  if not seconds then
    return nil, e
  end
  local arn = ("arn:aws:sts::%s:assumed-role/%s/%s"):format(p.RoleArn:match("::(%d+):"), name:match("[^/]+$"), session)
  return {
    Credentials = issue(call, arn, seconds), PackedPolicySize = 0,
    AssumedRoleUser = { Arn = arn, AssumedRoleId = "AROASIMULATED0000000:" .. session },
  }
end

operations.AssumeRole = assume

function operations.AssumeRoleWithWebIdentity(call, p)
  if not p.WebIdentityToken or p.WebIdentityToken == "" then
    return kit.refuse("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
  end
  local result, e = assume(call, p)
  if not result then
    return nil, e
  end
  result.Audience, result.Provider, result.SubjectFromWebIdentityToken = "sts.amazonaws.com", "simulated", "simulated"
  return result
end

function operations.GetSessionToken(call, p)
  local seconds, e = duration(p, 43200, 900, 129600)
  if not seconds then
    return nil, e
  elseif call.session then
    return kit.refuse("AccessDenied", "Cannot call GetSessionToken with session credentials")
  end
  return { Credentials = issue(call, arn_of(call), seconds) }
end

return M
