--- The simulated AWS: EC2, Elastic Load Balancing (version 2), Route 53, S3 (buckets), STS and the price list at one
-- address. Which service and region a request is for says the scope of its signature, which is checked.

local base = require("core.base")
local catalog = require("prov.simulate.aws.catalog")
local clock = require("prov.clock")
local crypto = require("core.crypto")
local err = require("prov.err")
local kit = require("prov.simulate.aws.kit")
local machine = require("prov.simulate.aws.machine")
local pricing = require("prov.simulate.aws.pricing")
local query = require("prov.aws.query")
local rest = require("prov.aws.rest")
local sigv4 = require("prov.sigv4")
local sts = require("prov.simulate.aws.sts")

local M = {
  name = "aws",
  title = "AWS (EC2, ELB, Route 53, S3, STS, price list)",
  port = 9603,
  setup = catalog.setup,
  rate = { limit = 100, per_second = 20 },
  max_body = 1 << 20,
  machine = machine.form,
}

--- The secret key of all access keys, when no other is set.
M.SECRET = "simulated"

--- How the services are called in scopes, and where their operations are.
local SERVICES = {
  { scope = "ec2", name = "ec2", modules = {
    "networks", "routes", "acls", "groups", "interfaces", "volumes", "instances", "attributes", "small",
  } },
  { scope = "elasticloadbalancing", name = "elbv2", modules = { "balancers", "targets" } },
  { scope = "sts", name = "sts", modules = { "sts" } },
  { scope = "pricing", name = "pricing", modules = { "pricing" } },
  { scope = "route53", name = "route53", modules = { "zones" } },
  { scope = "s3", name = "s3", modules = { "buckets" } },
}

M.kinds = {}
for _, service in ipairs(SERVICES) do
  for _, name in ipairs(service.modules) do
    for kind, declared in pairs(require("prov.simulate.aws." .. name).kinds or {}) do
      M.kinds[kind] = declared
    end
  end
end

M.faults = {
  rate_limit = { status = 503, code = "RequestLimitExceeded", message = "Request limit exceeded." },
  unavailable = { status = 503, code = "Unavailable", message = "The service is temporarily unavailable." },
  locked = { status = 400, code = "IncorrectState",
    message = "The resource is in an incorrect state for the request." },
}

--- The operations of a service: name -> function.
local function operations_of(service)
  if not service.operations then
    service.operations = {}
    for _, name in ipairs(service.modules) do
      for operation, run in pairs(require("prov.simulate.aws." .. name).operations) do
        service.operations[operation] = run
      end
    end
  end
  return service.operations
end

-- Requests ---------------------------------------------------------------------------------------

--- The scope of a signature, in its header or in the query: region and service; nil when there is none.
local function scope_of(request)
  local text = (request.headers.authorization or ""):match("Credential=([^,%s]+)")
    or (request.query or ""):match("X%-Amz%-Credential=([^&]+)") or ""
  text = text:gsub("%%2[Ff]", "/")
  return text:match("^[^/]+/%d+/([^/]+)/([^/]+)/aws4_request$")
end

