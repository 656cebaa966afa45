--- The database engine: users of databases that live as long as their lease, and users whose password changes by
-- itself. Paths and fields are those of Vault.
--
-- A password that is about to be set is written down first, as `next`: after a crash it is set again, or found to be
-- the one that opens.

local data = require("core.data")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local template = require("prov.vault.database.template")
local tokens = require("prov.vault.tokens")

local M = {}

local PLUGINS = {
  ["postgresql-database-plugin"] = "prov.vault.database.postgresql",
  ["redis-database-plugin"] = "prov.vault.database.redis",
}
local GRACE = 30 -- seconds the server lets a user live beyond its lease, which ends it
local SHORTEST_PERIOD = 5
-- After these a password may have been set.
local UNKNOWN = { unknown = true, bug = true, canceled = true }

local CONFIG = {
  plugin_name = { type = "string", required = true, doc = "Kind of server",
    one_of = { "postgresql-database-plugin", "redis-database-plugin" } },
  allowed_roles = { type = "list", default = {}, doc = "Names of roles, or *" },
  verify_connection = { type = "bool", default = true, doc = "Log in before it is stored" },
  root_rotation_statements = { type = "strings", default = {}, doc = "How rotate-root sets the password" },
  password_policy = { type = "string", default = "", doc = "Name below sys/policies/password" },
  username_template = { type = "string", default = "", doc = "Names of users: v-{{ .RoleName }}-{{ random 20 }}" },
}
local ROLE = {
  db_name = { type = "string", required = true, doc = "Name of a config" },
  creation_statements = { type = "strings", default = {}, doc = "With {{name}}, {{password}}, {{expiration}}" },
  revocation_statements = { type = "strings", default = {}, doc = "Instead of dropping the user" },
  rollback_statements = { type = "strings", default = {}, doc = "After a creation that failed" },
  renew_statements = { type = "strings", default = {}, doc = "Instead of moving VALID UNTIL" },
  default_ttl = { type = "seconds", default = 0, doc = "0: that of the mount" },
  max_ttl = { type = "seconds", default = 0, doc = "0: that of the mount" },
  credential_type = { type = "string", default = "password", one_of = { "password" }, doc = "What users log in with" },
}
local STATIC = {
  db_name = { type = "string", required = true, doc = "Name of a config" },
  username = { type = "string", required = true, doc = "A user that is there" },
  rotation_period = { type = "seconds", required = true, doc = "How long a password stays" },
  rotation_statements = { type = "strings", default = {}, doc = "Instead of ALTER ROLE ... PASSWORD" },
  credential_type = { type = "string", default = "password", one_of = { "password" }, doc = "What users log in with" },
}

local function load(ctx, folder, name)
  return engine.need(ctx.storage, folder .. "/" .. name, "notfound", "there is nothing at %s/%s in %s", folder, name,
    ctx.path)
end

local function plugin_of(config)
  return require(PLUGINS[config.plugin_name])
end

-- ---- Configs ----

-- Given fields over those of before.
local function merged(fields, before, given)
  local all = {}
  for name in pairs(fields) do
    all[name] = given[name]
    if all[name] == nil then
      all[name] = before and before[name]
    end
  end
  return engine.read_fields(fields, all)
end

-- One is under way, or was interrupted: finds out which password it is. The lock of the config is held.
local function settle(ctx, name)
  local config, e = load(ctx, "config", name)
  if not config or not config.next then
    return config, e
  end
  local before = config.password
  config.password = config.next
  local ok
  ok, e = plugin_of(config).verify(config)
  if not ok and e.code == "auth" then
    config.password = before
    ok, e = plugin_of(config).verify(config)
  end
  if not ok then
    return nil, e
  end
  config.next = nil
  ok, e = ctx.storage:put("config/" .. name, config)
  return ok and config, e
end

local function config_of(ctx, name)
  local config, e = engine.need(ctx.storage, "config/" .. name, "usage",
    "failed to find entry for connection with name: %q", name)
  if config and config.next then
    local _ <close> = ctx.lock("config " .. name)
    return settle(ctx, name)
  end
  return config, e
end

-- Lets a plugin do something at a server; once more when its password has changed meanwhile.
local function at(ctx, name, what, ...)
  local config, e = config_of(ctx, name)
  if not config then
    return nil, e
  end
  local ok
  ok, e = plugin_of(config)[what](config, ...)
  if not ok and e.code == "auth" then
    local later = config_of(ctx, name)
    if later and later.password ~= config.password then
      return plugin_of(later)[what](later, ...)
    end
  end
  return ok, e
