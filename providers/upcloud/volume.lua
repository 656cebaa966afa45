--- Storages of type normal, attached to one server at most.

local api = require("api")
local server_state = require("server_state")

local M = {}

local function get(ctx, id)
  return api.call(ctx, "get", "/storage/" .. id, nil, "storage")
end

local function server_of(storage)
  return api.items(storage.servers, "server")[1]
end

--- Where the server it is attached to has it: the serial number of a disk is the beginning of its UUID.
local function device_path(id)
  return "/dev/disk/by-id/virtio-" .. id:gsub("-", ""):sub(1, 20)
end

--- A value when the cloud tells it, else what was recorded: rows of a list may lack what a storage itself has.
local function told(v, source, recorded)
  if source == nil and recorded ~= nil then
    return recorded
  end
  return v
end

--- A rule of backups; numbers are texts in the API, and none is an empty rule.
local function rule_of(rule)
  return rule and rule.interval and {
    interval = rule.interval,
    time = rule.time,
    retention = math.tointeger(tonumber(rule.retention)),
  } or nil
end

local function wire_rule(rule)
  return rule and { interval = rule.interval, time = rule.time, retention = tostring(rule.retention) } or {}
end

local function state_of(ctx, storage, server)
  local recorded = api.recorded(ctx, storage.uuid)
  server = server or server_of(storage)
  return {
    id = storage.uuid,
    name = storage.title,
    size = api.size(storage.size),
    zone = storage.zone,
    type = storage.tier,
    server = server,
    snapshot = recorded.snapshot, -- a clone does not tell what it was
    encrypted = told(storage.encrypted == "yes", storage.encrypted, recorded.encrypted),
    labels = told((api.from_labels(storage.labels)), storage.labels, recorded.labels),
    backup_rule = rule_of(storage.backup_rule),
    device = server and device_path(storage.uuid) or nil,
    incomplete = storage.state == "error" and "UpCloud says that it is in the state error" or nil,
  }
end

function M.read(ctx, id)
  local storage, e = get(ctx, id)
  if not storage then
    return api.absent(nil, e)
  end
  return state_of(ctx, storage)
end

--- The bus address of a storage at a server; nil alone when it is not there.
local function device_of(ctx, server_id, id)
  local server, e = api.call(ctx, "get", "/server/" .. server_id, nil, "server")
  if not server then
    return nil, e
  end
  for _, one in ipairs(server.storage_devices and server.storage_devices.storage_device or {}) do
    if one.storage == id then
      return one.address
    end
  end
end

local function detach(ctx, id, server_id)
  return api.alone(ctx, server_id, function()
    local device, e = device_of(ctx, server_id, id)
    local ok = not e or e.code == "notfound"
    if device then
      ok, e = api.call(ctx, "post", ("/server/%s/storage/detach"):format(server_id), {
        storage_device = { address = device },
      })
    end
    if not ok then
      return nil, e
    end
    return api.wait_storage(ctx, id)
  end)
end

local function attach(ctx, id, server_id)
  return api.alone(ctx, server_id, function()
    local ok, e = api.call(ctx, "post", ("/server/%s/storage/attach"):format(server_id), {
      storage_device = { type = "disk", address = "virtio", storage = id },
    })
    if not ok then
      return nil, e
    end
    return api.wait_storage(ctx, id)
  end)
end

--- Brings a storage that is online and at the server `at`, if any, to where it should be.
local function place(ctx, storage, at, want)
  local online, e = storage, nil
  if at and at ~= want.server then
    online, e = detach(ctx, storage.uuid, at)
  end
  if online and want.server and at ~= want.server then
    online, e = attach(ctx, storage.uuid, want.server)
  end
  if not online then
    return nil, e
  end
  local state = state_of(ctx, online, want.server)
  state.snapshot, state.backup_rule = want.snapshot, want.backup_rule
  return state
end

