--- Servers of the simulated UpCloud: how they are made, look and change.

local data = require("core.data")
local catalog = require("prov.simulate.upcloud.catalog")
local kit = require("prov.simulate.upcloud.kit")
local machine = require("prov.simulate.upcloud.machine")
local machines = require("prov.simulate.machines")
local storages = require("prov.simulate.upcloud.storages")

local M = {}

local NONE = require("prov.simulate.world").NONE

-- ---- Views ----

local function interface_view(one)
  local ips = data.list({})
  for i, ip in ipairs(one.ips) do
    ips[i] = {
      address = ip.address, family = ip.family, floating = kit.yesno(ip.floating),
      dhcp_provided = one.type == "private" and "yes" or nil,
    }
  end
  return {
    bootable = kit.yesno(one.bootable), index = one.index, ip_addresses = { ip_address = ips }, mac = one.mac,
    network = one.network, source_ip_filtering = kit.yesno(one.filtering), type = one.type,
  }
end

local function interfaces_view(object)
  local out = data.list({})
  for i, one in ipairs(object.interfaces) do
    out[i] = interface_view(one)
  end
  return out
end

local function addresses_view(object)
  local out = data.list({})
  for _, one in ipairs(object.interfaces) do
    for _, ip in ipairs(one.ips) do
      out[#out + 1] = { access = one.type, address = ip.address, family = ip.family }
    end
  end
  return out
end

local function devices_view(w, object)
  local out = data.list({})
  for i, one in ipairs(object.devices) do
    local storage = w:get("storage", one.storage)
    out[i] = {
      address = one.address,
      boot_disk = one.boot and "1" or "0",
      storage = one.storage,
      storage_encrypted = kit.yesno(storage and storage.encrypted),
      storage_size = storage and storage.size or 0,
      storage_tier = storage and storage.tier or "maxiops",
      storage_title = storage and storage.title or "",
      labels = storage and storage.labels[1] and kit.shown_labels(storage.labels) or nil,
      type = "disk",
    }
  end
  return out
end

--- How a server looks in a list.
local function row(object)
  return {
    core_number = tostring(object.cores),
    created = object.created // 1000,
    hostname = object.hostname,
    labels = { label = kit.shown_labels(object.labels) },
    license = 0,
    memory_amount = tostring(object.memory),
    plan = object.plan,
    plan_ipv4_bytes = "0",
    plan_ipv6_bytes = "0",
    server_group = object.group,
    simple_backup = object.simple_backup,
    state = object.state,
    tags = { tag = data.list(table.move(object.tags, 1, #object.tags, 1, {})) },
    title = object.title,
    uuid = object.id,
    zone = object.zone,
  }
end

--- How it looks by itself; `secrets` are in the answer of its creation only.
local function view(w, object, secrets)
  local out = row(object)
  out.boot_order = object.boot_order
  out.firewall = object.firewall and "on" or "off"
  out.host = object.state == "started" and object.host or nil
  out.ip_addresses = { ip_address = addresses_view(object) }
  out.metadata = kit.yesno(object.metadata)
  out.networking = { interfaces = { interface = interfaces_view(object) } }
  out.nic_model = object.nic_model
  out.remote_access_enabled = kit.yesno(object.remote)
  out.remote_access_password = object.remote_password
  out.remote_access_type = "vnc"
  out.storage_devices = { storage_device = devices_view(w, object) }
  out.timezone = object.timezone
  out.user_data = object.user_data
  out.video_model = object.video_model
  if secrets then
    out.username, out.password, out.progress = secrets.username, secrets.password, "0"
  end
  return out
end

local function answer(call, object, status)
  return status or 200, { server = view(call.w, object) }
end

-- ---- Creation ----

--- An address for an interface.
local function address_of(w, zone, kind, network, given)
  local family = given.family or "IPv4"
  if kind == "private" then
    local ip, e = kit.private_address(w, network, type(given.address) == "string" and given.address or nil)
    return ip and { address = ip, family = "IPv4" }, e
  elseif kind == "utility" then
    local n = w.world:number("utility")
    return { address = ("%s.%d.%d"):format(network.range.address:match("^%d+%.%d+"), n >> 8 & 3, n % 254 + 1),
      family = "IPv4" }
  elseif family == "IPv6" then
    return { address = (w.world:ipv6():gsub("::/64$", "::1")), family = "IPv6" }
  elseif family ~= "IPv4" then
    return kit.refuse(400, "IP_ADDRESS_FAMILY_INVALID", "The family is invalid in zone %s.", zone)
  end
  return { address = w.world:ipv4(), family = "IPv4" }
end

--- The interface that a body describes. Addresses of a server that is not in the world yet are in `taken`.
local function read_interface(w, zone, given, index)
  local kind = given.type
  if kind ~= "public" and kind ~= "utility" and kind ~= "private" then
    return kit.refuse(400, "INTERFACE_TYPE_INVALID", "The type of the interface is invalid.")
  end
  local ips = kit.items(given.ip_addresses, "ip_address") or {}
  local first = type(ips[1]) == "table" and ips[1] or {}
  local network
  if kind == "private" then
    network = type(given.network) == "string" and w:get("network", given.network)
    if not network or network.type ~= "private" then
      return kit.refuse(404, "NETWORK_NOT_FOUND", "The network %s does not exist.", tostring(given.network))
    elseif network.zone ~= zone then
      return kit.refuse(409, "NETWORK_ZONE_ILLEGAL", "The network %s is in the zone %s.", network.id, network.zone)
    end
  else
    network = catalog.network(w, zone, kind, kind == "public" and first.family or "IPv4")
    if not network then
      return kit.refuse(400, "IP_ADDRESS_FAMILY_INVALID", "The family is invalid.")
    end
  end
  local ip, e = address_of(w, zone, kind, network, first)
  if not ip then
    return nil, e
  end
  return {
    index = index, type = kind, network = network.id, mac = kit.mac(w), ips = { ip },
    bootable = kit.yes(given.bootable, false), filtering = kit.yes(given.source_ip_filtering, true),
  }
end

--- Without a word about it a server has a utility and a public address.
local DEFAULT_INTERFACES = {
  { type = "public", ip_addresses = { ip_address = { { family = "IPv4" } } } },
  { type = "utility", ip_addresses = { ip_address = { { family = "IPv4" } } } },
}

local function given_interfaces(body)
  local networking = type(body.networking) == "table" and body.networking or {}
  local list = kit.items(networking.interfaces, "interface")
  if list then
    return list
  end
  local old = kit.items(body.ip_addresses, "ip_address") -- as in API 1.2
  if not old then
    return DEFAULT_INTERFACES
  end
  local out = {}
  for i, one in ipairs(old) do
    local kind = one.access == "private" and "utility" or one.access
    out[i] = { type = kind, ip_addresses = { ip_address = { { family = one.family } } } }
  end
  return out
end

--- The storage for a device of a new server: a clone of a template, a new one, or one that is there.
local function read_device(w, zone, given, boot)
  local action = given.action
  if action == "attach" then
    local storage = w:get("storage", given.storage)
    if not storage then
      return kit.absent("storage", given.storage)
    elseif storage.state ~= "online" or w:holders(storage, "server")[1] then
      return kit.refuse(409, "STORAGE_STATE_ILLEGAL", "The storage %s cannot be attached now.", storage.id)
    end
    return { storage = storage.id, boot = boot }
  end
  local fields = {
    title = given.title, zone = zone, size = kit.number(given.size), tier = given.tier or "maxiops",
    encrypted = kit.yes(given.encrypted, false),
  }
  local template
  local labels, e = kit.labels(given.labels)
  if not labels then
    return nil, e
  end
  fields.labels = labels
  if action == "clone" then
    local source = type(given.storage) == "string" and w:get("storage", given.storage)
    if not source then
      return kit.refuse(404, "STORAGE_NOT_FOUND", "The storage %s does not exist.", tostring(given.storage))
    end
    fields.size = fields.size or source.size
    if fields.size < source.size then
      return kit.invalid("storage", "size", "The size is smaller than that of the source.")
    end
    template = source.type == "template" and machine.image(source.title) or nil
  elseif action ~= "create" then
    return kit.refuse(400, "ACTION_INVALID", "The action of the storage device is invalid.")
  end
  if type(fields.title) ~= "string" then
    return kit.refuse(400, "TITLE_MISSING", "The title of the storage device is missing.")
  end
  local storage
  storage, e = storages.make(w, fields)
  if not storage then
    return nil, e
  end
  return { storage = storage.id, boot = boot, made = true, template = template }
end

--- Cores and memory of a body: by its plan, or its own numbers.
local function read_size(body, now)
  if body.plan ~= nil and body.plan ~= "custom" then
    local plan = catalog.plan(body.plan)
    if not plan then
      return kit.refuse(404, "PLAN_NOT_FOUND", "The plan %s does not exist.", tostring(body.plan))
    end
    return { plan = plan.name, cores = plan.cores, memory = plan.memory }
  end
  local cores, memory = kit.number(body.core_number), kit.number(body.memory_amount)
  if not cores and not memory then
    return now or { plan = "custom", cores = 1, memory = 1024 }
  elseif not cores or cores < 1 or cores > 80 then
    return kit.refuse(400, "CORE_NUMBER_INVALID", "The core number is invalid.")
  elseif not memory or memory < 1024 or memory % 1024 ~= 0 then
    return kit.refuse(400, "MEMORY_AMOUNT_INVALID", "The memory amount is invalid.")
  end
  return { plan = "custom", cores = cores, memory = memory }
end

local function devices_of(body)
  return kit.items(body.storage_devices, "storage_device")
end

local function check_metadata(w, body)
  local devices = devices_of(body)
  local source = devices[1] and devices[1].action == "clone" and w:get("storage", devices[1].storage)
  if source and source.cloud_init and not kit.yes(body.metadata, false) then
    return kit.refuse(400, "METADATA_DISABLED_ON_CLOUD-INIT", "Metadata must be enabled for cloud-init templates.")
  end
  return true
end

local BACKUP_PLANS = { daily = true, dailies = true, weeklies = true, monthlies = true }

--- Checks the backups of all storages of a server that a body asks for: "no", or a time and a plan.
local function check_backups(w, body, id, devices)
  local plan = body.simple_backup
  if plan == nil or plan == "no" then
    return true
  elseif not BACKUP_PLANS[tostring(plan):match("^[0-2]%d[0-5]%d,(%a+)$")] then
    return kit.refuse(400, "SIMPLE_BACKUP_INVALID", "The simple backup is invalid.")
  end
  for _, device in ipairs(devices) do
    local storage = w:get("storage", device.storage)
    local ok, e = storages.check_backups(storage, storage.backup_rule, { id = id, simple_backup = plan })
    if not ok then
      return nil, e
    end
  end
  return true
end

local function read_new(call)
  local body, e = kit.body(call, "server")
  local out, ok = {}, nil
  if body then
    out.title, e = kit.text("server", body, "title")
    ok = out.title
  end
  if ok then
    out.hostname, e = kit.text("server", body, "hostname", 128)
    ok = out.hostname
  end
  if ok and not out.hostname:find("^[%w][%w.-]*$") then
    return kit.refuse(400, "HOSTNAME_INVALID", "The hostname is invalid.")
  elseif ok and not catalog.zone(body.zone) then
    return kit.refuse(body.zone and 404 or 400, body.zone and "ZONE_NOT_FOUND" or "ZONE_MISSING",
      "The zone %s does not exist.", tostring(body.zone))
  elseif ok and not devices_of(body) then
    return kit.refuse(400, "STORAGE_DEVICES_MISSING", "The storage_devices attribute is missing.")
  end
  if ok then
    out.labels, e = kit.labels(body.labels)
    ok = out.labels
  end
  if ok then
    out.size, e = read_size(body)
    ok = out.size
  end
  if ok then
    ok, e = check_metadata(call.w, body)
  end
  if ok and body.server_group and not call.w:get("group", body.server_group) then
    return kit.absent("server_group", body.server_group)
  end
  if not ok then
    return nil, e
  end
  out.body = body
  return out
end

local function create(call)
  local w = call.w
  local new, e = read_new(call)
  if not new then
    return nil, e
  end
  local body, devices, interfaces = new.body, {}, {}
  for i, given in ipairs(devices_of(body)) do
    devices[i], e = read_device(w, body.zone, given, false)
    if not devices[i] then
      return nil, e
    end
    devices[i].address = "virtio:" .. i - 1
  end
  local template = devices[1] and devices[1].template
  if w.world.machines and not machines.has_image(template) then
    return kit.refuse(409, "STORAGE_STATE_ILLEGAL", "No real server can be made of the first storage device.")
  end
  for i, given in ipairs(given_interfaces(body)) do
    interfaces[i], e = read_interface(w, body.zone, given, kit.number(given.index) or i)
    if not interfaces[i] then
      return nil, e
    end
  end
  local fine
  fine, e = check_backups(w, body, "of the request", devices)
  if not fine then
    return nil, e
  end
  local login = type(body.login_user) == "table" and body.login_user or {}
  local object
  object, e = w:add("server", {
    id = "00" .. w.world:uuid():sub(3), title = new.title, hostname = new.hostname, zone = body.zone,
    plan = new.size.plan, cores = new.size.cores, memory = new.size.memory, state = "maintenance",
    labels = new.labels, devices = devices, interfaces = interfaces, tags = data.list({}),
    firewall = body.firewall == "on", metadata = kit.yes(body.metadata, false), user_data = body.user_data,
    timezone = body.timezone or "UTC", boot_order = body.boot_order or "disk", nic_model = body.nic_model or "virtio",
    video_model = body.video_model or "vga", simple_backup = body.simple_backup or "no", group = body.server_group,
    remote = kit.yes(body.remote_access_enabled, false), remote_password = w.world:hex(8),
    host = 4000000000 + w.world:number("host"), rules = data.list({}), keys = login.ssh_keys, template = template,
    username = login.username or "root",
  })
  if not object then
    return nil, e
  end
  w:later(object, kit.TIMES.create, { state = "started" })
  for _, device in ipairs(devices) do
    local storage = device.made and w:get("storage", device.storage)
    if storage then
      w:change(storage, { state = "maintenance" })
      w:later(storage, kit.TIMES.create, { state = "online" })
    end
  end
  local password = body.password_delivery ~= "none" and login.create_password ~= "no" and w.world:hex(16) or nil
  return 202, { server = view(w, object, { username = object.username, password = password }) }
end

-- ---- Reading and changing ----

local function list(call)
  local out = data.list({})
  for _, object in ipairs(call.w:list("server")) do
    out[#out + 1] = kit.has_labels(call, object.labels) and row(object) or nil
  end
  return 200, { servers = { server = out } }
end

local function get(call)
  local object, e = kit.get(call, "server")
  if not object then
    return nil, e
  end
  return answer(call, object)
end

local SETTLED = { started = true, stopped = true }

--- The server of the path in one of the states.
local function in_state(call, states)
  local object, e = kit.get(call, "server")
  if object and not states[object.state] then
    return kit.illegal_state(object)
  end
  return object, e
end

local COPIED = { "title", "hostname", "timezone", "boot_order", "nic_model", "video_model", "simple_backup" }

local function modify(call)
  local object, e = in_state(call, SETTLED)
  local body, labels
  if object then
    body, e = kit.body(call, "server")
  end
  if body and body.labels ~= nil then
    labels, e = kit.labels(body.labels)
    body = labels and body
  end
  if not body then
    return nil, e
  end
  local changes = { labels = labels }
  local size, ok
  ok, e = check_backups(call.w, body, object.id, object.devices)
  if ok then
    size, e = read_size(body, object)
  end
  if not size then
    return nil, e
  end
  local resized = size.plan ~= object.plan or size.cores ~= object.cores or size.memory ~= object.memory
  if resized then
    if object.state ~= "stopped" then
      return kit.illegal_state(object)
    end
    changes.plan, changes.cores, changes.memory = size.plan, size.cores, size.memory
  end
  for _, field in ipairs(COPIED) do
    changes[field] = type(body[field]) == "string" and body[field] or nil
  end
  if body.firewall ~= nil then
    changes.firewall = body.firewall == "on"
  end
  changes.metadata = kit.yes(body.metadata)
  changes.remote = kit.yes(body.remote_access_enabled)
  call.w:change(object, changes)
  return answer(call, object, 202)
end

local function delete(call)
  local w = call.w
  local object, e = in_state(call, { stopped = true, error = true })
  if not object then
    return nil, e
  end
  local own = (call.query.storages or {})[1]
  local devices = object.devices
  w:change(object, { devices = {} })
  for _, one in ipairs(devices) do
    local storage = w:get("storage", one.storage)
    if storage and (own == "1" or own == "true") then
      storages.remove(w, storage, (call.query.backups or {})[1])
    end
  end
  for _, address in ipairs(w:list("address")) do
    if address.server == object.id then
      w:change(address, { server = NONE, mac = NONE })
    end
  end
  w:remove(object)
  return 204
end

local function stop(call)
  local object, e = in_state(call, { started = true })
  local body
  if object then
    body, e = kit.body(call)
  end
  if not body then
    return nil, e
  end
  local how = type(body.stop_server) == "table" and body.stop_server.stop_type or "soft"
  call.w:later(object, how == "hard" and kit.TIMES.hard_stop or kit.TIMES.stop, { state = "stopped" })
  return answer(call, object) -- still "started": clients have to look again
end

local function start(call)
  local object, e = in_state(call, { stopped = true })
  if not object then
    return nil, e
  end
  call.w:change(object, { state = "maintenance" })
  call.w:later(object, kit.TIMES.start, { state = "started" })
  local status, value = answer(call, object)
  value.server.state = "started"
  return status, value
end

local function restart(call)
  local object, e = in_state(call, { started = true })
  if not object then
    return nil, e
  end
  call.w:change(object, { state = "maintenance", boots = (object.boots or 0) + 1 })
  call.w:later(object, kit.TIMES.restart, { state = "started" })
  local status, value = answer(call, object)
  value.server.state = "started"
  return status, value
end

local function relocate(call)
  local object, e = in_state(call, { stopped = true })
  local body
  if object then
    body, e = kit.body(call, "server")
  end
  if not body then
    return nil, e
  elseif not catalog.zone(body.zone) then
    return kit.refuse(404, "ZONE_NOT_FOUND", "The zone %s does not exist.", tostring(body.zone))
  end
  call.w:change(object, { zone = body.zone, state = "maintenance" })
  call.w:later(object, kit.TIMES.restart, { state = "stopped" })
  return answer(call, object)
end

-- ---- Devices ----

local function free_address(object, wanted)
  local taken = {}
  for _, one in ipairs(object.devices) do
    taken[one.address] = true
  end
  local bus = (wanted or "virtio"):match("^%a+")
  if wanted and wanted:find("%d") then
    return not taken[wanted] and wanted or nil
  end
  for i = 0, 15 do
    local address = bus == "scsi" and ("scsi:0:%d"):format(i) or ("%s:%d"):format(bus, i)
    if not taken[address] then
      return address
    end
  end
end

local function attach(call)
  local w = call.w
  local object, e = in_state(call, SETTLED)
  local body, storage
  if object then
    body, e = kit.body(call, "storage_device")
  end
  if body then
    storage = type(body.storage) == "string" and w:get("storage", body.storage)
    if not storage then
      return kit.refuse(404, "STORAGE_NOT_FOUND", "The storage %s does not exist.", tostring(body.storage))
    end
  end
  if not body then
    return nil, e
  elseif storage.state ~= "online" then
    return kit.refuse(409, "STORAGE_STATE_ILLEGAL", "The storage %s is in the state %s.", storage.id, storage.state)
  elseif w:holders(storage, "server")[1] then
    return kit.refuse(409, "STORAGE_ATTACHED", "The storage %s is attached already.", storage.id)
  elseif storage.zone ~= object.zone then
    return kit.refuse(409, "STORAGE_ZONE_ILLEGAL", "The storage %s is in another zone.", storage.id)
  end
  local ok
  ok, e = storages.check_backups(storage, storage.backup_rule, object)
  if not ok then
    return nil, e
  end
  local address = free_address(object, body.address)
  if not address then
    return kit.refuse(409, "DEVICE_ADDRESS_IN_USE", "The address %s is in use.", tostring(body.address))
  end
  w:touch(object)
  table.insert(object.devices, { storage = storage.id, address = address, boot = false })
  return answer(call, object)
end

local function detach(call)
  local w = call.w
  local object, e = in_state(call, SETTLED)
  local body
  if object then
    body, e = kit.body(call, "storage_device")
  end
  if not body then
    return nil, e
  end
  for i, one in ipairs(object.devices) do
    if one.address == body.address or one.storage == body.storage then
      w:touch(object)
      table.remove(object.devices, i)
      local storage = w:get("storage", one.storage)
      w:change(storage, { state = "maintenance" })
      w:later(storage, kit.TIMES.attach, { state = "online" })
      return answer(call, object)
    end
  end
  return kit.refuse(404, "STORAGE_DEVICE_NOT_FOUND", "The server has no device at %s.", tostring(body.address))
end

-- ---- Interfaces ----

local function networking(call)
  local object, e = kit.get(call, "server")
  if not object then
    return nil, e
  end
  return 200, { networking = { interfaces = { interface = interfaces_view(object) } } }
end

local function add_interface(call)
  local object, e = in_state(call, { stopped = true })
  local body, one
  if object then
    body, e = kit.body(call, "interface")
  end
  if body then
    local index = 1
    for _, other in ipairs(object.interfaces) do
      index = math.max(index, other.index + 1)
    end
    one, e = read_interface(call.w, object.zone, body, kit.number(body.index) or index)
  end
  if not one then
    return nil, e
  end
  call.w:touch(object)
  table.insert(object.interfaces, one)
  return 201, { interface = interface_view(one) }
end

local function the_interface(call, object)
  for i, one in ipairs(object.interfaces) do
    if tostring(one.index) == call.params.index then
      return one, i
    end
  end
  return kit.refuse(404, "INTERFACE_NOT_FOUND", "The server has no interface %s.", call.params.index)
end

local function modify_interface(call)
  local object, e = in_state(call, { stopped = true })
  local body, one
  if object then
    body, e = kit.body(call, "interface")
  end
  if body then
    one, e = the_interface(call, object)
  end
  if not one then
    return nil, e
  end
  call.w:touch(object)
  one.index = kit.number(body.index) or one.index
  one.bootable = kit.yes(body.bootable, one.bootable)
  one.filtering = kit.yes(body.source_ip_filtering, one.filtering)
  table.sort(object.interfaces, function(a, b)
    return a.index < b.index
  end)
  return 200, { interface = interface_view(one) }
end

local function delete_interface(call)
  local object, e = in_state(call, { stopped = true })
  local one, at
  if object then
    one, at = the_interface(call, object)
    e = not one and at or nil
  end
  if not one then
    return nil, e
  end
  call.w:touch(object)
  table.remove(object.interfaces, at)
  return 204
end

M.view = view
M.in_state = in_state
M.SETTLED = SETTLED

M.routes = {
  { "GET", "/server", "server.list", list },
  { "POST", "/server", "server.create", create },
  { "GET", "/server/{id}", "server.get", get },
  { "PUT", "/server/{id}", "server.modify", modify },
  { "DELETE", "/server/{id}", "server.delete", delete },
  { "POST", "/server/{id}/start", "server.start", start },
  { "POST", "/server/{id}/stop", "server.stop", stop },
  { "POST", "/server/{id}/restart", "server.restart", restart },
  { "POST", "/server/{id}/relocate", "server.relocate", relocate },
  { "POST", "/server/{id}/storage/attach", "server.storage.attach", attach },
  { "POST", "/server/{id}/storage/detach", "server.storage.detach", detach },
  { "GET", "/server/{id}/networking", "server.networking", networking },
  { "POST", "/server/{id}/networking/interface", "server.interface.create", add_interface },
  { "PUT", "/server/{id}/networking/interface/{index}", "server.interface.modify", modify_interface },
  { "DELETE", "/server/{id}/networking/interface/{index}", "server.interface.delete", delete_interface },
}

return M
