--- kv version 2: secrets by path, with their last versions.
--
-- meta/PATH holds what is known of a secret and of each of its versions, version/PATH/N the values. A secret and its
-- metadata change in one commit.

local data = require("core.data")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local tokens = require("prov.vault.tokens")

local VERSIONS = 10 -- kept when nobody says how many

-- ---- Records ----

local function meta_path(path)
  return "meta/" .. path
end

local function version_path(path, version)
  return ("version/%s/%s"):format(path, version)
end

local function config_of(ctx)
  local config, e = ctx.storage:get("config")
  if e then
    return nil, e
  end
  return config or { max_versions = 0, cas_required = false, delete_version_after = 0 }
end

local function new_meta(now)
  return { versions = {}, current = 0, oldest = 0, created = now, updated = now, max_versions = 0,
    cas_required = false, delete_version_after = 0, custom = nil }
end

-- An integer key is not what the record of a map wants; versions are few.
local function version_of(meta, number)
  return meta.versions[tostring(number)]
end

local function is_gone(version, now)
  return version.destroyed or version.deleted > 0 and version.deleted <= now
end

local function time(seconds)
  return seconds > 0 and tokens.time(seconds) or ""
end

local function shown_version(number, version, custom)
  return {
    version = number, created_time = time(version.created), deletion_time = time(version.deleted),
    destroyed = version.destroyed, custom_metadata = custom or data.null,
  }
end

local function missing(req)
  return err.fail("notfound", "there is no secret at '%s'", req.params.path)
end

local function meta_of(ctx, req)
  return ctx.storage:get(meta_path(req.params.path))
end

-- ---- Reading ----

-- A version as it was asked for: meta, number, version.
local function find(ctx, req)
  local meta, e = meta_of(ctx, req)
  if not meta then
    return nil, e
  end
  local number = req.data.version
  number = number and number > 0 and number or meta.current
  return meta, number, version_of(meta, number)
end

local function read_with(show)
  return function(ctx, req)
    local meta, number, version = find(ctx, req)
    if not meta and number then
      return nil, number
    elseif not version then
      return missing(req)
    end
    local info = shown_version(number, version, meta.custom)
    if is_gone(version, ctx.now()) then
      return { status = 404, data = show(nil, info) }
    end
    local value, e = ctx.storage:get(version_path(req.params.path, number))
    if not value then
      return nil, e or err.new("corrupt", ("version %d of '%s' is missing"):format(number, req.params.path))
    end
    return { data = show(value.data, info, req) }
  end
end

local read = read_with(function(value, info)
  return { data = value or data.null, metadata = info }
end)

local function without_values(value, depth, max)
  if type(value) ~= "table" or data.kind(value) ~= "map" or next(value) == nil or max > 0 and depth > max then
    return data.null
  end
  local out = {}
  for key, item in pairs(value) do
    out[key] = without_values(item, depth + 1, max)
  end
  return out
end

local subkeys = read_with(function(value, info, req)
  return { subkeys = value and without_values(value, 1, req.data.depth) or data.null, metadata = info }
end)

-- ---- Writing ----

local function check_cas(config, meta, current, cas)
  local required = config.cas_required or meta.cas_required
  if required and cas == nil then
    return err.fail("usage", "check-and-set parameter required for this call")
  elseif cas ~= nil and cas ~= current then
    return err.fail("usage", "check-and-set parameter did not match the current version")
  end
  return true
end

