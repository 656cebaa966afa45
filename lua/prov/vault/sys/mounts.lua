--- sys/: where engines and auth methods are mounted.

local data = require("core.data")
local err = require("prov.err")
local leases = require("prov.vault.leases")
local mounts = require("prov.vault.mounts")

local TTL = { type = "seconds", doc = "Time a lease or token lasts" }

-- With the words of Vault's API.
local function config_of(row)
  return { default_lease_ttl = row.default_ttl, max_lease_ttl = row.max_ttl, force_no_cache = false }
end

local function shown(row)
  return {
    type = row.type, description = row.description, accessor = row.accessor, uuid = row.id, config = config_of(row),
    options = next(row.options) and row.options or data.null, ["local"] = false, seal_wrap = false,
    external_entropy_access = false, plugin_version = "", running_plugin_version = "", running_sha256 = "",
    deprecation_status = "supported",
  }
end

local function is_auth(row)
  return row.path:match("^auth/") ~= nil
end

local function name_of(row)
  return is_auth(row) and row.path:sub(6) or row.path
end

local function list(auth)
  return function(ctx)
    local out = {}
    for _, row in ipairs(assert(mounts.rows(ctx.vault))) do
      if is_auth(row) == auth then
        out[name_of(row)] = shown(row)
      end
    end
    return { data = out }
  end
end

local function path_of(auth, req)
  return (auth and "auth/" or "") .. req.params.path
end

local function show(auth)
  return function(ctx, req)
    local row, e = mounts.row(ctx.vault, path_of(auth, req))
    return row and { data = shown(row) }, e
  end
end

local function ttl_fields(config)
  return require("prov.vault.engine").read_fields({ default_lease_ttl = TTL, max_lease_ttl = TTL }, config or {})
end

-- `kv-v2` is a word for kv with an option.
local function type_and_options(given)
  local options = {}
  for key, value in pairs(given.options or {}) do
    options[key] = tostring(value)
  end
  if given.type == "kv-v2" or given.type == "kv-v1" then
    options.version = given.type:sub(-1)
    return "kv", options
  end
  return given.type, options
end

