--- Credentials of a profile that signs in at a portal (SSO): `aws sso login` has left a token in ~/.aws/sso/cache.

local err = require("prov.err")
local json = require("prov.json")
local sigv4 = require("prov.sigv4")
local timestamp = require("prov.timestamp")

local M = {}

--- The token for a portal that lasts longest. Files are named by a hash of the session's name or of the portal's
--- URL; what is in them says which portal they are for.
local function cached_token(world, start_url)
  local folder = (world.env("HOME") or "/root") .. "/.aws/sso/cache"
  local found
  for _, entry in ipairs(world.list(folder) or {}) do
    if entry.name:find("%.json$") then
      local text = world.read(folder .. "/" .. entry.name)
      local token = text and json.decode(text)
      if type(token) == "table" and token.startUrl == start_url and type(token.accessToken) == "string" then
        local expires = timestamp.parse((tostring(token.expiresAt):gsub("UTC$", "Z"))) or 0
        if not found or expires > found.expires then
          found = { text = token.accessToken, expires = expires }
        end
      end
    end
  end
  return found
end

--- Asks the portal for the credentials of the profile's role.
---@async
---@param world prov.aws.World
---@param name string the profile
---@param profile table<string, string>
---@param sessions table<string, table<string, string>>
---@return prov.aws.Credentials?, prov.Err?
function M.credentials(world, name, profile, sessions)
  local session = profile
  if profile.sso_session then
    session = sessions[profile.sso_session]
    if not session then
      return err.fail("invalid", "profile '%s' names the sso-session '%s', which there is not", name,
        profile.sso_session)
    end
  end
  local start_url, region = session.sso_start_url, session.sso_region
  if not (start_url and region and profile.sso_account_id and profile.sso_role_name) then
    return err.fail("invalid", "profile '%s' lacks sso_start_url, sso_region, sso_account_id or sso_role_name", name)
  end
  local token = cached_token(world, start_url)
  if not token or token.expires <= world.now() then
    return nil, err.new("denied", ("profile '%s' is not signed in%s"):format(name, token and " any more" or ""), {
      hint = "aws sso login --profile " .. name,
    })
  end
  local base = world.env("AWS_ENDPOINT_URL_SSO") or ("https://portal.sso.%s.amazonaws.com"):format(region)
  local response, e = world.request({
    url = ("%s/federation/credentials?role_name=%s&account_id=%s"):format(base:gsub("/$", ""),
      sigv4.escape(profile.sso_role_name), sigv4.escape(profile.sso_account_id)),
    headers = { ["x-amz-sso_bearer_token"] = token.text },
  })
  if not response then
    return nil, e:wrap("the portal of profile '%s' does not answer", name)
  elseif response.status ~= 200 then
    return nil, err.new("denied", ("the portal of profile '%s' gives no credentials: HTTP %d"):format(name,
      response.status), { hint = response.status == 401 and "aws sso login --profile " .. name or nil })
  end
  local answer = json.decode(response.body)
  local found = type(answer) == "table" and answer.roleCredentials
  if type(found) ~= "table" or not (found.accessKeyId and found.secretAccessKey) then
    return err.fail("protocol", "the portal of profile '%s' gave no credentials", name)
  end
  return {
    access_key = found.accessKeyId, secret_key = found.secretAccessKey, token = found.sessionToken,
    expires = found.expiration and found.expiration // 1000, source = "sso",
  }
end

return M
