--- The simulated AWS: EC2, Elastic Load Balancing (version 2) and STS at one address. Which service and region a
-- request is for says the scope of its signature, which is checked.

local catalog = require("prov.simulate.aws.catalog")
local clock = require("prov.clock")
local err = require("prov.err")
local kit = require("prov.simulate.aws.kit")
local machine = require("prov.simulate.aws.machine")
local query = require("prov.aws.query")
local sigv4 = require("prov.sigv4")
local sts = require("prov.simulate.aws.sts")

local M = {
  name = "aws",
  title = "AWS (EC2, ELB, STS)",
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
local function service_of(scope, form)
  local action = ("&" .. form):match("&Action=(%w+)")
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

--- Finds the handler of a request.
function M.resolve(call)
  local region, scope = scope_of(call.request)
  local form = form_of(call)
  local service = service_of(scope, form)
  call.region, call.service = region or "us-east-1", query.open(service and service.name or "ec2")
  if not service then
    return kit.refuse("InvalidAction", "There is no service '%s' here: ec2, elasticloadbalancing and sts are.", scope)
  end
  local action, params, version = call.service:decode_request(form)
  if not action then
    return kit.refuse(params.data.cloud_code, "%s", params.msg)
  end
  call.action, call.operation, call.version = action, action, version
  call.reads = action:find("^Describe") ~= nil or action:find("^Get") ~= nil
  local run = operations_of(service)[action]
  return function()
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
  others = {
    MissingAuthenticationToken = { 403, "MissingAuthenticationToken", "Request is missing Authentication Token" },
    IncompleteSignature = { 400, "IncompleteSignature" },
    InvalidClientTokenId = { 403, "InvalidClientTokenId", "The security token included in the request is invalid." },
    ExpiredToken = { 403, "ExpiredToken", "The security token included in the request is expired" },
    any = { 403, "SignatureDoesNotMatch" },
  },
}

local function denied(call, code, msg)
  local known = DENIED[call.service.name] or DENIED.others
  local form = known[code] or known.any
  return nil, err.new("denied", form[3] or msg, { wire = { status = form[1], code = form[2] } })
end

--- Lets in who has signed with the secret key, whatever the access key is, or with one that STS gave.
function M.allow(call, secret)
  call.secret = secret or M.SECRET
  local session
  local who, e = sigv4.verify({
    method = call.method, url = call.request.target, headers = call.request.headers, body = call.request.body,
  }, {
    now = clock.wall() // 1000,
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
  elseif not catalog.REGIONS[who.region] then
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

local function headers_of(call)
  return {
    ["Content-Type"] = call.service.name == "ec2" and "text/xml;charset=UTF-8" or "text/xml",
    ["x-amzn-RequestId"] = request_id(call), ["Cache-Control"] = "no-cache, no-store",
  }
end

--- An answer.
function M.answer(call, status, value)
  local text = assert(call.service:encode_answer(call.action, value, request_id(call), call.version))
  return status, headers_of(call), text
end

--- Limits, in the words of AWS.
local LIMITS = {
  instance = "InstanceLimitExceeded", vpc = "VpcLimitExceeded", subnet = "SubnetLimitExceeded",
  address = "AddressLimitExceeded", volume = "VolumeLimitExceeded", group = "SecurityGroupLimitExceeded",
  interface = "NetworkInterfaceLimitExceeded", gateway = "InternetGatewayLimitExceeded",
  nat = "NatGatewayLimitExceeded",
  route_table = "RouteTableLimitExceeded", snapshot = "SnapshotLimitExceeded", key = "KeyPairLimitExceeded",
  placement_group = "PlacementGroupLimitExceeded", image = "AMILimitExceeded", balancer = "TooManyLoadBalancers",
  target_group = "TooManyTargetGroups",
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
  local text = assert(call.service:encode_error(form.code, form.message or e.msg, request_id(call)))
  return form.status, headers_of(call), text
end

--- What the official clients read.
function M.environment(url)
  return {
    { "AWS_ENDPOINT_URL", url }, { "AWS_ACCESS_KEY_ID", "AKIASIMULATED" }, { "AWS_SECRET_ACCESS_KEY", M.SECRET },
    { "AWS_DEFAULT_REGION", "eu-central-1" }, { "AWS_EC2_METADATA_DISABLED", "true" },
  }
end

return M
