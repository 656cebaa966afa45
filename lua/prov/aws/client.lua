--- A client of AWS's services: signs, waits its turn at the gate, tries again what may be tried again, and turns AWS's
--- errors into ours.
--
-- What only looks (Describe, Get), and what done twice is as done once, is sent again after a lost answer. Anything
-- else goes back to the body with "unavailable", and a creation is looked for before it is tried anew; a ClientToken
-- is for the case that it is there and cannot be seen yet.

local async = require("prov.async")
local clock = require("prov.clock")
local credentials = require("prov.aws.credentials")
local err = require("prov.err")
local log = require("prov.log")
local pace = require("prov.aws.pace")
local query = require("prov.aws.query")
local rest = require("prov.aws.rest")
local retry_after = require("prov.provider.api").retry_after
local shared = require("prov.provider.shared")
local sigv4 = require("prov.sigv4")
local sts = require("prov.aws.sts")

local M = {}

---@class prov.aws.ClientOptions: prov.aws.Options
---@field endpoint? string instead of AWS's own; for all services

---@class prov.aws.Client
---@field region string
local Client = {}
Client.__index = Client

--- Codes of what was not looked at, because it came too soon.
local TOO_SOON = { "^RequestLimitExceeded$", "Throttl", "^TooManyRequests", "^SlowDown$" }

--- What AWS's codes are here, the first pattern that fits; anything else is "invalid".
local CODES = {
  { "^PriorRequestNotComplete$", "unavailable" },
  { "^OperationAborted$", "unavailable" },
  { "^Unavailable$", "unavailable" },
  { "^ServiceUnavailable", "unavailable" },
  { "^Internal[%a]+$", "unavailable" },
  { "^IdempotentInstanceTerminated$", "conflict" },
  { "NotFound$", "notfound" },
  { "^Gateway.NotAttached$", "notfound" },
  { "NotFoundException$", "notfound" },
  { "^NoSuch%a+$", "notfound" },
  { "^Insufficient%a+Capacity", "failed" },
  { "^InsufficientFreeAddressesInSubnet$", "limit" },
  { "LimitExceeded", "limit" },
  { "CountExceeded", "limit" },
  { "^TooMany", "limit" },
  { "^DelegationSetNotAvailable$", "limit" },
  { "^AuthFailure$", "denied" },
  { "^UnauthorizedOperation$", "denied" },
  { "^Unauthorized", "denied" },
  { "^AccessDenied", "denied" },
  { "^InvalidClientTokenId$", "denied" },
  { "^SignatureDoesNotMatch$", "denied" },
  { "^IncompleteSignature", "denied" },
  { "^InvalidSignature", "denied" },
  { "^MissingAuthenticationToken", "denied" },
  { "^UnrecognizedClient", "denied" },
  { "^OptInRequired$", "denied" },
  { "^PendingVerification$", "denied" },
  { "^Blocked$", "denied" },
  { "^ExpiredToken", "denied" },
  { "^RequestExpired$", "denied" },
  { "^DependencyViolation$", "conflict" },
  { "^InvalidPermission.Duplicate$", "conflict" },
  { "Duplicate", "exists" },
  { "AlreadyExists", "exists" },
  { "AlreadyOwnedByYou$", "exists" },
  { "NotEmpty$", "conflict" },
  { "InUse$", "conflict" },
  { "^Incorrect%a*State", "conflict" },
  { "^IdempotentParameterMismatch$", "conflict" },
  { "^OperationNotPermitted$", "conflict" },
  { "^ResourceInUse", "conflict" },
  { "^UnsupportedOperation$", "unsupported" },
}

local HINTS = {
  ["^Insufficient%a+Capacity"] = "AWS has none of these at the moment: try another zone or another plan, or try later",
  ["LimitExceeded"] = "a quota of the account: ask for more in the console under Service Quotas",
  ["^AccessDenied"] = "the user or role lacks a permission",
  ["^UnauthorizedOperation$"] = "the user or role lacks a permission; aws sts decode-authorization-message says which",
  ["^ExpiredToken"] = "the temporary credentials have ended: sign in again (aws sso login), or set new ones",
  ["Duplicate"] = "give it another 'name', or take what has this one over with an import",
  ["^RequestExpired$"] = "the temporary credentials have ended (sign in again: aws sso login), or the clock of this "
    .. "machine is wrong",
  ["^AuthFailure$"] = "AWS does not know these credentials, or not in this region: prov provider check aws",
  ["^InvalidClientTokenId$"] = "there is no such access key, or a session token is missing or of another key",
  ["^SignatureDoesNotMatch$"] = "the secret key is not that of the access key",
}

--- Operations that may be sent twice.
local REPEATABLE = {
  "^Describe", "^Get", "^List", "^Head", "^Put", "^Update", "^ChangeTags", "^Delete", "^Deregister", "^Detach",
  "^Disassociate", "^Modify", "^Release", "^Reset", "^Replace", "^CreateTags$", "^AddTags$", "^RemoveTags$",
  "^RegisterTargets$", "^Set", "^Start", "^Stop", "^Terminate", "^Associate",
  "^Decrypt$", "^Encrypt$", "^GenerateDataKey$", "^ReEncrypt$",
}