end

-- Without a password that stands in the URL.
local function concealed(text)
  if type(text) ~= "string" then
    return text
  end
  return (text:gsub("(://[^:/@{]*:)([^@/{]*)@", "%1*****@"):gsub("(%f[%w]password=)([^&%s{]+)", "%1*****"))
end

local function read_config(ctx, req)
  local config, e = load(ctx, "config", req.params.name)
  if not config then
    return nil, e
  end
  local details = {}
  for _, name in ipairs(plugin_of(config).shown) do
    details[name] = concealed(config[name])
  end
  details.username_template = config.username_template ~= "" and config.username_template or nil
  return { data = {
    plugin_name = config.plugin_name, plugin_version = "", connection_details = details,
    allowed_roles = data.list(config.allowed_roles), password_policy = config.password_policy,
    root_credentials_rotate_statements = data.list(config.root_rotation_statements),
    verify_connection = config.verify_connection,
  } }
end

local function check_template(config)
  if config.username_template == "" then
    return true
  end
  return template.render(config.username_template, { DisplayName = "someone", RoleName = "role", now = 0 })
end

local function write_config(ctx, req)
  local name = req.params.name
  local _ <close> = ctx.lock("config " .. name)
  local before, e = ctx.storage:get("config/" .. name)
  local config, details
  if before and before.next then
    before, e = settle(ctx, name)
  end
  if not e then
    config, e = merged(CONFIG, before, req.given)
  end
  if config then
    local same = before and before.plugin_name == config.plugin_name
    details, e = merged(plugin_of(config).fields, same and before or nil, req.given)
  end
  if not details then
    return nil, e
  end
  for field, value in pairs(details) do
    config[field] = value
  end
  local ok
  ok, e = check_template(config)
  if ok and config.verify_connection then
    ok, e = plugin_of(config).verify(config)
    e = e and e:wrap("error creating database object: error verifying connection")
  end
  if ok then
    ok, e = ctx.storage:put("config/" .. name, config)
  end
  if not ok then
    return nil, e
  end
  return { warnings = concealed(config.connection_url) ~= config.connection_url and {
    "the connection_url holds a password: with {{username}}:{{password}}@ and the fields username and password it can "
      .. "be rotated",
  } or nil }
end

local function password_of(ctx, config)
  return ctx.new_password(config.password_policy)
end

local function rotate_root(ctx, req)
  local name = req.params.name
  local _ <close> = ctx.lock("config " .. name)
  local config, e = settle(ctx, name)
  if not config then
    return nil, e
  elseif config.username == "" or config.password == "" then
    return err.fail("usage", "unable to rotate root credentials: no username and password in configuration")
  end
  local plugin, ok = plugin_of(config), nil
  config.next, e = password_of(ctx, config)
  if config.next then
    ok, e = ctx.storage:put("config/" .. name, config)
  end
  if not ok then
    return nil, e
  end
  ok, e = plugin.set_password(config, config.root_rotation_statements, config.username, config.next)
  if ok then
    config.password, config.next = config.next, nil
    ok, e = ctx.storage:put("config/" .. name, config)
  elseif not UNKNOWN[e.code] then
    config.next = nil
    ctx.storage:put("config/" .. name, config)
  end
  return nil, not ok and e:wrap("rotate the password of '%s' at '%s'", config.username, name) or nil
end

-- No connection is kept: what was interrupted is settled, and the server asked.
local function reset(ctx, req)
  local _ <close> = ctx.lock("config " .. req.params.name)
  local config, e = settle(ctx, req.params.name)
  local ok
  if config then
    ok, e = plugin_of(config).verify(config)
  end
  return nil, not ok and e or nil
end

-- ---- Roles and their users ----

local function check_allowed(config, db_name, role)
  for _, name in ipairs(config.allowed_roles) do
    if name == "*" or name == role then
      return true
    end
  end
  return err.fail("denied", "%q is not an allowed role", role, {
    hint = ("write it to allowed_roles of config/%s"):format(db_name),
  })
end