local function others(vault, row)
  local out = {}
  for _, each in ipairs(assert(mounts.rows(vault))) do
    if each.id ~= row.id then
      out[#out + 1] = each
    end
  end
  return out
end

local function enable(auth)
  return function(ctx, req)
    local vault = ctx.vault
    local _ <close> = vault:lock_of("mounts")
    local ttl, e = ttl_fields(req.data.config)
    if not ttl then
      return nil, e
    end
    local kind, options = type_and_options(req.data)
    local row = mounts.new(path_of(auth, req), {
      type = kind, options = options, description = req.data.description, default_ttl = ttl.default_lease_ttl,
      max_ttl = ttl.max_lease_ttl,
    })
    local ok
    ok, e = mounts.check_place(vault, row)
    local compiled
    if ok then
      compiled, e = mounts.engine(row)
    end
    if not compiled then
      return nil, e
    end
    if compiled.engine.setup then
      ok, e = compiled.engine.setup(mounts.context(vault, row))
      if not ok then
        vault.cache.contexts[row.id] = nil
        return nil, e
      end
    end
    local rows = others(vault, row)
    rows[#rows + 1] = row
    ok, e = vault.barrier:commit({ mounts.change(rows) })
    vault.cache.mounts = nil
    return ok and {} or nil, e
  end
end

local function own_row(vault, path)
  local row, e = mounts.row(vault, path)
  if row and row.fixed then
    return err.fail("usage", "'%s' belongs to the vault itself", row.path)
  end
  return row, e
end

local function copy(row, changes)
  local out = {}
  for key, value in pairs(row) do
    out[key] = value
  end
  for key, value in pairs(changes) do
    out[key] = value
  end
  return out
end

local function replace(vault, row, changes)
  local rows = others(vault, row)
  rows[#rows + 1] = copy(row, changes)
  local ok, e = vault.barrier:commit({ mounts.change(rows) })
  vault.cache.mounts, vault.cache.contexts[row.id] = nil, nil
  return ok and {} or nil, e
end

-- Leases and tokens that were given out at a mount.
local function take_back(vault, row)
  local ok, e = leases.revoke_below(vault, row.path, { sync = true })
  if not ok then
    return nil, e:wrap("'%s' still has leases", row.path)
  elseif is_auth(row) then
    return require("prov.vault.tokens").revoke_made_at(vault, row.path)
  end
  return true
end

local function disable(auth)
  return function(ctx, req)
    local vault = ctx.vault
    local _ <close> = vault:lock_of("mounts")
    if not mounts.row(vault, path_of(auth, req)) then
      return {} -- gone already
    end
    local row, e = own_row(vault, path_of(auth, req))
    if not row then
      return nil, e
    end
    local ok
    ok, e = take_back(vault, row)
    if not ok then
      return nil, e
    end
    ok, e = vault.barrier:commit({ mounts.change(others(vault, row)), { "del_below", mounts.prefix(row.id) } })
    vault.cache.mounts, vault.cache.contexts[row.id] = nil, nil
    return ok and {} or nil, e
  end
end

local function tuned(auth)
  return function(ctx, req)
    local row, e = mounts.row(ctx.vault, path_of(auth, req))
    if not row then
      return nil, e
    end
    local out = config_of(mounts.context(ctx.vault, row))
    out.description = row.description
    out.options = next(row.options) and row.options or nil
    return { data = out }
  end
end

local function tune(auth)
  return function(ctx, req)
    local vault = ctx.vault
    local _ <close> = vault:lock_of("mounts")
    local row, e = own_row(vault, path_of(auth, req))
    if not row then
      return nil, e
    end
    local given = req.data
    local version = given.options and given.options.version
    if version and tostring(version) ~= (row.options.version or "1") then
      return err.fail("usage", "the version of '%s' cannot be changed: enable another mount and copy what is in it",
        row.path)
    end
    return replace(vault, row, {
      default_ttl = given.default_lease_ttl, max_ttl = given.max_lease_ttl, description = given.description,
    })
  end
end

local function move(ctx, req)
  local vault = ctx.vault
  local _ <close> = vault:lock_of("mounts")
  local row, e = own_row(vault, req.data.from)
  if not row then
    return nil, e
  end
  local to = mounts.new(req.data.to, copy(row, {}))
  if is_auth(row) ~= is_auth(to) then
    return err.fail("usage", "an auth method stays below auth/, an engine does not go there")
  end
  local ok
  ok, e = mounts.check_place(vault, to)
  if not ok then
    return nil, e
  end
  ok, e = take_back(vault, row) -- it has the old path in its name
  if not ok then
    return nil, e
  end
  ok, e = replace(vault, row, { path = to.path })
  return ok and { data = { migration_id = req.asked.id } } or nil, e
end

-- What command line tools ask before they read a secret: which engine is there.
local function ui_mount(ctx, req)
  local row, e = mounts.find(ctx.vault, req.params.path)
  local acl = row and ctx.vault:acl(req.token.policies)
  local any = acl and acl.root
  for _, rule in ipairs(acl and acl.rules or {}) do
    local plain = rule.path:gsub("[+*].*$", "")
    any = any or not rule.capabilities.deny and (plain:sub(1, #row.path) == row.path or row.path:sub(1, #plain) == plain
      and plain ~= rule.path)
  end
  if not any then
    return nil, e or err.new("denied", "preflight capability check returned 403, please ensure client's policies "
      .. ("grant access to path %q"):format(req.params.path .. "/"))
  end
  local out = shown(row)
  out.path = row.path
  return { data = out }
end

local function ui_mounts(ctx, req)
  local acl, secret, auth = ctx.vault:acl(req.token.policies), {}, {}
  for _, row in ipairs(assert(mounts.rows(ctx.vault))) do
    local seen = acl.root
    for _, rule in ipairs(acl.rules) do
      seen = seen or not rule.capabilities.deny and rule.path:sub(1, #row.path) == row.path
    end
    if seen then
      (is_auth(row) and auth or secret)[name_of(row)] = shown(row)
    end
  end
  return { data = { secret = secret, auth = auth } }
end

local ENABLE = {
  type = { type = "string", required = true, doc = "The engine or auth method" },
  description = { type = "string", default = "", doc = "What it is for" },
  options = { type = "map", doc = "Of the engine: kv has its version there" },
  config = { type = "map", doc = "default_lease_ttl, max_lease_ttl" },
}
local TUNE = {
  default_lease_ttl = TTL,
  max_lease_ttl = TTL,
  description = { type = "string", doc = "What it is for" },
  options = { type = "map", doc = "Of the engine" },
}

local paths = {
  { path = "remount", doc = "Move a mount", sudo = true, update = move, fields = {
    from = { type = "string", required = true, doc = "Where it is" },
    to = { type = "string", required = true, doc = "Where it will be" },
  } },
  { path = "remount/status/{id}", doc = "Whether it was moved", read = function(_, req)
    return { data = { migration_id = req.params.id, migration_info = { status = "success" } } }
  end },
  { path = "internal/ui/mounts", doc = "Mounts whoever asks may use", read = ui_mounts },
  { path = "internal/ui/mounts/{path...}", doc = "The mount a path is below", read = ui_mount },
}
for _, auth in ipairs({ false, true }) do
  local base = auth and "auth" or "mounts"
  paths[#paths + 1] = { path = base, doc = "All of them", read = list(auth) }
  paths[#paths + 1] = { path = base .. "/{path...}", doc = "One of them", fields = ENABLE, sudo = auth,
    read = show(auth), update = enable(auth), delete = disable(auth) }
  for _, each in ipairs({ "{path}/tune", "{path}/{b}/tune" }) do -- mounts may be deeper; few are
    paths[#paths + 1] = { path = base .. "/" .. each, doc = "Its settings", fields = TUNE, sudo = auth,
      read = function(ctx, req)
        req.params.path = req.params.path .. (req.params.b and "/" .. req.params.b or "")
        return tuned(auth)(ctx, req)
      end,
      update = function(ctx, req)
        req.params.path = req.params.path .. (req.params.b and "/" .. req.params.b or "")
        return tune(auth)(ctx, req)
      end }
  end
end
return paths