local function reads(operation)
  for _, verb in ipairs({ "^Describe", "^Get", "^List", "^Head" }) do
    if operation:find(verb) then
      return true
    end
  end
  return false
end

local function fits(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then
      return true
    end
  end
  return false
end

--- The code of ours for a code of AWS's.
---@param code string
---@param status integer
---@return string
function M.code_of(code, status)
  if fits(code, TOO_SOON) then
    return "unavailable"
  end
  for _, rule in ipairs(CODES) do
    if code:find(rule[1]) then
      return rule[2]
    end
  end
  return status >= 500 and "unavailable" or status == 401 and "denied" or status == 403 and "denied" or "invalid"
end

local function hint_of(code)
  for pattern, text in pairs(HINTS) do
    if code:find(pattern) then
      return text
    end
  end
end

--- The region that S3 says a bucket is in, when it was asked for in another one.
local function moved_to(found, headers)
  local told = found.error or {}
  return headers["x-amz-bucket-region"] or told.Region
    or tostring(told.Endpoint or ""):match("s3[.-]([%w-]+)%.amazonaws%.com")
end

--- The error of an answer, and whether nothing has come of the request.
local function failure_of(service, operation, response)
  local status = response.status
  local found = service:error_of(response)
    or { code = "", request_id = "", message = "the answer was HTTP " .. status }
  -- Without words of AWS the status speaks for itself: answers to HEAD have none.
  local code = found.code ~= "" and M.code_of(found.code, status) or status >= 500 and "unavailable"
    or status == 403 and "denied" or status == 404 and service.protocol == "rest-xml" and "notfound" or "failed"
  local id = found.request_id ~= "" and found.request_id or response.headers["x-amzn-requestid"]
    or response.headers["x-amz-request-id"]
  local notes = {}
  notes[#notes + 1] = found.code ~= "" and found.code or nil
  notes[#notes + 1] = id and "request " .. id
  local message = found.message:gsub("%s+", " "):match("^%s*(.-)%s*%.?$")
  local details = { status = status, cloud_code = found.code ~= "" and found.code or nil, request_id = id }
  details.region = service.name == "s3" and moved_to(found, response.headers) or nil
  if code == "unavailable" then
    details.retry_after = retry_after(response.headers["retry-after"])
  end
  local text = ("%s: %s%s"):format(operation, message, notes[1] and (" (%s)"):format(table.concat(notes, ", ")) or "")
  local untouched = status < 500 or fits(found.code, TOO_SOON) -- a server that failed may have done it
  return err.new(code, log.redact(text), { hint = hint_of(found.code), data = details }), untouched
end

local WITHOUT_ANSWER = {
  unavailable = true, timeout = true, io = true, protocol = true, notfound = true, closed = true,
}

--- A request without its address and signature: a form, JSON, or what the table says of REST.
local function request_of(api, operation, params)
  if api.protocol == "rest-xml" then
    return rest.request(api, operation, params)
  end
  return { method = "POST", target = "/", body = api:encode(operation, params), headers = api:headers(operation) }
end

local function decode(api, operation, response)
  if api.protocol == "rest-xml" then
    return rest.decode(api, operation, response)
  end
  return api:decode(operation, response.body)
end

--- True when an answer is an error; the query services may say so with any status.
local function is_failure(api, response)
  return response.status >= 300 or response.status < 200
    or api.protocol ~= "rest-xml" and response.body:find("<Error>", 1, true) ~= nil and api:error_of(response) ~= nil
end

--- Sends once: the result, or nil, error and whether another try is safe.
local function once(self, service, operation, made, region)
  local who, e = self:credentials()
  if not who then
    return nil, e, true
  end
  local url, signed_for = sts.endpoint(self.world, service.prefix, region)
  local request = {
    method = made.method, url = (self.endpoint or url) .. made.target, headers = {}, body = made.body,
    repeatable = reads(operation), -- what is a POST, or makes something, may not go over a connection used before
  }
  for name, text in pairs(made.headers) do
    request.headers[name] = text
  end
  local is_s3 = service.name == "s3"
  local signed = sigv4.sign(request, {
    credentials = who, region = signed_for, service = service.signing or service.prefix, time = self.world.now(),
    content_hash = is_s3, normalize = not is_s3, double = not is_s3,
  })
  for name, text in pairs(signed.headers) do
    request.headers[name] = text
  end
  request.headers["User-Agent"] = "prov/" .. require("core.app").version
  local began = clock.monotonic()
  local response
  response, e = self.world.request(request)
  if not response then
    if not WITHOUT_ANSWER[e.code] then
      return nil, e:wrap("%s", operation)
    end
    local text = ("%s: no answer: %s"):format(operation, tostring(e))
    return nil, err.new("unavailable", log.redact(text)), e.code == "notfound"
  end
  if log.enabled("debug") then
    log.debug("a request to a provider", {
      provider = self.name, operation = operation, status = response.status,
      ms = math.floor(clock.monotonic() - began),
    })
  end
  if is_failure(service, response) then
    return nil, failure_of(service, operation, response)
  end
  local result
  result, e = decode(service, operation, response)
  if not result then
    return nil, err.new("unavailable", log.redact(tostring(e)))
  end
  return result
end

--- The credentials, asked for once for all tasks and again before they end.
---@async
---@return prov.aws.Credentials?, prov.Err?
function Client:credentials()
  return self.cached("credentials", function()
    return credentials.find(self.options, self.world)
  end, function(found)
    return found ~= self.stale and credentials.is_fresh(found, self.world.now())
  end)
end

--- The region an operation goes to: that of its bucket, as far as it is known, or where one is to be made.
local function region_of(self, service, params)
  if service == "s3" and params then
    local wanted = (params.CreateBucketConfiguration or {}).LocationConstraint
    return wanted or self.places[params.Bucket or ""] or self.region
  end
  return self.region
end

--- Sends once, when the turn of this call has come.
local function in_turn(self, service, operation, made, region, tempo, turn)
  local _ <close> = tempo:enter()
  tempo:pass(turn)
  self.gate:pass()
  return once(self, service, operation, made, region)
end

--- The pace of an operation.
local function pace_of(self, service, operation)
  local name = service .. " " .. operation
  self.paces[name] = self.paces[name] or pace.new(self.gate)
  return self.paces[name]
end

--- Calls an operation.
---@async
---@param service string ec2, elbv2, kms, pricing, route53, s3 or sts
---@param operation string DescribeInstances
---@param params? table
---@return table? result
---@return prov.Err? e its data has status, cloud_code and request_id
function Client:call(service, operation, params)
  local api = query.open(service)
  local made, repeatable, turned = request_of(api, operation, params), fits(operation, REPEATABLE), false
  local tempo, attempt, turn = pace_of(self, service, operation), 0, {}
  while true do
    local region = region_of(self, service, params)
    local result, e, safe = in_turn(self, api, operation, made, region, tempo, turn)
    if result then
      tempo:grant()
      self.gate:answered()
      return result
    end
    local details = type(e.data) == "table" and e.data or {}
    local code, elsewhere = details.cloud_code or "", details.region
    local waits = fits(code, TOO_SOON) and not details.retry_after and tempo:refuse(turn)
    attempt = waits and attempt or attempt + 1
    if code:find("^ExpiredToken") and attempt == 1 then
      self.stale = self:credentials()
    elseif elsewhere and elsewhere ~= region and params.Bucket and not turned then
      self.places[params.Bucket], turned = elsewhere, true
    elseif not waits then
      local ms = self.gate:again(attempt, e)
      if not (safe or repeatable) then
        return nil, e
      elseif not ms then
        if e.code == "unavailable" then
          e.data = type(e.data) == "table" and e.data or {}
          e.data.exhausted = true -- whoever called need not begin again
        end
        return nil, e
      end
      async.sleep(ms)
    end
  end
end

--- How pages are asked for: what goes into the next request from the last answer.
local PAGES = {
  ec2 = { NextToken = "NextToken" },
  elbv2 = { Marker = "NextMarker" },
  pricing = { NextToken = "NextToken" },
  ListHostedZones = { Marker = "NextMarker" },
  ListResourceRecordSets = {
    StartRecordName = "NextRecordName", StartRecordType = "NextRecordType",
    StartRecordIdentifier = "NextRecordIdentifier",
  },
  ListBuckets = { ContinuationToken = "ContinuationToken" },
}

--- All items of an operation that answers in pages.
---@async
---@param service string
---@param operation string
---@param params table
---@param field string the list of the result: Reservations
---@return table[]? items, prov.Err?
function Client:all(service, operation, params, field)
  local out, more = {}, {}
  for key, v in pairs(params) do
    more[key] = v
  end
  local again
  repeat
    local result, e = self:call(service, operation, more)
    if not result then
      return nil, e
    end
    local items = result[field] or {}
    table.move(items, 1, #items, #out + 1, out)
    again = false
    for key, of in pairs(PAGES[operation] or PAGES[service]) do
      more[key] = result[of] ~= "" and result[of] or nil
      again = again or more[key] ~= nil
    end
  until not again
  return out
end

--- Opens a client; looks for nothing but the region yet.
---@async
---@param options prov.aws.ClientOptions
---@param name string the provider
---@param gate prov.Gate of its account
---@param world? prov.aws.World
---@return prov.aws.Client?, prov.Err?
function M.open(options, name, gate, world)
  world = world or credentials.world()
  local region, e = credentials.region(options, world)
  if not region then
    return nil, e
  end
  local chain = setmetatable({ region = region, sts_endpoint = options.sts_endpoint or options.endpoint },
    { __index = options })
  return setmetatable({
    options = chain, region = region, endpoint = options.endpoint and options.endpoint:gsub("/$", ""), name = name,
    gate = gate, world = world, cached = shared.cache(), paces = {}, places = {},
  }, Client)
end

return M
