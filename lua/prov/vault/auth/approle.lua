--- auth/approle: programs with the id of a role and a secret of it.

local common = require("prov.vault.auth.common")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local tokens = require("prov.vault.tokens")

local ROLE = engine.fields(common.FIELDS, {
  bind_secret_id = { type = "bool", default = true, doc = "Whether a secret is needed" },
  secret_id_num_uses = { type = "int", default = 0, doc = "How often a secret works; 0 is any number" },
  secret_id_ttl = { type = "seconds", default = 0, doc = "How long a secret lasts; 0 is for ever" },
  role_id = { type = "string", doc = "The id; one is made when absent" },
})

local function path_of(req)
  return "role/" .. req.params.name:lower()
end

local function role_of(ctx, req)
  return engine.need(ctx.storage, path_of(req), "notfound", "there is no role '%s'", req.params.name)
end

local function keep(ctx, req, role, changes)
  changes = changes or {}
  changes[#changes + 1] = { "put", path_of(req), role }
  changes[#changes + 1] = { "put", "id/" .. role.role_id, req.params.name:lower() }
  return engine.done(ctx.storage:commit(changes))
end

local function write(ctx, req)
  local _ <close> = ctx.lock(path_of(req))
  local role, e = ctx.storage:get(path_of(req))
  if e then
    return nil, e
  end
  role = role or { role_id = tokens.uuid() }
  local ok
  ok, e = common.refuse(req.given, "secret_id_bound_cidrs", "bound_cidr_list")
  if ok then
    ok, e = common.keep_token_fields(role, req)
  end
  if not ok then
    return nil, e
  end
  for name in pairs({ bind_secret_id = true, secret_id_num_uses = true, secret_id_ttl = true }) do
    if req.given[name] ~= nil or role[name] == nil then
      role[name] = req.data[name]
    end
  end
  local changes = {}
  if req.data.role_id and req.data.role_id ~= role.role_id then
    if ctx.storage:get("id/" .. req.data.role_id) then
      return err.fail("usage", "the role_id belongs to another role")
    end
    changes[1] = { "del", "id/" .. role.role_id }
    role.role_id = req.data.role_id
  end
  return keep(ctx, req, role, changes)
end

local function read(ctx, req)
  local role, e = role_of(ctx, req)
  if not role then
    return nil, e
  end
  role.role_id = nil
  return { data = role }
end

local function secret_path(name, hmac)
  return ("secret/%s/%s"):format(name:lower(), hmac)
end

local function delete(ctx, req)
  local role, e = ctx.storage:get(path_of(req))
  if not role then
    return not e and {} or nil, e
  end
  return engine.done(ctx.storage:commit({
    { "del", path_of(req) }, { "del", "id/" .. role.role_id }, { "del_below", secret_path(req.params.name, "") },
  }))
end

local function hmac_of(ctx, secret)
  return tokens.id_of(ctx.vault, "approle " .. secret)
end

local function make_secret(ctx, req)
  local role, e = role_of(ctx, req)
  if not role then
    return nil, e
  end
  local ok
  ok, e = common.refuse(req.given, "cidr_list", "token_bound_cidrs")
  if not ok then
    return nil, e
  end
  local secret = req.data.secret_id or tokens.uuid()
  local meta = req.data.metadata and require("prov.json").decode(req.data.metadata) or {}
  if type(meta) ~= "table" then
    return err.fail("usage", "'metadata' must be a map as JSON")
  end
  local ttl = req.data.ttl or role.secret_id_ttl
  local record = {
    accessor = tokens.uuid(), meta = meta, created = ctx.now(), uses = req.data.num_uses or role.secret_id_num_uses,
    ttl = ttl, expires = ttl > 0 and ctx.now() + ttl or 0,
  }
  ok, e = ctx.storage:put(secret_path(req.params.name, hmac_of(ctx, secret)), record)
  if not ok then
    return nil, e
  end
  return { data = { secret_id = secret, secret_id_accessor = record.accessor, secret_id_ttl = ttl,
    secret_id_num_uses = record.uses } }
end

local function each_secret(ctx, req, fn)
  local folder = secret_path(req.params.name, "")
  for _, hmac in ipairs(ctx.storage:list(folder) or {}) do
    local record = ctx.storage:get(folder .. hmac)
    local found = record and fn(record, folder .. hmac)
    if found then
      return found, folder .. hmac
    end
  end
end

local function shown(record)
  return { secret_id_accessor = record.accessor, metadata = record.meta, secret_id_num_uses = record.uses,
    secret_id_ttl = record.ttl, creation_time = tokens.time(record.created),
    expiration_time = tokens.time(record.expires) }
end

local function find_secret(ctx, req)
  if req.data.secret_id_accessor then
    return each_secret(ctx, req, function(record)
      return record.accessor == req.data.secret_id_accessor and record
    end)
  end
  local path = secret_path(req.params.name, hmac_of(ctx, req.data.secret_id or ""))
  return ctx.storage:get(path), path
end

local function lookup_secret(ctx, req)
  local record = find_secret(ctx, req)
  if not record then
    return err.fail("notfound", "there is no such secret_id")
  end
  return { data = shown(record) }
end

local function destroy_secret(ctx, req)
  local record, path = find_secret(ctx, req)
  if not record then
    return {}
  end
  local _ <close> = ctx.lock(path) -- who is using it writes it back otherwise
  return engine.done(ctx.storage:delete(path))
end

local function list_secrets(ctx, req)
  local keys = {}
  each_secret(ctx, req, function(record)
    keys[#keys + 1] = record.accessor
  end)
  return engine.listed("secret_ids", keys)
end

-- A secret of the role, one use less.
local function use_secret(ctx, name, secret)
  local path = secret_path(name, hmac_of(ctx, secret))
  local _ <close> = ctx.lock(path)
  local record = ctx.storage:get(path)
  if not record or record.expires > 0 and record.expires <= ctx.now() then
    return nil
  elseif record.uses > 0 then
    record.uses = record.uses - 1
    local ok, e = ctx.storage:commit({ record.uses == 0 and { "del", path } or { "put", path, record } })
    if not ok then
      return nil, e
    end
  end
  return record
end

local function login(ctx, req)
  local name = ctx.storage:get("id/" .. req.data.role_id)
  local role = name and ctx.storage:get("role/" .. name)
  if not role then
    return err.fail("usage", "invalid role or secret ID")
  end
  local meta = { role_name = name }
  if role.bind_secret_id then
    local record, e = use_secret(ctx, name, req.data.secret_id or "")
    if not record then
      return nil, e or err.new("usage", "invalid role or secret ID")
    end
    for key, value in pairs(record.meta) do
      meta[key] = tostring(value)
    end
  end
  return common.grant(role, req.asked.path, { display_name = "approle", meta = meta })
end

local SECRET = {
  secret_id = { type = "string", doc = "The secret; one is made when absent" },
  metadata = { type = "string", doc = "JSON: texts that tokens get" },
  num_uses = { type = "int", doc = "How often it works" },
  ttl = { type = "seconds", doc = "How long it lasts" },
  secret_id_accessor = { type = "string", doc = "Stands for the secret" },
}

local paths = {
  { path = "login", doc = "A token for a role and its secret", open = true, update = login, fields = {
    role_id = { type = "string", required = true, doc = "The id of the role" },
    secret_id = { type = "string", doc = "A secret of it" },
  } },
  { path = "role", doc = "All roles", list = function(ctx)
    return engine.listed("roles", ctx.storage:list("role/"))
  end },
  { path = "role/{name}", doc = "A role", fields = ROLE, read = read, update = write, delete = delete,
    exists = engine.exists(path_of) },
  { path = "role/{name}/role-id", doc = "Its id", fields = ROLE, read = function(ctx, req)
    local role, e = role_of(ctx, req)
    return role and { data = { role_id = role.role_id } }, e
  end, update = write },
  { path = "role/{name}/secret-id", doc = "A new secret of it; with LIST the accessors", fields = SECRET,
    update = make_secret, list = list_secrets },
  { path = "role/{name}/custom-secret-id", doc = "A secret that is given", fields = SECRET, update = make_secret },
  { path = "role/{name}/secret-id/lookup", doc = "What a secret is", fields = SECRET, update = lookup_secret },
  { path = "role/{name}/secret-id/destroy", doc = "End a secret", fields = SECRET, update = destroy_secret },
  { path = "role/{name}/secret-id-accessor/lookup", doc = "The same, by accessor", fields = SECRET,
    update = lookup_secret },
  { path = "role/{name}/secret-id-accessor/destroy", doc = "The same, by accessor", fields = SECRET,
    update = destroy_secret },
}
for _, path in ipairs(paths) do
  path.any_case = path.path:find("{name}", 1, true) ~= nil
end

return { name = "approle", summary = "Programs with a role and a secret", paths = paths }
