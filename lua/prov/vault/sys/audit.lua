--- sys/audit: where it is written down who did what.

local audit = require("prov.vault.audit")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")

local TABLE = "core/audit"

local function rows_of(ctx)
  return ctx.vault.barrier:get(TABLE) or data.list({})
end

local function path_of(req)
  return req.params.path:gsub("/+$", "") .. "/"
end

local function list(ctx)
  local out = {}
  for _, row in ipairs(rows_of(ctx)) do
    out[row.path] = { path = row.path, type = row.type, description = row.description, options = row.options,
      ["local"] = false }
  end
  return { data = out }
end

local function commit(ctx, rows)
  local ok, e = ctx.vault.barrier:put(TABLE, data.list(rows))
  for _, device in ipairs(ctx.vault.cache.devices or {}) do
    device:close()
  end
  ctx.vault.cache.devices = nil
  return ok and {} or nil, e
end

local function enable(ctx, req)
  local _ <close> = ctx.vault:lock_of("audit")
  local path, rows, options = path_of(req), rows_of(ctx), {}
  for key, value in pairs(req.data.options or {}) do
    options[key] = tostring(value)
  end
  options.file_path = options.file_path or options.path
  if req.data.type ~= "file" then
    return err.fail("usage", "audit devices are of the type 'file', not '%s'", req.data.type)
  elseif not options.file_path then
    return err.fail("usage", "'file_path' is missing in the options: the file to write to")
  end
  for _, row in ipairs(rows) do
    if row.path == path then
      return err.fail("usage", "path already in use")
    end
  end
  local row = { path = path, type = "file", description = req.data.description, options = options,
    salt = assert(crypto.random(32)) }
  local device, e = audit.open(row)
  if not device then
    e.code = "usage"
    return nil, e
  end
  device:close()
  rows[#rows + 1] = row
  return commit(ctx, rows)
end

local function disable(ctx, req)
  local _ <close> = ctx.vault:lock_of("audit")
  local path, kept = path_of(req), {}
  for _, row in ipairs(rows_of(ctx)) do
    if row.path ~= path then
      kept[#kept + 1] = row
    end
  end
  return commit(ctx, kept)
end

local function hash(ctx, req)
  local path = path_of(req)
  for _, row in ipairs(rows_of(ctx)) do
    if row.path == path then
      local mac = crypto.hex(assert(crypto.mac("sha256", row.salt, req.data.input)))
      return { data = { hash = "hmac-sha256:" .. mac } }
    end
  end
  return err.fail("usage", "unknown audit device: %s", path)
end

return {
  { path = "audit", doc = "All devices", sudo = true, read = list },
  { path = "audit/{path...}", doc = "A device", sudo = true, update = enable, delete = disable, fields = {
    type = { type = "string", default = "file", doc = "Its type" },
    description = { type = "string", default = "", doc = "What it is for" },
    options = { type = "map", doc = "file_path, mode, log_raw, hmac_accessor" },
    ["local"] = { type = "bool", doc = "Ignored" },
  } },
  { path = "audit-hash/{path...}", doc = "What stands in the audit for a text", update = hash,
    fields = { input = { type = "string", required = true, doc = "The text" } } },
}