-- Adds a version; the changes that keep it, and what the answer says.
local function add_version(ctx, path, meta, config, value)
  local now = ctx.now()
  local after = meta.delete_version_after
  after = after > 0 and config.delete_version_after > 0 and math.min(after, config.delete_version_after)
    or after > 0 and after or config.delete_version_after
  local number = meta.current + 1
  local version = { created = now, deleted = after > 0 and now + after or 0, destroyed = false }
  meta.current, meta.updated = number, now
  meta.versions[tostring(number)] = version
  local changes = { { "put", version_path(path, number), { data = value } } }
  local most = meta.max_versions > 0 and meta.max_versions or config.max_versions > 0 and config.max_versions
    or VERSIONS
  for key in pairs(meta.versions) do
    local old = math.tointeger(tonumber(key))
    if old <= number - most then
      meta.versions[key] = nil
      meta.oldest = math.max(meta.oldest, old + 1)
      changes[#changes + 1] = { "del", version_path(path, old) }
    end
  end
  changes[#changes + 1] = { "put", meta_path(path), meta }
  return changes, shown_version(number, version, meta.custom)
end

-- A handler that adds a version: make(ctx, req, meta) -> value, or nil and an error. Without `meta` there is no secret
-- yet.
local function writer(make)
  return function(ctx, req)
    local path = req.params.path
    if not req.data.data then
      return err.fail("usage", "no data provided")
    end
    local _ <close> = ctx.lock(path)
    local config, e = config_of(ctx)
    local meta, value, ok
    if config then
      meta, e = meta_of(ctx, req)
    end
    if not e then
      value, e = make(ctx, req, meta)
    end
    if not value then
      return nil, e
    end
    meta = meta or new_meta(ctx.now())
    ok, e = check_cas(config, meta, meta.current, req.data.options and req.data.options.cas)
    if not ok then
      return nil, e
    end
    local changes, info = add_version(ctx, path, meta, config, value)
    ok, e = ctx.storage:commit(changes)
    return ok and { data = info } or nil, e
  end
end

local write = writer(function(_, req)
  return req.data.data
end)

--- JSON merge patch (RFC 7396).
local function merged(target, patch)
  if type(patch) ~= "table" or data.kind(patch) ~= "map" then
    return patch
  end
  local out = {}
  if type(target) == "table" and data.kind(target) == "map" then
    for key, value in pairs(target) do
      out[key] = value
    end
  end
  for key, value in pairs(patch) do
    if value == data.null then
      out[key] = nil
    else
      out[key] = merged(out[key], value)
    end
  end
  return out
end

local patch = writer(function(ctx, req, meta)
  local version = meta and version_of(meta, meta.current)
  if not version or is_gone(version, ctx.now()) then
    return missing(req)
  end
  local before, e = ctx.storage:get(version_path(req.params.path, meta.current))
  return before and merged(before.data, req.data.data), e
end)

-- ---- Deleting ----

-- Changes versions of a secret.
---@param each fun(version: table, path: string of its value, changes: table[], now: integer)
local function change(ctx, req, numbers, each)
  local path = req.params.path
  local _ <close> = ctx.lock(path)
  local meta, e = meta_of(ctx, req)
  if not meta then
    return not e and {} or nil, e
  end
  local changes = {}
  for _, number in ipairs(numbers or { meta.current }) do
    number = math.tointeger(tonumber(number))
    local version = version_of(meta, number)
    if version then
      each(version, version_path(path, number), changes, ctx.now())
    end
  end
  changes[#changes + 1] = { "put", meta_path(path), meta }
  return engine.done(ctx.storage:commit(changes))
end

-- A handler that changes the versions a request names.
local function of_versions(each)
  return function(ctx, req)
    if not req.data.versions or #req.data.versions == 0 then
      return err.fail("usage", "No version number provided")
    end
    return change(ctx, req, req.data.versions, each)
  end
end

local function soft_delete(version, _, _, now)
  if not is_gone(version, now) then
    version.deleted = now
  end
end

local function delete(ctx, req)
  return change(ctx, req, nil, soft_delete)
end

local delete_versions = of_versions(soft_delete)

local undelete = of_versions(function(version)
  version.deleted = 0
end)

local destroy = of_versions(function(version, path, changes)
  version.destroyed = true
  changes[#changes + 1] = { "del", path }
end)

-- ---- Metadata ----

local function duration(seconds)
  return seconds > 0 and ("%dh%dm%ds"):format(seconds // 3600, seconds // 60 % 60, seconds % 60) or "0s"
end

local function read_meta(ctx, req)
  local meta, e = meta_of(ctx, req)
  if e then
    return nil, e
  elseif not meta then
    return missing(req)
  end
  local versions = {}
  for number, version in pairs(meta.versions) do
    versions[number] = { created_time = time(version.created), deletion_time = time(version.deleted),
      destroyed = version.destroyed }
  end
  return { data = {
    cas_required = meta.cas_required, created_time = time(meta.created), current_version = meta.current,
    custom_metadata = meta.custom or data.null, delete_version_after = duration(meta.delete_version_after),
    max_versions = meta.max_versions, oldest_version = meta.oldest, updated_time = time(meta.updated),
    versions = versions,
  } }
end

local function check_custom(custom)
  local count = 0
  for key, value in pairs(custom) do
    count = count + 1
    if type(value) ~= "string" or #tostring(key) > 128 or #value > 512 then
      return err.fail("usage", "custom_metadata holds texts of up to 512 bytes, with keys of up to 128")
    end
  end
  if count > 64 then
    return err.fail("usage", "custom_metadata holds up to 64 texts")
  end
  return true
end

local function write_meta(is_patch)
  return function(ctx, req)
    local _ <close> = ctx.lock(req.params.path)
    local meta, e = meta_of(ctx, req)
    if e then
      return nil, e
    elseif not meta and is_patch then
      return missing(req)
    end
    meta = meta or new_meta(ctx.now())
    for _, name in ipairs({ "max_versions", "cas_required", "delete_version_after" }) do
      if req.data[name] ~= nil then
        meta[name] = req.data[name]
      end
    end
    local custom = req.data.custom_metadata
    if custom then
      custom = is_patch and merged(meta.custom or {}, custom) or custom
      local ok
      ok, e = check_custom(custom)
      if not ok then
        return nil, e
      end
      meta.custom = custom
    end
    meta.updated = ctx.now()
    return engine.done(ctx.storage:put(meta_path(req.params.path), meta))
  end
end

local function delete_meta(ctx, req)
  local path = req.params.path
  local _ <close> = ctx.lock(path)
  return engine.done(ctx.storage:commit({ { "del", meta_path(path) }, { "del_below", version_path(path, "") } }))
end

local function list(ctx, req)
  local folder = req.params.path and req.params.path .. "/" or ""
  return engine.listed("secrets below " .. folder, ctx.storage:list(meta_path(folder)))
end

-- ---- The mount ----

local function read_config(ctx)
  local config, e = config_of(ctx)
  if not config then
    return nil, e
  end
  return { data = { max_versions = config.max_versions, cas_required = config.cas_required,
    delete_version_after = duration(config.delete_version_after) } }
end

local function write_config(ctx, req)
  local _ <close> = ctx.lock("config")
  local config, e = config_of(ctx)
  if not config then
    return nil, e
  end
  for name in pairs(config) do
    if req.data[name] ~= nil then
      config[name] = req.data[name]
    end
  end
  return engine.done(ctx.storage:put("config", config))
end

local exists = engine.exists(function(req)
  return meta_path(req.params.path)
end)

local SETTINGS = {
  max_versions = { type = "int", doc = "How many versions are kept; 0 is as the mount says, or 10" },
  cas_required = { type = "bool", doc = "Whether writing needs the number of the version before" },
  delete_version_after = { type = "seconds", doc = "When a version is deleted by itself" },
}
local META = engine.fields(SETTINGS, { custom_metadata = { type = "map", doc = "Texts of your own" } })
local DATA = {
  data = { type = "map", doc = "The secret" },
  options = { type = "map", doc = "cas: the number of the version this one comes after; 0 for the first" },
  version = { type = "int", doc = "Which version to read; 0 is the newest" },
}
local NUMBERS = { versions = { type = "list", doc = "Numbers of versions" } }

return {
  name = "kv",
  summary = "Secrets by path, with their last versions",
  paths = {
    { path = "config", doc = "Settings of all secrets", fields = SETTINGS, read = read_config, update = write_config },
    { path = "data/{path...}", doc = "A secret", fields = DATA, exists = exists, read = read, update = write,
      patch = patch, delete = delete },
    { path = "delete/{path...}", doc = "Delete versions, so that they can come back", fields = NUMBERS,
      update = delete_versions },
    { path = "undelete/{path...}", doc = "Bring deleted versions back", fields = NUMBERS, update = undelete },
    { path = "destroy/{path...}", doc = "Remove versions for good", fields = NUMBERS, update = destroy },
    { path = "subkeys/{path...}", doc = "The keys of a secret without its values", read = subkeys, fields = {
      version = DATA.version, depth = { type = "int", default = 0, doc = "How deep to look; 0 is all" } } },
    { path = "metadata", doc = "All secrets", list = list },
    { path = "metadata/{path...}", doc = "What is known of a secret", fields = META, exists = exists,
      read = read_meta, update = write_meta(false), patch = write_meta(true), delete = delete_meta, list = list },
  },
}
