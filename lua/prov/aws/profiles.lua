--- The profiles of ~/.aws/config and ~/.aws/credentials, as AWS's own tools read them.

local err = require("prov.err")
local ini = require("prov.ini")

local M = {}

---@class prov.aws.World what a chain of credentials may look at
---@field env fun(name: string): string? a variable of the environment; nil when absent or empty
---@field read async fun(path: string): string?, prov.Err?
---@field list async fun(path: string): table[]?, prov.Err?
---@field now fun(): integer seconds since 1970
---@field request async fun(options: prov.http.Request): prov.http.Response?, prov.Err?
---@field run async fun(options: table): table?, prov.Err? a program, as prov.proc

--- The file a variable names, else one in ~/.aws.
---@param world prov.aws.World
---@param variable string
---@param name string
---@return string
function M.path(world, variable, name)
  local path = world.env(variable) or "~/.aws/" .. name
  return (path:gsub("^~/", (world.env("HOME") or "/root") .. "/"))
end

local function read(world, path)
  local text, e = world.read(path)
  if not text then
    if e.code == "notfound" then
      return {}
    end
    return nil, e
  end
  return ini.decode(text, { file = path })
end

local function merge(into, from)
  for key, v in pairs(type(from) == "table" and from or {}) do
    into[key] = v
  end
end

---@class prov.aws.Profiles
---@field by_name table<string, table<string, string>>
---@field sessions table<string, table<string, string>> those of SSO

--- Reads both files; what a profile has in both, the credentials file says.
---@async
---@param world prov.aws.World
---@return prov.aws.Profiles?, prov.Err?
function M.read(world)
  local config, e = read(world, M.path(world, "AWS_CONFIG_FILE", "config"))
  if not config then
    return nil, e
  end
  local credentials
  credentials, e = read(world, M.path(world, "AWS_SHARED_CREDENTIALS_FILE", "credentials"))
  if not credentials then
    return nil, e
  end
  local out = { by_name = {}, sessions = {} }
  for section, fields in pairs(config) do
    local kind, name = section:match("^(%S+)%s+(.+)$")
    name = (name or section):gsub('^"(.*)"$', "%1")
    local group = kind == "sso-session" and out.sessions
      or (kind == "profile" or section == "default") and out.by_name
    if group then
      group[name] = group[name] or {}
      merge(group[name], fields)
    end
  end
  for name, fields in pairs(credentials) do
    out.by_name[name] = out.by_name[name] or {}
    merge(out.by_name[name], fields)
  end
  return out
end

--- A profile that has to be there.
---@param profiles prov.aws.Profiles
---@param name string
---@return table<string, string>?, prov.Err?
function M.get(profiles, name)
  local found = profiles.by_name[name]
  if found then
    return found
  end
  local names = require("core.data").keys(profiles.by_name)
  return nil, err.new("notfound", ("there is no AWS profile '%s'"):format(name), {
    hint = #names > 0 and "the profiles are " .. table.concat(names, ", ") or "no profile is in ~/.aws",
  })
end

return M