--- The form of a request: the body of a POST, or the query without what is the signature's.
local function form_of(call)
  if call.method == "POST" and call.request.body ~= "" then
    return call.request.body
  end
  local out = {}
  for part in (call.request.query or ""):gmatch("[^&]+") do
    if not part:find("^X%-Amz%-") then
      out[#out + 1] = part
    end
  end
  return table.concat(out, "&")
end

--- The service a request is for; one without a signature is told so by that which knows its operation.
local function service_of(scope, form, headers)
  local action = ("&" .. form):match("&Action=(%w+)") or (headers["x-amz-target"] or ""):match("%.(%w+)$")
  local knows
  for _, service in ipairs(SERVICES) do
    if service.scope == scope then
      return service
    elseif not knows and query.open(service.name).operations[action or ""] then
      knows = service
    end
  end
  return not scope and (knows or SERVICES[1]) or nil
end

--- What is said of an operation of REST that is not simulated: status, message.
local UNKNOWN = {
  route53 = { 404, "There is no such operation here" },
  s3 = { 501, "The simulator keeps buckets and no objects, and of buckets names, regions, tags and public access" },
}

--- The operation, parameters and version of a request of REST.
local function rest_request(call, simulated)
  local request = call.request
  local action, params = rest.decode_request(call.service, {
    method = call.method, target = request.target, headers = request.headers, body = request.body,
  })
  local unknown = UNKNOWN[call.service.name]
  if action and not simulated[action] or not action and params.data.cloud_code == "NotImplemented" and unknown then
    return nil, err.new("unsupported", unknown[2], { wire = { status = unknown[1], code = "NotImplemented" } })
  elseif not action then
    return kit.refuse(params.data.cloud_code, "%s", params.msg)
  end
  return action, params
end

local function query_request(call, form)
  local action, params, version = call.service:decode_request(form, call.request.headers)
  if not action then
    return kit.refuse(params.data.cloud_code, "%s", params.msg)
  end
  return action, params, version
end

--- True when a body is the one that its sender meant, where AWS wants to be sure of that.
local function check_sum(call)
  local headers, body = call.request.headers, call.request.body
  local md5_is, sha_is = headers["content-md5"], headers["x-amz-checksum-sha256"]
  local others = headers["x-amz-checksum-crc32"] or headers["x-amz-checksum-crc32c"] or headers["x-amz-checksum-sha1"]
    or headers["x-amz-checksum-crc64nvme"]
  if not (md5_is or sha_is or others) then
    return kit.refuse("InvalidRequest", "Missing required header for this request: Content-MD5")
  elseif md5_is and md5_is ~= base.base64(crypto.hash("md5", body))
    or sha_is and sha_is ~= base.base64(crypto.hash("sha256", body)) then
    return kit.refuse("BadDigest", "The Content-MD5 or checksum value that you specified did not match what the server "
      .. "received.")
  end
  return true
end

--- Finds the handler of a request.
function M.resolve(call)
  local region, scope = scope_of(call.request)
  local form = form_of(call)
  local service = service_of(scope, form, call.request.headers)
  call.region, call.service = region or "us-east-1", query.open(service and service.name or "ec2")
  if not service then
    return kit.refuse("InvalidAction",
      "There is no service '%s' here: ec2, elasticloadbalancing, pricing, route53, s3 and sts are.", scope)
  end
  local is_rest = call.service.protocol == "rest-xml"
  local action, params, version
  if is_rest then
    action, params = rest_request(call, operations_of(service))
  else
    action, params, version = query_request(call, form)
  end
  if not action then
    return nil, params
  end
  call.action, call.operation, call.version = action, action, version
  call.reads = action:find("^Describe") ~= nil or action:find("^Get") ~= nil or action:find("^List") ~= nil
    or action:find("^Head") ~= nil
  local run = operations_of(service)[action]
  return function()
    if call.service.operations[action].checksum then
      local ok, e = check_sum(call)
      if not ok then
        return nil, e
      end
    end
    local result, e = run(call, params)
    if e then
      return nil, e
    elseif params.DryRun then
      return kit.refuse("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    end
    return 200, result or {}
  end
end

--- What each service says of a signature that is not right: status, code, message.
local DENIED = {
  ec2 = {
    MissingAuthenticationToken = { 403, "MissingAuthenticationToken", "Request is missing Authentication Token" },
    IncompleteSignature = { 400, "IncompleteSignature" },
    RequestExpired = { 400, "RequestExpired", "Request has expired." },
    ExpiredToken = { 400, "RequestExpired", "Request has expired." },
    any = { 401, "AuthFailure", "AWS was not able to validate the provided access credentials" },
  },
  json = {
    MissingAuthenticationToken = { 400, "MissingAuthenticationTokenException", "Missing Authentication Token" },
    IncompleteSignature = { 400, "IncompleteSignatureException" },
    InvalidClientTokenId = {
      400, "UnrecognizedClientException", "The security token included in the request is invalid.",
    },
    ExpiredToken = { 400, "ExpiredTokenException", "The security token included in the request is expired" },
    any = { 400, "InvalidSignatureException" },
  },
  s3 = {
    MissingAuthenticationToken = { 403, "AccessDenied", "Access Denied" },
    IncompleteSignature = { 400, "AuthorizationHeaderMalformed" },
    InvalidClientTokenId = { 403, "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records." },
    RequestExpired = { 403, "RequestTimeTooSkewed",
      "The difference between the request time and the server's time is too large." },
    ExpiredToken = { 400, "ExpiredToken", "The provided token has expired." },
    any = { 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you "
      .. "provided. Check your key and signing method." },
  },
  others = {
    MissingAuthenticationToken = { 403, "MissingAuthenticationToken", "Request is missing Authentication Token" },
    IncompleteSignature = { 400, "IncompleteSignature" },
    InvalidClientTokenId = { 403, "InvalidClientTokenId", "The security token included in the request is invalid." },
    ExpiredToken = { 403, "ExpiredToken", "The security token included in the request is expired" },
    any = { 403, "SignatureDoesNotMatch" },
  },
}

local function denied(call, code, msg)
  local known = DENIED[call.service.name] or DENIED[call.service.protocol] or DENIED.others
  local form = known[code] or known.any
  return nil, err.new("denied", form[3] or msg, { wire = { status = form[1], code = form[2] } })
end

--- Lets in who has signed with the secret key, whatever the access key is, or with one that STS gave.
function M.allow(call, secret)
  call.secret = secret or M.SECRET
  local is_s3 = call.service.name == "s3"
  local session
  local who, e = sigv4.verify({
    method = call.method, url = call.request.target, headers = call.request.headers, body = call.request.body,
  }, {
    now = clock.wall() // 1000, normalize = not is_s3, double = not is_s3,
    secret_of = function(access_key, token)
      if access_key:find("^ASIA") then
        session = sts.open(call.secret, access_key, token)
        return session and session.secret
      end
      return call.secret
    end,
  })
  if not who then
    return denied(call, e.data and e.data.cloud_code, e.msg)
  elseif session and session.expired then
    return denied(call, "ExpiredToken", "")
  elseif not catalog.REGIONS[who.region] or call.service.name == "pricing" and not pricing.REGIONS[who.region] then
    return denied(call, "SignatureDoesNotMatch", ("Credential should be scoped to a valid region, not '%s'."):format(
      who.region))
  end
  call.session = session and session.who
  call.bucket = who.region .. (call.reads and " reads" or " writes")
  return kit.ACCOUNT
end

-- Answers ----------------------------------------------------------------------------------------

--- The id of a request, in the form of a UUID.
local function request_id(call)
  return (call.id:gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

local function media_type(service)
  if service.protocol == "json" then
    return service:media_type()
  end
  return service.name == "ec2" and "text/xml;charset=UTF-8" or "text/xml"
end

local function headers_of(call)
  local id = request_id(call)
  local headers = {
    ["Content-Type"] = media_type(call.service),
    ["x-amzn-RequestId"] = id, ["Cache-Control"] = "no-cache, no-store",
  }
  if call.service.name == "s3" then
    headers = { ["Content-Type"] = "application/xml", ["x-amz-request-id"] = id, ["x-amz-id-2"] = "simulated" }
  end
  for name, text in pairs(call.headers or {}) do
    headers[name] = text
  end
  return headers
end

--- Elements around answers that have other names than their structures.
local ROOTS = {
  ListBuckets = "ListAllMyBucketsResult", GetBucketTagging = "Tagging", GetBucketLocation = "LocationConstraint",
  GetBucketVersioning = "VersioningConfiguration", ListObjects = "ListBucketResult", ListObjectsV2 = "ListBucketResult",
  ListObjectVersions = "ListVersionsResult",
}

--- Statuses that the description of a service does not tell.
local STATUSES = { PutBucketTagging = 204 }

--- An answer.
function M.answer(call, status, value)
  local headers = headers_of(call)
  if call.service.protocol ~= "rest-xml" then
    return status, headers, assert(call.service:encode_answer(call.action, value, request_id(call), call.version))
  end
  local own, text
  status, own, text = rest.encode_answer(call.service, call.action, value, ROOTS[call.action])
  for name, v in pairs(own) do
    headers[name] = v
  end
  return STATUSES[call.action] or status, headers, text
end

--- Limits, in the words of AWS.
local LIMITS = {
  instance = "InstanceLimitExceeded", vpc = "VpcLimitExceeded", subnet = "SubnetLimitExceeded",
  address = "AddressLimitExceeded", volume = "VolumeLimitExceeded", group = "SecurityGroupLimitExceeded",
  interface = "NetworkInterfaceLimitExceeded", gateway = "InternetGatewayLimitExceeded",
  nat = "NatGatewayLimitExceeded",
  route_table = "RouteTableLimitExceeded", snapshot = "SnapshotLimitExceeded", key = "KeyPairLimitExceeded",
  placement_group = "PlacementGroupLimitExceeded", image = "AMILimitExceeded", balancer = "TooManyLoadBalancers",
  target_group = "TooManyTargetGroups", hosted_zone = "TooManyHostedZones", bucket = "TooManyBuckets",
}

--- What faults are called by services that have words of their own for them: status and code.
local WORDS = {
  route53 = {
    RequestLimitExceeded = { 400, "Throttling" }, Unavailable = { 503, "ServiceUnavailable" },
    IncorrectState = { 400, "PriorRequestNotComplete" },
  },
  s3 = {
    RequestLimitExceeded = { 503, "SlowDown" }, Unavailable = { 503, "ServiceUnavailable" },
    IncorrectState = { 409, "OperationAborted" },
  },
}

local function form_of_error(e)
  if e.wire then
    return e.wire
  elseif e.code == "limit" then
    local kind = e.data and e.data.kind or ""
    return { status = 400, code = LIMITS[kind] or "ResourceLimitExceeded" }
  elseif e.code == "usage" or e.code == "invalid" then
    return { status = 400, code = "InvalidParameterValue" }
  end
  return { status = 500, code = "InternalError", message = "An internal error has occurred" }
end

--- An error.
function M.refuse(call, e)
  local form = form_of_error(e)
  local own = (WORDS[call.service.name] or {})[form.code] or { form.status, form.code }
  local text = ""
  if call.method ~= "HEAD" then
    text = call.service.protocol == "rest-xml"
      and rest.encode_error(call.service, own[2], form.message or e.msg, request_id(call))
      or assert(call.service:encode_error(own[2], form.message or e.msg, request_id(call)))
  end
  return own[1], headers_of(call), text
end

--- What the official clients read.
function M.environment(url)
  return {
    { "AWS_ENDPOINT_URL", url }, { "AWS_ACCESS_KEY_ID", "AKIASIMULATED" }, { "AWS_SECRET_ACCESS_KEY", M.SECRET },
    { "AWS_DEFAULT_REGION", "eu-central-1" }, { "AWS_EC2_METADATA_DISABLED", "true" },
  }
end

return M