local function write_role(ctx, req)
  local before, e = ctx.storage:get("roles/" .. req.params.name)
  local role
  if not e then
    role, e = merged(ROLE, before, req.given)
  end
  if role and role.max_ttl > 0 and role.default_ttl > role.max_ttl then
    role, e = err.fail("usage", "default_ttl is longer than max_ttl")
  end
  local ok
  if role then
    ok, e = ctx.storage:put("roles/" .. req.params.name, role)
  end
  return nil, not ok and e or nil
end

local function need_role(ctx, path, name)
  return engine.need(ctx.storage, path, "usage", "unknown role: %s", name)
end

local function create(ctx, req)
  local name = req.params.name
  local role, e = need_role(ctx, "roles/" .. name, name)
  if not role then
    return nil, e
  end
  local config, ok, username, password
  config, e = config_of(ctx, role.db_name)
  if config then
    ok, e = check_allowed(config, role.db_name, name)
  end
  if ok and plugin_of(config).needs_statements and #role.creation_statements == 0 then
    ok, e = err.fail("usage", "the role '%s' has no creation_statements", name)
  end
  if ok then
    local by = config.username_template ~= "" and config.username_template or plugin_of(config).username_template
    username, e = template.render(by, { DisplayName = req.token and req.token.display_name or "", RoleName = name,
      now = ctx.now() })
  end
  if username then
    password, e = password_of(ctx, config)
  end
  if not password then
    return nil, e
  end
  local max = engine.longest(ctx, role.max_ttl)
  local ttl = math.min(role.default_ttl > 0 and role.default_ttl or ctx.default_ttl, max)
  local lease = { ttl = ttl, max_ttl = max, renewable = true, internal = {
    db_name = role.db_name, username = username, renew_statements = role.renew_statements,
    revocation_statements = role.revocation_statements,
  } }
  return { lease = lease, make = function()
    local user = { username = username, password = password, expires = ctx.now() + ttl + GRACE }
    local made, why = at(ctx, role.db_name, "create", role.creation_statements, user)
    if not made then
      at(ctx, role.db_name, "rollback", role.rollback_statements, user)
      return nil, why:wrap("make a user for the role '%s'", name)
    end
    return { username = username, password = password }
  end }
end

--- Lets a user live on, at the server too.
---@async
function M.renew(ctx, lease, seconds)
  local internal = lease.internal
  local ok, e = at(ctx, internal.db_name, "renew", internal.renew_statements, internal.username,
    ctx.now() + seconds + GRACE)
  return ok and seconds or nil, e
end

--- Drops the user of a lease.
---@async
function M.revoke(ctx, lease)
  local internal = lease.internal
  local ok, e = at(ctx, internal.db_name, "drop", internal.revocation_statements, internal.username)
  return ok, e and e:wrap("drop the user '%s' at '%s'", internal.username, internal.db_name)
end

-- ---- Static roles ----

local function static_path(name)
  return "static-roles/" .. name
end

local function note_rotation(name, role)
  return { "at", role.rotated + role.rotation_period, static_path(name) }
end

-- Gives the user of a static role a new password, or the one that was about to be set. Its lock is held.
local function rotate(ctx, name, role)
  local config, e = config_of(ctx, role.db_name)
  local ok
  if config then
    ok, e = check_allowed(config, role.db_name, name)
  end
  if ok and not role.next then
    role.next, e = password_of(ctx, config)
    ok = role.next ~= nil
  end
  if ok then
    ok, e = ctx.storage:put(static_path(name), role)
  end
  if not ok then
    return nil, e
  end
  ok, e = at(ctx, role.db_name, "set_password", role.rotation_statements, role.username, role.next)
  if ok then
    role.password, role.next, role.rotated = role.next, nil, ctx.now()
    return ctx.storage:commit({ { "put", static_path(name), role }, note_rotation(name, role) })
  end
  if not UNKNOWN[e.code] then -- the password is the one of before
    role.next = nil
    if role.password then
      ctx.storage:put(static_path(name), role)
    else
      ctx.storage:delete(static_path(name))
    end
  end
  return nil, e:wrap("error setting credentials of '%s'", role.username)
end

