--- Credentials that a machine of AWS gives to what runs on it: containers (ECS, EKS) and instances (EC2, metadata
--- service version 2). Asked without a proxy, and with little patience: elsewhere nothing answers.

local err = require("prov.err")
local json = require("prov.json")
local timestamp = require("prov.timestamp")

local M = {}

local CONTAINER = "http://169.254.170.2"
local INSTANCE = "http://169.254.169.254"
local TIMEOUT = 1000
local MAX_BODY = 65536

--- Hosts that credentials may come from without TLS.
local NEAR = {
  localhost = true, ["169.254.170.2"] = true, ["169.254.170.23"] = true, ["[fd00:ec2::23]"] = true, ["[::1]"] = true,
}

local function ask(world, method, url, headers)
  local response, e = world.request({ method = method, url = url, headers = headers, timeout = TIMEOUT,
    max_body = MAX_BODY, proxy = false })
  if not response then
    return nil, e:wrap("%s does not give credentials", url:match("^%a+://[^/]+"))
  elseif response.status ~= 200 then
    return err.fail(response.status >= 500 and "unavailable" or "denied", "%s does not give credentials: HTTP %d",
      url:match("^%a+://[^/]+"), response.status)
  end
  return response.body
end

--- The credentials in an answer of either.
local function parse(text, source)
  local found = json.decode(text)
  if type(found) ~= "table" or type(found.AccessKeyId) ~= "string" or type(found.SecretAccessKey) ~= "string" then
    return err.fail("protocol", "%s gave no credentials", source)
  end
  return {
    access_key = found.AccessKeyId, secret_key = found.SecretAccessKey, token = found.Token,
    expires = type(found.Expiration) == "string" and timestamp.parse(found.Expiration) or nil, source = source,
  }
end

--- Of a container; nil alone when it says of none.
---@async
---@param world prov.aws.World
---@return prov.aws.Credentials?, prov.Err?
function M.container(world)
  local relative, full = world.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    world.env("AWS_CONTAINER_CREDENTIALS_FULL_URI")
  local url = relative and CONTAINER .. relative or full
  if not url then
    return nil
  end
  local host = url:match("^http://(%[[^%]]+%])") or url:match("^http://([^/:]+)")
  if host and not NEAR[host] and not host:find("^127%.") then
    return err.fail("invalid", "AWS_CONTAINER_CREDENTIALS_FULL_URI names %s, which must be asked with https", host)
  end
  local token, file = world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    world.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
  if file then
    local text, e = world.read(file)
    if not text then
      return nil, e:wrap("the token of the container")
    end
    token = text:match("^%s*(.-)%s*$")
  end
  if token and token:find("[\r\n]") then
    return err.fail("invalid", "the token of the container has more than one line")
  end
  local text, e = ask(world, "GET", url, { Authorization = token })
  if not text then
    return nil, e
  end
  return parse(text, "container")
end

--- Of an instance; nil alone when this machine is none, or is told not to ask.
---@async
---@param world prov.aws.World
---@return prov.aws.Credentials?, prov.Err?
function M.instance(world)
  if (world.env("AWS_EC2_METADATA_DISABLED") or ""):lower() == "true" then
    return nil
  end
  local base = (world.env("AWS_EC2_METADATA_SERVICE_ENDPOINT") or INSTANCE):gsub("/$", "")
  local token = ask(world, "PUT", base .. "/latest/api/token", { ["X-aws-ec2-metadata-token-ttl-seconds"] = "21600" })
  if not token then
    return nil
  end
  local headers, path = { ["X-aws-ec2-metadata-token"] = token }, "/latest/meta-data/iam/security-credentials/"
  local role = ask(world, "GET", base .. path, headers)
  role = role and role:match("^%s*(%S+)")
  if not role then
    return nil -- an instance without a role
  end
  local text, e = ask(world, "GET", base .. path .. role, headers)
  if not text then
    return nil, e
  end
  return parse(text, "instance")
end

return M
