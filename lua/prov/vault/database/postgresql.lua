--- Users of PostgreSQL.

local err = require("prov.err")
local pg = require("prov.pg")

local M = {}

local TIMEOUT = 20000

M.fields = {
  connection_url = { type = "string", required = true, doc = "URL of libpq, with {{username}}:{{password}}@" },
  username = { type = "string", default = "", doc = "Who makes the users" },
  password = { type = "string", default = "", doc = "The password of that user" },
}
M.shown = { "connection_url", "username" }
M.username_template = '{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | truncate 8) (random 20) '
  .. "(unix_time) | truncate 63 }}"
M.needs_statements = true

-- libpq takes who logs in apart from the URL: nothing has to be escaped.
local function exec(config, statements)
  local url = config.connection_url:gsub("{{%s*username%s*}}:{{%s*password%s*}}@", "")
    :gsub("{{%s*username%s*}}@", ""):gsub("%f[%w]user={{%s*username%s*}}", "")
    :gsub("%f[%w]password={{%s*password%s*}}", "")
  return pg.exec({
    url = url, timeout = TIMEOUT, user = config.username ~= "" and config.username or nil,
    password = config.password ~= "" and config.password or nil,
  }, statements)
end

local function expiration(seconds)
  return seconds and os.date("!%Y-%m-%d %H:%M:%S+00", seconds)
end

-- A value in a statement: as it is when nothing in it can mean something, else in the quotes that stand around it.
local function fill(statement, values)
  local problem
  local out = statement:gsub("(['\"]?){{%s*(%w+)%s*}}(['\"]?)", function(before, name, after)
    local value = values[name]
    if value == nil then
      return nil
    elseif not value:find("[^%w_:. +-]") then
      return before .. value .. after
    elseif before == "'" and after == "'" then
      return pg.quote_text(value)
    elseif before == '"' and after == '"' then
      return pg.quote_name(value)
    end
    problem = err.new("usage", ("{{%s}} has characters that need quotes right around it"):format(name))
  end)
  if problem then
    return nil, problem
  end
  return out
end

local function run(config, statements, values)
  values.name = values.username
  local out = {}
  for i, statement in ipairs(statements) do
    local e
    out[i], e = fill(statement, values)
    if not out[i] then
      return nil, e
    end
  end
  return exec(config, out)
end

--- Logs in.
---@async
function M.verify(config)
  return exec(config, { "SELECT 1" })
end

--- Makes a user.
---@async
---@param user { username: string, password: string, expires: integer }
function M.create(config, statements, user)
  return run(config, statements, { username = user.username, password = user.password,
    expiration = expiration(user.expires) })
end

--- Undoes what a creation that failed has done outside of its transaction.
---@async
function M.rollback(config, statements, user)
  if #statements == 0 then
    return true
  end
  return run(config, statements, { username = user.username })
end

--- Lets a user live on.
---@async
function M.renew(config, statements, username, expires)
  if #statements == 0 then
    statements = { 'ALTER ROLE "{{name}}" VALID UNTIL \'{{expiration}}\'' }
  end
  return run(config, statements, { username = username, expiration = expiration(expires) })
end

--- Gives a user another password.
---@async
function M.set_password(config, statements, username, password)
  if #statements == 0 then
    statements = { 'ALTER ROLE "{{name}}" WITH PASSWORD \'{{password}}\'' }
  end
  return run(config, statements, { username = username, password = password })
end

-- Own statements may not mind whether the user is there; when it is gone nothing was left to do.
local function drop_by(config, statements, username)
  local ok, e = run(config, statements, { username = username })
  if ok or e.code ~= "notfound" then
    return ok, e
  end
  local gone = exec(config, { ("SELECT 1 / (NOT EXISTS (SELECT FROM pg_roles WHERE rolname =%s))::int"):format(
    pg.quote_text(username)) })
  return gone, not gone and e or nil
end

--- Drops a user that may be connected, own things, or be gone. Logins are refused in a transaction of their own, so
--- that nobody comes back between being sent away and the end.
---@async
function M.drop(config, statements, username)
  if #statements > 0 then
    return drop_by(config, statements, username)
  end
  local name, text = pg.quote_name(username), pg.quote_text(username)
  local function if_there(body)
    return { "DO $prov$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname =" .. text .. ") THEN " .. body
      .. " END IF; END $prov$" }
  end
  local ok, e = exec(config, if_there("ALTER ROLE " .. name .. " NOLOGIN;"))
  if not ok then
    return nil, e
  end
  -- Who may create roles but is no superuser must be a member to act for one.
  return exec(config, if_there(("GRANT %s TO CURRENT_USER; "
    .. "PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename =%s; "
    .. "REASSIGN OWNED BY %s TO CURRENT_USER; DROP OWNED BY %s; DROP ROLE %s;"):format(name, text, name, name, name)))
end

return M