local function write_static(ctx, req)
  local name = req.params.name
  local _ <close> = ctx.lock(static_path(name))
  local before, e = ctx.storage:get(static_path(name))
  local role
  if not e then
    role, e = merged(STATIC, before, req.given)
  end
  if not role then
    return nil, e
  elseif role.rotation_period < SHORTEST_PERIOD then
    return err.fail("usage", "rotation_period must be %d seconds or more", SHORTEST_PERIOD)
  elseif before and (before.username ~= role.username or before.db_name ~= role.db_name) then
    return err.fail("usage", "cannot update static account username or db_name: delete the role first")
  end
  local ok
  if not before or not before.password then
    ok, e = rotate(ctx, name, role)
    return nil, not ok and e or nil
  end
  role.password, role.next, role.rotated = before.password, before.next, before.rotated
  ok, e = ctx.storage:commit({ { "put", static_path(name), role }, note_rotation(name, role) })
  return nil, not ok and e or nil
end

local function shown_static(role)
  return {
    db_name = role.db_name, username = role.username, rotation_period = role.rotation_period,
    rotation_statements = data.list(role.rotation_statements), credential_type = role.credential_type,
    last_vault_rotation = role.rotated and tokens.time(role.rotated) or data.null,
  }
end

-- The role, after what was interrupted came to its end; its lock is held.
local function static_of(ctx, name)
  local role, e = need_role(ctx, static_path(name), name)
  if role and role.next then
    local ok
    ok, e = rotate(ctx, name, role)
    return ok and role, e
  end
  return role, e
end

local function static_credentials(ctx, req)
  local _ <close> = ctx.lock(static_path(req.params.name))
  local role, e = static_of(ctx, req.params.name)
  if not role then
    return nil, e
  end
  return { data = {
    username = role.username, password = role.password, last_vault_rotation = tokens.time(role.rotated),
    rotation_period = role.rotation_period, ttl = math.max(0, role.rotated + role.rotation_period - ctx.now()),
  } }
end

local function rotate_static(ctx, req)
  local name = req.params.name
  local _ <close> = ctx.lock(static_path(name))
  local role, e = need_role(ctx, static_path(name), name)
  if not role then
    return nil, e
  end
  local ok
  ok, e = rotate(ctx, name, role)
  return nil, not ok and e or nil
end

--- Rotates the password of a static role when its time has come.
---@async
function M.due(ctx, path)
  local name = path:match("^static%-roles/(.*)$")
  local _ <close> = ctx.lock(path)
  local role, e = ctx.storage:get(path)
  if not role then
    return not e or nil, e -- deleted meanwhile
  elseif role.rotated and role.rotated + role.rotation_period > ctx.now() then
    return true -- rotated meanwhile
  end
  return rotate(ctx, name, role)
end

-- ---- Paths ----

local function reader(folder, shown)
  return function(ctx, req)
    local value, e = load(ctx, folder, req.params.name)
    return value and { data = shown and shown(value) or value }, e
  end
end

-- Handlers that differ in where the values are.
local function within(folder)
  local function path_of(req)
    return folder .. "/" .. req.params.name
  end
  return {
    exists = engine.exists(path_of),
    delete = engine.delete(path_of),
    list = function(ctx)
      return engine.listed(("names below %s/ in %s"):format(folder, ctx.path), ctx.storage:list(folder .. "/"))
    end,
  }
end

local configs, roles, statics = within("config"), within("roles"), within("static-roles")

-- Fields are read over those that are there (`merged`), so the paths themselves want none.
M.name = "database"
M.summary = "Users of databases that live as long as their lease"
M.paths = {
  { path = "config", doc = "Names of servers", list = configs.list },
  { path = "config/{name}", doc = "A server, and who makes users there", exists = configs.exists,
    read = read_config, update = write_config, delete = configs.delete },
  { path = "rotate-root/{name}", doc = "Give who makes the users a password that nobody knows", update = rotate_root },
  { path = "reset/{name}", doc = "Log in anew", update = reset },
  { path = "roles", doc = "Names of roles", list = roles.list },
  { path = "roles/{name}", doc = "How users are made", exists = roles.exists, read = reader("roles"),
    update = write_role, delete = roles.delete },
  { path = "creds/{name}", doc = "A new user", read = create },
  { path = "static-roles", doc = "Names of static roles", list = statics.list },
  { path = "static-roles/{name}", doc = "A user whose password changes", exists = statics.exists,
    read = reader("static-roles", shown_static), update = write_static, delete = statics.delete },
  { path = "static-creds/{name}", doc = "The password of now", read = static_credentials },
  { path = "rotate-role/{name}", doc = "Another password now", update = rotate_static },
}

return M
