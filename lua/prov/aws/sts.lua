--- Roles: temporary credentials from AWS's Security Token Service.

local err = require("prov.err")
local query = require("prov.aws.query")
local sigv4 = require("prov.sigv4")

local M = {}

---@class prov.aws.Credentials: prov.sigv4.Credentials
---@field expires? integer seconds since 1970
---@field source string where they are from: config, environment, profile x, role, sso, container, instance

--- Services that are not in every region, by partition: host, and the region that is signed for.
local GLOBAL = {
  route53 = {
    aws = { "route53.amazonaws.com", "us-east-1" }, cn = { "route53.amazonaws.com.cn", "cn-northwest-1" },
    gov = { "route53.us-gov.amazonaws.com", "us-gov-west-1" },
  },
  ["api.pricing"] = {
    aws = { "api.pricing.us-east-1.amazonaws.com", "us-east-1" },
    gov = { "api.pricing.us-east-1.amazonaws.com", "us-east-1" },
    cn = { "api.pricing.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1" },
  },
}

--- Where a service is reached: as a variable says, else in its region.
---@param world prov.aws.World
---@param service string ec2
---@param region string
---@return string url
---@return string region that is signed for
function M.endpoint(world, service, region)
  local variables = {
    elasticloadbalancing = "ELASTIC_LOAD_BALANCING_V2", ["api.pricing"] = "PRICING", route53 = "ROUTE_53",
  }
  local name = variables[service] or service:upper()
  local partition = region:find("^cn%-") and "cn" or region:find("^us%-gov%-") and "gov" or "aws"
  local domain = partition == "cn" and "amazonaws.com.cn" or "amazonaws.com"
  local global = (GLOBAL[service] or {})[partition]
  local host = global and global[1] or ("%s.%s.%s"):format(service, region, domain)
  local url = world.env("AWS_ENDPOINT_URL_" .. name) or world.env("AWS_ENDPOINT_URL") or "https://" .. host
  return (url:gsub("/$", "")), global and global[2] or region
end

local function call(world, opts, operation, params, credentials)
  local sts = query.open("sts")
  local request = {
    method = "POST", url = (opts.endpoint or M.endpoint(world, "sts", opts.region)) .. "/",
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8" },
    body = sts:encode(operation, params),
  }
  if credentials then
    local made = sigv4.sign(request, { credentials = credentials, region = opts.region, service = "sts",
      time = world.now() })
    for name, text in pairs(made.headers) do
      request.headers[name] = text
    end
  end
  local response, e = world.request(request)
  if not response then
    return nil, e:wrap("STS does not answer")
  end
  local failure = query.decode_error(response.body)
  if failure or response.status >= 300 then
    local words = failure and ("%s (%s, request %s)"):format(failure.message, failure.code, failure.request_id)
      or "HTTP " .. response.status
    local busy = response.status >= 500 or failure and failure.code:find("Throttl")
    return err.fail(busy and "unavailable" or "denied", "%s: %s", operation, words)
  end
  local result
  result, e = sts:decode(operation, response.body)
  if not result then
    return nil, e
  end
  local found = result.Credentials
  if not (found and found.AccessKeyId and found.SecretAccessKey) then
    return err.fail("protocol", "%s: the answer has no credentials", operation)
  end
  return {
    access_key = found.AccessKeyId, secret_key = found.SecretAccessKey, token = found.SessionToken,
    expires = found.Expiration, source = "role " .. params.RoleArn,
  }
end

---@class prov.aws.Role
---@field arn string
---@field session? string its name; prov
---@field external_id? string
---@field duration? integer seconds

local function params_of(role)
  return {
    RoleArn = role.arn, RoleSessionName = role.session or "prov",
    ExternalId = role.external_id, DurationSeconds = role.duration,
  }
end

--- Takes a role on with other credentials.
---@async
---@param world prov.aws.World
---@param opts { region: string, endpoint: string? }
---@param role prov.aws.Role
---@param credentials prov.aws.Credentials
---@return prov.aws.Credentials?, prov.Err?
function M.assume(world, opts, role, credentials)
  return call(world, opts, "AssumeRole", params_of(role), credentials)
end

--- Takes a role on with a token that another identity provider has written into a file.
---@async
---@param world prov.aws.World
---@param opts { region: string, endpoint: string? }
---@param role prov.aws.Role
---@param file string
---@return prov.aws.Credentials?, prov.Err?
function M.assume_with_token(world, opts, role, file)
  local token, e = world.read(file)
  if not token then
    return nil, e:wrap("the web identity token")
  end
  local params = params_of(role)
  params.ExternalId, params.WebIdentityToken = nil, token:match("^%s*(.-)%s*$")
  return call(world, opts, "AssumeRoleWithWebIdentity", params)
end

return M
