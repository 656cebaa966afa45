--- Storages of the simulated UpCloud: disks, templates, backups, imports.

local crypto = require("core.crypto")
local data = require("core.data")
local catalog = require("prov.simulate.upcloud.catalog")
local kit = require("prov.simulate.upcloud.kit")

local M = {}

local TIERS = { maxiops = true, hdd = true, standard = true }

local function servers_of(w, object)
  local out = data.list({})
  for i, server in ipairs(w:holders(object, "server")) do
    out[i] = server.id
  end
  return out
end

--- How a storage looks in a list.
function M.row(_, object)
  return {
    access = object.access,
    created = kit.time(object.created),
    encrypted = kit.yesno(object.encrypted),
    labels = kit.shown_labels(object.labels),
    license = 0,
    origin = object.origin,
    size = object.size,
    state = object.state,
    template_type = object.type == "template" and (object.cloud_init and "cloud-init" or "native") or nil,
    tier = object.tier,
    title = object.title,
    type = object.type,
    uuid = object.id,
    zone = object.zone,
  }
end

--- How it looks by itself.
function M.view(w, object)
  local out = M.row(w, object)
  local backups = data.list({})
  for i, backup in ipairs(w:list("storage")) do
    backups[#backups + 1] = backup.type == "backup" and backup.origin == object.id and i and backup.id or nil
  end
  out.backup_rule = object.backup_rule or {}
  out.backups = { backup = backups }
  out.servers = { server = servers_of(w, object) }
  return out
end

local function answer(call, object, status)
  return status or 200, { storage = M.view(call.w, object) }
end

local function check_size(size)
  if not size or size < 1 or size > 4096 then
    return kit.invalid("storage", "size", "The size is not within the limits of 1 to 4096 GiB.")
  end
  return size
end

--- Makes a storage: of a body, of a server's device, of a clone.
---@return prov.simulate.Object?, prov.Err?
function M.make(w, fields)
  local size, e = check_size(fields.size)
  if not size then
    return nil, e
  elseif not TIERS[fields.tier] then
    return kit.invalid("storage", "tier", "The tier is invalid.")
  elseif not catalog.zone(fields.zone) then
    return kit.refuse(400, "ZONE_NOT_FOUND", "The zone %s does not exist.", tostring(fields.zone))
  end
  fields.id = "01" .. w.world:uuid():sub(3)
  fields.access, fields.type = "private", fields.type or "normal"
  fields.state = fields.state or "online"
  fields.labels = fields.labels or data.list({})
  return w:add("storage", fields)
end

local LISTS = {
  private = function(object)
    return object.access == "private"
  end,
  public = function(object)
    return object.access == "public"
  end,
  favorite = function()
    return false
  end,
}

--- With ?servers=yes the rows say where the storages are.
local function list(call)
  local wanted, out = call.params.kind, data.list({})
  local with_servers = kit.yes((call.query.servers or {})[1], false) or (call.query.servers or {})[1] == "1"
  for _, object in ipairs(call.w:list("storage")) do
    local is = not wanted or LISTS[wanted] and LISTS[wanted](object) or object.type == wanted
    if is and kit.has_labels(call, object.labels) then
      local row = M.row(call.w, object)
      row.servers = with_servers and { server = servers_of(call.w, object) } or nil
      out[#out + 1] = row
    end
  end
  return 200, { storages = { storage = out } }
end

local function get(call)
  local object, e = kit.get(call, "storage")
  if not object then
    return nil, e
  end
  return answer(call, object)
end

local INTERVALS = { daily = true, mon = true, tue = true, wed = true, thu = true, fri = true, sat = true, sun = true }

--- Checks the rule of backups of a body, if any; {} is none.
local function check_rule(body)
  local rule = body.backup_rule
  if type(rule) ~= "table" or next(rule) == nil then
    return true
  end
  local days = kit.number(rule.retention)
  if not INTERVALS[rule.interval] or not tostring(rule.time):find("^[0-2]%d[0-5]%d$") or not days or days < 1
    or days > 1095 then
    return kit.refuse(400, "BACKUP_RULE_INVALID", "The backup rule is invalid.")
  end
  return true
end

--- A storage has a rule of its own, or its server backs it up.
function M.check_backups(storage, rule, server)
  if type(rule) == "table" and next(rule) ~= nil and server.simple_backup ~= "no" then
    return kit.refuse(409, "BACKUP_RULE_CONFLICT", "The storage %s cannot have a backup rule, as the server %s has "
      .. "simple backups.", storage.id, server.id)
  end
  return true
end

local function create(call)
  local body, e = kit.body(call, "storage")
  local title, labels
  if body then
    local ok
    ok, e = check_rule(body)
    body = ok and body
  end
  if body then
    title, e = kit.text("storage", body, "title")
  end
  if title then
    labels, e = kit.labels(body.labels)
  end
  if not labels then
    return nil, e
  end
  local object
  object, e = M.make(call.w, {
    title = title,
    zone = body.zone,
    size = kit.number(body.size),
    tier = body.tier or "maxiops",
    encrypted = kit.yes(body.encrypted, false),
    backup_rule = body.backup_rule,
    labels = labels,
  })
  if not object then
    return nil, e
  end
  return answer(call, object, 201)
end

--- The storage of the path, which must be in a state and a private one.
local function own(call, states)
  local object, e = kit.get(call, "storage")
  if not object then
    return nil, e
  elseif object.access ~= "private" then
    return kit.refuse(403, "STORAGE_FORBIDDEN", "The storage %s is not yours.", object.id)
  elseif states and not states[object.state] then
    return kit.refuse(409, "STORAGE_STATE_ILLEGAL", "The storage %s is in the state %s.", object.id, object.state)
  end
  return object
end

local ONLINE = { online = true }

--- A storage cannot change while a server that runs has it.
local function unused(w, object)
  for _, server in ipairs(w:holders(object, "server")) do
    if server.state ~= "stopped" then
      return kit.illegal_state(server)
    end
  end
  return true
end

local function modify(call)
  local object, e = own(call, ONLINE)
  local body, labels
  if object then
    body, e = kit.body(call, "storage")
  end
  if body and body.labels ~= nil then
    labels, e = kit.labels(body.labels)
    body = labels and body
  end
  if not body then
    return nil, e
  end
  local fine
  fine, e = check_rule(body)
  for _, server in ipairs(fine and call.w:holders(object, "server") or {}) do
    fine, e = M.check_backups(object, body.backup_rule, server)
  end
  if not fine then
    return nil, e
  end
  local changes = { title = body.title, labels = labels, backup_rule = body.backup_rule }
  if body.size ~= nil then
    local size, ok = kit.number(body.size), nil
    size, e = check_size(size)
    if size and size < object.size then
      return kit.invalid("storage", "size", "The storage cannot be made smaller.")
    elseif size and size > object.size then
      ok, e = unused(call.w, object)
    end
    if not size or size > object.size and not ok then
      return nil, e
    end
    changes.size = size
  end
  local _
  _, e = call.w:change(object, changes)
  if e then
    return nil, e
  end
  return answer(call, object, 202)
end

--- Backups of a storage go with it when the query says so.
function M.remove(w, object, backups)
  if backups == "delete" then
    local gone = {}
    for _, one in ipairs(w:list("storage")) do
      gone[#gone + 1] = one.type == "backup" and one.origin == object.id and one or nil
    end
    for _, one in ipairs(gone) do
      w:remove(one)
    end
  end
  w:remove(object)
end

local function delete(call)
  local object, e = own(call, ONLINE)
  if not object then
    return nil, e
  end
  local server = call.w:holders(object, "server")[1]
  if server then
    return kit.refuse(409, "STORAGE_ATTACHED", "The storage %s is attached to the server %s.", object.id, server.id)
  end
  M.remove(call.w, object, (call.query.backups or {})[1])
  return 204
end

--- Makes a storage out of another one; it is "maintenance" until it is done, and the other one is busy meanwhile.
local function derive(call, name, state, ms, fields)
  local source, e = kit.get(call, "storage")
  local body
  if source and source.state ~= "online" then
    return kit.refuse(409, "STORAGE_STATE_ILLEGAL", "The storage %s is in the state %s.", source.id, source.state)
  elseif source then
    body, e = kit.body(call, "storage")
  end
  local title, labels
  if body then
    title, e = kit.text("storage", body, "title")
  end
  if title then
    labels, e = kit.labels(body.labels)
  end
  if not labels then
    return nil, e
  end
  local made = {
    title = title, size = source.size, tier = body.tier or source.tier, zone = body.zone or source.zone,
    encrypted = source.encrypted, labels = labels, state = "maintenance",
  }
  for field, v in pairs(fields) do
    made[field] = v == "ORIGIN" and source.id or v
  end
  local object
  object, e = M.make(call.w, made)
  if not object then
    return nil, e
  end
  call.w:later(object, ms, { state = "online" })
  if source.access == "private" then
    call.w:change(source, { state = state })
    call.w:later(source, ms, { state = "online" })
  end
  call.operation = name
  return answer(call, object, 201)
end

local function clone(call)
  return derive(call, "storage.clone", "cloning", kit.TIMES.clone, {})
end

local function backup(call)
  return derive(call, "storage.backup", "backuping", kit.TIMES.backup, { type = "backup", origin = "ORIGIN" })
end

local function templatize(call)
  local source, e = kit.get(call, "storage")
  local ok = source ~= nil
  if ok then
    ok, e = unused(call.w, source)
  end
  if not ok then
    return nil, e
  end
  return derive(call, "storage.templatize", "cloning", kit.TIMES.clone, { type = "template", cloud_init = true })
end

local function restore(call)
  local object, e = own(call, ONLINE)
  if not object then
    return nil, e
  elseif object.type ~= "backup" then
    return kit.refuse(409, "STORAGE_TYPE_ILLEGAL", "The storage %s is no backup.", object.id)
  end
  local origin = call.w:get("storage", object.origin)
  if not origin then
    return kit.absent("storage", object.origin)
  end
  local ok
  ok, e = unused(call.w, origin)
  if not ok then
    return nil, e
  end
  call.w:change(origin, { state = "syncing" })
  call.w:later(origin, kit.TIMES.backup, { state = "online" })
  return 204
end

local function import_view(call, import)
  local done = import.at and import.at <= call.w.world:now()
  return { storage_import = {
    client_content_length = import.bytes or 0, client_content_type = import.content_type or "",
    completed = done and kit.time(import.at) or "",
    created = kit.time(import.created), direct_upload_url = import.source == "direct_upload"
      and ("%s/uploader/session/%s"):format(call.url, import.uuid) or nil,
    error_code = "", error_message = "", md5sum = import.md5sum or "", read_bytes = import.bytes or 0,
    sha256sum = import.sha256sum or "", source = import.source, source_location = import.location,
    state = done and "completed" or import.at and "importing" or "prepared", uuid = import.uuid,
    written_bytes = import.bytes or 0,
  } }
end

local function start_import(call)
  local object, e = own(call, ONLINE)
  local body
  if object then
    body, e = kit.body(call, "storage_import")
  end
  if not body then
    return nil, e
  elseif body.source ~= "http_import" and body.source ~= "direct_upload" then
    return kit.refuse(400, "SOURCE_INVALID", "The source is invalid.")
  end
  local now = call.w.world:now()
  call.w:change(object, { import = {
    source = body.source, location = body.source == "http_import" and body.source_location or nil,
    uuid = call.w.world:uuid(), created = now, at = body.source == "http_import" and now + kit.TIMES.import or nil,
  } })
  return 201, import_view(call, object.import)
end

--- Takes what is sent to the address of an import with direct upload; the content is counted, not kept.
function M.upload(call)
  for _, object in ipairs(call.w:list("storage")) do
    local import = object.import
    if import and import.uuid == call.params.session and not import.at then
      local body = call.request.body
      local sums = {
        written_bytes = #body, md5sum = crypto.hex(crypto.hash("md5", body)), sha256sum = crypto.sha256(body),
      }
      call.w:change(object, { import = {
        source = import.source, uuid = import.uuid, created = import.created, at = call.w.world:now(), bytes = #body,
        content_type = call.request.headers["content-type"], md5sum = sums.md5sum, sha256sum = sums.sha256sum,
      } })
      return 200, sums
    end
  end
  return kit.refuse(404, "NOT_FOUND", "The session does not exist.")
end

local function get_import(call)
  local object, e = kit.get(call, "storage")
  if not object then
    return nil, e
  elseif not object.import then
    return kit.refuse(404, "STORAGE_IMPORT_NOT_FOUND", "The storage %s has no import.", object.id)
  end
  return 200, import_view(call, object.import)
end

local function resize(call)
  local object, e = own(call, ONLINE)
  local ok = object ~= nil
  if ok then
    ok, e = unused(call.w, object)
  end
  if not ok then
    return nil, e
  end
  call.w:change(object, { state = "maintenance" })
  call.w:later(object, kit.TIMES.resize, { state = "online" })
  return answer(call, object)
end

M.routes = {
  { "GET", "/storage", "storage.list", list },
  { "POST", "/storage", "storage.create", create },
  { "GET", "/storage/{id}", "storage.get", get },
  { "PUT", "/storage/{id}", "storage.modify", modify },
  { "DELETE", "/storage/{id}", "storage.delete", delete },
  { "POST", "/storage/{id}/clone", "storage.clone", clone },
  { "POST", "/storage/{id}/backup", "storage.backup", backup },
  { "POST", "/storage/{id}/templatize", "storage.templatize", templatize },
  { "POST", "/storage/{id}/restore", "storage.restore", restore },
  { "POST", "/storage/{id}/resize", "storage.resize", resize },
  { "POST", "/storage/{id}/import", "storage.import", start_import },
  { "GET", "/storage/{id}/import", "storage.import.get", get_import },
}

for _, kind in ipairs({ "private", "public", "favorite", "normal", "template", "backup", "cdrom" }) do
  table.insert(M.routes, { "GET", "/storage/" .. kind, "storage.list", function(call)
    call.params.kind = kind
    return list(call)
  end })
end

return M
