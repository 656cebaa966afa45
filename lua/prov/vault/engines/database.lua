--- The database engine: users of PostgreSQL that live as long as their lease.
--
-- A user is written down before it is made ("users/NAME", `made` is false) and forgotten once it was dropped.
-- What a crash left behind is dropped at the next unseal: at once when it may be half made, when its time is
-- over otherwise.

local crypto = require("core.crypto")
local err = require("prov.err")
local pg = require("prov.pg")

local M = {}

local LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

-- Letters and digits: safe in SQL, however a statement quotes them. 248 is the largest multiple of 62 in a byte.
local function random_text(length)
  local out = {}
  while #out < length do
    for byte in crypto.random(length):gmatch(".") do
      local n = byte:byte()
      if n < 248 and #out < length then
        out[#out + 1] = LETTERS:sub(n % 62 + 1, n % 62 + 1)
      end
    end
  end
  return table.concat(out)
end

local function safe(text, length)
  return (text:gsub("[^%w_-]", "_"):sub(1, length))
end

local function fill(text, values)
  return (text:gsub("{{%s*(%w+)%s*}}", values))
end

local function load_named(ctx, folder, what, name)
  local value, e = ctx.storage:get(folder .. "/" .. name)
  if not value and not e then
    return err.fail("notfound", "there is no %s '%s'; write it to %s/%s first", what, name, folder, name)
  end
  return value, e
end

local function exec(config, statements)
  return pg.exec({
    -- libpq takes who logs in apart from the URL: nothing has to be escaped.
    url = (config.connection_url:gsub("{{username}}:{{password}}@", ""):gsub("{{username}}@", "")),
    user = config.username,
    password = config.password,
  }, statements)
end

local function expiration(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S+00", seconds)
end

local function filled(statements, values)
  local out = {}
  for i, statement in ipairs(statements) do
    out[i] = fill(statement, values)
  end
  return out
end

-- Drops a user that may be connected, own things, be half made or gone. Logins are refused in a transaction
-- of their own, so that nobody comes back between being sent away and the end.
local function drop_user(config, username, statements)
  if #statements > 0 then
    return exec(config, filled(statements, { name = username, username = username }))
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
  return exec(config, if_there(("PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename =%s; "
    .. "REASSIGN OWNED BY %s TO CURRENT_USER; DROP OWNED BY %s; DROP ROLE %s;"):format(text, name, name, name)))
end

local function forget(ctx, username, entry)
  local config, e = load_named(ctx, "config", "database", entry.db_name)
  if not config then
    return nil, e
  end
  local ok
  ok, e = drop_user(config, username, entry.revocation_statements)
  if not ok then
    return nil, e:wrap("drop the user '%s' at '%s'", username, entry.db_name)
  end
  return ctx.storage:delete("users/" .. username)
end

--- Drops the users that a crash left behind.
---@async
function M.resume(ctx)
  local names, e = ctx.storage:list("users/")
  if not names then
    return nil, e
  end
  local failed
  for _, username in ipairs(names) do
    local entry = ctx.storage:get("users/" .. username)
    if entry and (not entry.made or entry.expires <= ctx.now()) then
      local ok, why = forget(ctx, username, entry)
      failed = failed or not ok and why or nil -- the others have their turn
    end
  end
  if failed then
    return nil, failed
  end
  return true
end

local function create(ctx, req)
  local role, e = load_named(ctx, "roles", "role", req.params.name)
  local config
  if role then
    config, e = load_named(ctx, "config", "database", role.db_name)
  end
  if not config then
    return nil, e
  end
  local allowed = false
  for _, name in ipairs(config.allowed_roles) do
    allowed = allowed or name == "*" or name == req.params.name
  end
  if not allowed then
    return err.fail("denied", "the database '%s' does not allow the role '%s'; see allowed_roles", role.db_name,
      req.params.name)
  end
  local max = math.min(role.max_ttl > 0 and role.max_ttl or ctx.max_ttl, ctx.max_ttl)
  local ttl = math.min(role.default_ttl > 0 and role.default_ttl or ctx.default_ttl, max)
  local username = ("v-%s-%s-%s-%d"):format(safe(req.token and req.token.display_name or "", 8),
    safe(req.params.name, 8), random_text(20), ctx.now())
  local password = random_text(24)
  local entry = { db_name = role.db_name, revocation_statements = role.revocation_statements, made = false,
    expires = ctx.now() + ttl }
  local ok
  ok, e = ctx.storage:put("users/" .. username, entry)
  if not ok then
    return nil, e
  end
  ok, e = exec(config, filled(role.creation_statements, { name = username, username = username,
    password = password, expiration = expiration(entry.expires) }))
  if not ok then
    forget(ctx, username, entry) -- the outcome of a lost connection is not known; M.resume tries again
    return nil, e:wrap("make a user for the role '%s'", req.params.name)
  end
  entry.made = true
  ok, e = ctx.storage:put("users/" .. username, entry)
  if not ok then
    return nil, e
  end
  return { data = { username = username, password = password }, lease = { ttl = ttl, max_ttl = max, renewable = true,
    internal = { username = username, entry = entry, renew_statements = role.renew_statements } } }
end

--- Lets a user live on, at the server too.
---@async
function M.renew(ctx, lease, seconds)
  local internal = lease.internal
  local config, e = load_named(ctx, "config", "database", internal.entry.db_name)
  if not config then
    return nil, e
  end
  local statements, till = internal.renew_statements, ctx.now() + seconds
  if #statements == 0 then
    statements = { 'ALTER ROLE "{{name}}" VALID UNTIL \'{{expiration}}\'' }
  end
  local ok
  ok, e = exec(config, filled(statements, { name = internal.username, username = internal.username,
    expiration = expiration(till) }))
  if ok then
    internal.entry.expires = till
    ok, e = ctx.storage:put("users/" .. internal.username, internal.entry)
  end
  if not ok then
    return nil, e
  end
  return seconds
end

--- Drops the user of a lease.
---@async
function M.revoke(ctx, lease)
  return forget(ctx, lease.internal.username, lease.internal.entry)
end

local CONFIG = {
  plugin_name = { type = "string", required = true, one_of = { "postgresql-database-plugin" }, doc = "Kind of server" },
  connection_url = { type = "string", required = true, doc = "URL of libpq, with {{username}}:{{password}}@" },
  username = { type = "string", required = true, doc = "Who makes the users" },
  password = { type = "string", required = true, doc = "Password of that user" },
  allowed_roles = { type = "list", default = {}, doc = "Names of roles, or *" },
  verify_connection = { type = "bool", default = true, doc = "Log in before it is stored" },
}
local ROLE = {
  db_name = { type = "string", required = true, doc = "Name of a config" },
  creation_statements = { type = "list", required = true, doc = "SQL with {{name}}, {{password}}, {{expiration}}" },
  revocation_statements = { type = "list", default = {}, doc = "SQL instead of dropping the user" },
  renew_statements = { type = "list", default = {}, doc = "SQL instead of moving VALID UNTIL" },
  default_ttl = { type = "seconds", default = 0, doc = "0: that of the mount" },
  max_ttl = { type = "seconds", default = 0, doc = "0: that of the mount" },
}

local function crud(folder, what, fields, check)
  local path = { path = folder .. "/{name}", doc = "A " .. what, fields = fields }
  function path.read(ctx, req)
    local value, e = load_named(ctx, folder, what, req.params.name)
    if not value then
      return nil, e
    end
    value.password = nil
    return { data = value }
  end
  function path.update(ctx, req)
    local given, e = require("prov.vault.engine").read_fields(fields, req.given)
    local ok = given ~= nil
    if given and check then
      ok, e = check(given)
    end
    if ok then
      ok, e = ctx.storage:put(folder .. "/" .. req.params.name, given)
    end
    return nil, not ok and e or nil
  end
  function path.delete(ctx, req)
    local _, e = ctx.storage:delete(folder .. "/" .. req.params.name)
    return nil, e
  end
  return path, {
    path = folder,
    doc = "Names",
    list = function(ctx)
      local names, e = ctx.storage:list(folder .. "/")
      return names and { data = { keys = names } }, e
    end,
  }
end

local config, configs = crud("config", "database", CONFIG, function(given)
  if not given.verify_connection then
    return true
  end
  return exec(given, { "SELECT 1" })
end)
local role, roles = crud("roles", "role", ROLE)
-- Handlers need their fields on writing only: reading asks for none.
config.fields, role.fields = nil, nil

M.name = "database"
M.summary = "Users of databases that live as long as their lease"
M.paths = { config, configs, role, roles, { path = "creds/{name}", doc = "A new user", read = create } }

return M
