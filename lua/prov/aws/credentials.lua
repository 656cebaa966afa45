--- Who prov is to AWS: the chain that AWS's own tools walk, in their order.
--
--   1. what the configuration of the provider says: access_key and secret_key, or a profile
--   2. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
--   3. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN
--   4. the profile (AWS_PROFILE, or default): a role, web identity, SSO, keys, a program
--   5. the container this runs in, or the instance of EC2
--
-- The first that says anything decides; when it fails, nothing else is tried in its place. A program
-- (credential_process) runs only when the provider's configuration allows it. A role of the configuration is taken
-- on with what the chain gives. Secrets are known to the log before anybody sees them.

local clock = require("prov.clock")
local err = require("prov.err")
local fs = require("prov.fs")
local http = require("prov.http")
local json = require("prov.json")
local log = require("prov.log")
local metadata = require("prov.aws.metadata")
local profiles = require("prov.aws.profiles")
local sso = require("prov.aws.sso")
local sts = require("prov.aws.sts")
local timestamp = require("prov.timestamp")

local M = {}

--- Temporary credentials are asked for anew this long before their end; seconds.
local EARLY = 300
local MAX_CHAIN = 10

---@class prov.aws.Options
---@field access_key? string
---@field secret_key? string
---@field token? string
---@field profile? string
---@field region? string
---@field role? string ARN of a role to take on
---@field external_id? string
---@field credential_process? boolean a profile may run its program
---@field sts_endpoint? string

--- The world as it is.
---@return prov.aws.World
function M.world()
  return {
    env = function(name)
      local text = os.getenv(name)
      return text ~= "" and text or nil
    end,
    read = fs.read,
    list = fs.list,
    request = http.request,
    now = function()
      return clock.wall() // 1000
    end,
    run = function(options)
      return require("prov.proc").run(options)
    end,
  }
end

local function static(fields, source)
  return {
    access_key = fields.access_key, secret_key = fields.secret_key, token = fields.token, source = source,
  }
end

local function of_environment(world)
  local access_key = world.env("AWS_ACCESS_KEY_ID")
  if not access_key then
    return nil
  end
  local secret_key = world.env("AWS_SECRET_ACCESS_KEY")
  if not secret_key then
    return err.fail("invalid", "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")
  end
  return static({ access_key = access_key, secret_key = secret_key, token = world.env("AWS_SESSION_TOKEN") },
    "environment")
end

--- Runs the program of a profile.
local function of_program(world, opts, name, profile)
  if not opts.credential_process then
    return nil, err.new("denied", ("profile '%s' gets its credentials from a program"):format(name), {
      hint = "prov runs it when the provider's configuration says credential_process: true",
    })
  end
  local done, e = world.run({ "/bin/sh", "-c", profile.credential_process, timeout = 60000, max_output = 65536 })
  if not done then
    return nil, e:wrap("the program of profile '%s'", name)
  elseif done.code ~= 0 then
    return err.fail("failed", "the program of profile '%s' ended with %d", name, done.code)
  end
  local found = json.decode(done.stdout)
  if type(found) ~= "table" or found.Version ~= 1 or type(found.AccessKeyId) ~= "string"
      or type(found.SecretAccessKey) ~= "string" then
    return err.fail("protocol", "the program of profile '%s' gave no credentials of version 1", name)
  end
  return {
    access_key = found.AccessKeyId, secret_key = found.SecretAccessKey, token = found.SessionToken,
    expires = type(found.Expiration) == "string" and timestamp.parse(found.Expiration) or nil,
    source = "profile " .. name,
  }
end

local of_profile

local function role_of(profile)
  return {
    arn = profile.role_arn, session = profile.role_session_name, external_id = profile.external_id,
    duration = math.tointeger(tonumber(profile.duration_seconds)),
  }
end

--- Keys of another source that a role is taken on with.
local function of_source(world, source)
  if source == "Environment" then
    return of_environment(world)
  elseif source == "EcsContainer" then
    return metadata.container(world)
  elseif source == "Ec2InstanceMetadata" then
    return metadata.instance(world)
  end
  return err.fail("invalid", "credential_source is Environment, EcsContainer or Ec2InstanceMetadata, not '%s'", source)
end

--- A profile that is a role.
local function of_role(world, opts, all, name, profile, seen)
  local place = { region = opts.region, endpoint = opts.sts_endpoint }
  if profile.web_identity_token_file then
    return sts.assume_with_token(world, place, role_of(profile), profile.web_identity_token_file)
  elseif profile.mfa_serial then
    return nil, err.new("unsupported", ("profile '%s' wants a code of a device"):format(name), {
      hint = "aws sts get-session-token gives credentials for the environment",
    })
  end
  local source, e
  if profile.credential_source then
    source, e = of_source(world, profile.credential_source)
    if not source and not e then
      e = err.new("notfound", ("profile '%s': %s has no credentials"):format(name, profile.credential_source))
    end
  elseif profile.source_profile == name and profile.aws_access_key_id then
    source = static({ access_key = profile.aws_access_key_id, secret_key = profile.aws_secret_access_key,
      token = profile.aws_session_token }, "profile " .. name)
  elseif profile.source_profile then
    source, e = of_profile(world, opts, all, profile.source_profile, seen)
  else
    return err.fail("invalid", "profile '%s' has role_arn without source_profile, credential_source or "
      .. "web_identity_token_file", name)
  end
  if not source then
    return nil, e
  end
  M.hide(source)
  return sts.assume(world, place, role_of(profile), source)