function M.create(ctx, want)
  local storage = {
    title = api.name(ctx, want),
    zone = want.zone or ctx.config.zone,
    tier = want.type,
    encrypted = want.encrypted and "yes" or nil,
    labels = api.labels(ctx, want.labels, ctx.key),
  }
  local path, source, made, e = "/storage"
  if want.snapshot then
    source, e = get(ctx, want.snapshot)
    if not source then
      return nil, e
    elseif api.gib(want.size) < source.size then
      return ctx.fail("invalid", "the volume is to have %d GiB, and what it is a copy of has %d", api.gib(want.size),
        source.size)
    end
    path = ("/storage/%s/clone"):format(want.snapshot)
  else
    storage.size = tostring(api.gib(want.size))
    storage.backup_rule = want.backup_rule and wire_rule(want.backup_rule)
  end
  made, e = api.call(ctx, "post", path, { storage = storage }, "storage")
  if not made then
    return nil, e
  end
  ctx.adopt(made.uuid)
  local online
  online, e = api.wait_storage(ctx, made.uuid)
  local grows = api.gib(want.size) > made.size
  if online and want.snapshot and (grows or want.backup_rule) then -- a copy is made without them
    online, e = api.call(ctx, "put", "/storage/" .. made.uuid, { storage = {
      size = grows and tostring(api.gib(want.size)) or nil,
      backup_rule = want.backup_rule and wire_rule(want.backup_rule),
    } }, "storage")
  end
  if not online then
    return nil, e
  end
  return place(ctx, online, nil, want)
end

function M.update(ctx, id, want)
  local storage, e = get(ctx, id)
  if not storage then
    return nil, e
  end
  local _, key = api.from_labels(storage.labels)
  local changes = { title = api.name(ctx, want), labels = api.labels(ctx, want.labels, key) }
  if want.backup_rule or rule_of(storage.backup_rule) then
    changes.backup_rule = wire_rule(want.backup_rule)
  end
  local at, ok = server_of(storage), true
  if api.gib(want.size) < storage.size then
    return ctx.fail("unsupported", "a storage only grows: it has %d GiB", storage.size)
  elseif api.gib(want.size) > storage.size then
    changes.size = tostring(api.gib(want.size))
    if at then -- it is attached again below
      ok, e = detach(ctx, id, at)
      at = nil
    end
  end
  if ok then
    ok, e = api.call(ctx, "put", "/storage/" .. id, { storage = changes })
  end
  if ok then
    storage, e = api.wait_storage(ctx, id)
  end
  if not ok or not storage then
    return nil, e
  end
  return place(ctx, storage, at, want)
end

function M.delete(ctx, id)
  local storage, e = get(ctx, id)
  if not storage and e.code == "notfound" then
    return true
  end
  local ok = storage ~= nil
  if ok and server_of(storage) then
    ok, e = detach(ctx, id, server_of(storage))
  end
  if not ok then
    return nil, e
  end
  return api.remove(ctx, "/storage/" .. id)
end

--- True when a row of the list says all that prov cares for: only a read tells the rule of backups, and there may be
-- lists that do not say at which servers storages are.
local function is_told(ctx, row)
  local recorded = api.recorded(ctx, row.uuid)
  return not recorded.backup_rule and (row.servers ~= nil or recorded.server == nil)
end

--- Volumes. What a row does not tell of one is left out, and prov reads it; who knows none of them reads all.
--- The volumes that are not a server's own disk, which goes with it: only the server tells which one that is.
local function without_own_disks(ctx, states)
  local servers, seen = {}, {}
  for _, one in ipairs(states) do
    if one.server and not seen[one.server] then
      seen[one.server] = true
      servers[#servers + 1] = one.server
    end
  end
  local found, e = ctx.each(servers, function(id)
    return api.call(ctx, "get", "/server/" .. id, nil, "server")
  end)
  if not found then
    return nil, e
  end
  local own, out = {}, {}
  for i = 1, #servers do
    local disk = found[i] and server_state.own_disk(found[i])
    own[disk and disk.storage or false] = true
  end
  for _, one in ipairs(states) do
    out[#out + 1] = not own[one.id] and one or nil
  end
  return out
end

function M.list(ctx)
  local storages, e = api.storages(ctx)
  if not storages then
    return nil, e
  end
  local volumes, out = {}, {}
  for _, one in ipairs(storages) do
    volumes[#volumes + 1] = one.type == "normal" and one or nil
  end
  if not ctx.recorded_of then
    local states
    states, e = api.read_all(ctx, M.read, volumes)
    return states and without_own_disks(ctx, states), e
  end
  for _, one in ipairs(volumes) do
    out[#out + 1] = is_told(ctx, one) and state_of(ctx, one) or nil
  end
  return out
end

function M.find(ctx, key)
  local storages, e = api.storages(ctx)
  local found
  if storages then
    found, e = api.with_key(ctx, storages, key)
  end
  if not found then
    return nil, e
  end
  local ok
  ok, e = api.wait_storage(ctx, found.uuid)
  if not ok then
    return nil, e
  end
  return M.read(ctx, found.uuid)
end

return M