end

--- The credentials of a profile.
of_profile = function(world, opts, all, name, seen)
  local profile, e = profiles.get(all, name)
  if not profile then
    return nil, e
  end
  seen[#seen + 1] = name
  if seen[name] or #seen > MAX_CHAIN then
    return err.fail("cycle", "the AWS profiles refer to each other in a circle: %s", table.concat(seen, " -> "))
  end
  seen[name] = true
  if profile.role_arn then
    return of_role(world, opts, all, name, profile, seen)
  elseif profile.aws_access_key_id then
    if not profile.aws_secret_access_key then
      return err.fail("invalid", "profile '%s' has aws_access_key_id without aws_secret_access_key", name)
    end
    return static({ access_key = profile.aws_access_key_id, secret_key = profile.aws_secret_access_key,
      token = profile.aws_session_token }, "profile " .. name)
  elseif profile.sso_session or profile.sso_start_url then
    return sso.credentials(world, name, profile, all.sessions)
  elseif profile.credential_process then
    return of_program(world, opts, name, profile)
  end
  return nil
end

--- A profile that the infra names itself, which is stronger than the environment.
local function is_explicit(world, opts)
  return opts.profile and opts.profile ~= world.env("AWS_PROFILE")
end

local function of_chain(world, opts)
  local from_env = opts.access_key and opts.access_key == world.env("AWS_ACCESS_KEY_ID")
  if opts.access_key and not from_env and opts.secret_key then
    return static(opts, "config")
  end
  if not is_explicit(world, opts) then
    local found, e = of_environment(world)
    if found or e then
      return found, e
    end
    local file, arn = world.env("AWS_WEB_IDENTITY_TOKEN_FILE"), world.env("AWS_ROLE_ARN")
    if file and arn then
      return sts.assume_with_token(world, { region = opts.region, endpoint = opts.sts_endpoint },
        { arn = arn, session = world.env("AWS_ROLE_SESSION_NAME") }, file)
    end
  end
  local all, e = profiles.read(world)
  if not all then
    return nil, e
  end
  local name = opts.profile or world.env("AWS_PROFILE")
  if name or all.by_name.default then
    local found
    found, e = of_profile(world, opts, all, name or "default", {})
    if found or e then
      return found, e
    elseif name then
      return err.fail("denied", "the AWS profile '%s' has no credentials", name)
    end
  end
  local found
  found, e = metadata.container(world)
  if found or e then
    return found, e
  end
  return metadata.instance(world)
end

--- Makes the log know the secrets of credentials.
function M.hide(credentials)
  log.secret(credentials.secret_key)
  if credentials.token then
    log.secret(credentials.token)
  end
end

--- Walks the chain once.
---@async
---@param opts prov.aws.Options
---@param world? prov.aws.World
---@return prov.aws.Credentials?, prov.Err?
function M.find(opts, world)
  world = world or M.world()
  local found, e = of_chain(world, opts)
  if not found then
    return nil, e or err.new("denied", "there are no credentials for AWS", {
      hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run 'aws configure' or 'prov provider login aws', or "
        .. "name a profile in the provider's configuration",
    })
  end
  M.hide(found)
  if opts.role then
    local role = { arn = opts.role, external_id = opts.external_id }
    found, e = sts.assume(world, { region = opts.region, endpoint = opts.sts_endpoint }, role, found)
    if not found then
      return nil, e
    end
    M.hide(found)
  end
  return found
end

--- True when credentials can be used for a while yet.
---@param credentials prov.aws.Credentials
---@param now integer seconds since 1970
---@return boolean
function M.is_fresh(credentials, now)
  return not credentials.expires or credentials.expires - now > EARLY
end

--- The region: of the configuration, the environment or the profile.
---@async
---@param opts prov.aws.Options
---@param world? prov.aws.World
---@return string?, prov.Err?
function M.region(opts, world)
  world = world or M.world()
  local region = opts.region or world.env("AWS_REGION") or world.env("AWS_DEFAULT_REGION")
  if region then
    return region
  end
  local all, e = profiles.read(world)
  if not all then
    return nil, e
  end
  local profile = all.by_name[opts.profile or world.env("AWS_PROFILE") or "default"]
  if profile and profile.region then
    return profile.region
  end
  return nil, err.new("invalid", "the AWS region is not known", {
    hint = "set AWS_REGION, or write region into the provider's configuration",
  })
end

return M
