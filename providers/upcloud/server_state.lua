--- Servers of UpCloud as states of prov.

local api = require("api")
local inventory = require("inventory")

local M = {}

local STATUS = { started = "running", stopped = "stopped", maintenance = "busy", error = "error" }

--- The interfaces of a server in full.
function M.interfaces(server)
  return api.items(type(server.networking) == "table" and server.networking.interfaces, "interface")
end

--- What the interfaces say: addresses and private networks in the order of their index.
local function network_of(server)
  local found = { privates = {} }
  local interfaces = M.interfaces(server)
  table.sort(interfaces, function(a, b)
    return a.index < b.index
  end)
  for _, one in ipairs(interfaces) do
    local fixed, floating = nil, false
    for _, address in ipairs(api.items(one.ip_addresses, "ip_address")) do
      if address.floating == "yes" then
        floating = true
      else
        fixed = fixed or address
      end
    end
    if one.type == "private" then
      found.privates[#found.privates + 1] = { network = one.network, ip = fixed and fixed.address, index = one.index }
    elseif one.type == "utility" then
      found.utility = true
    elseif fixed and fixed.family == "IPv6" then
      found.ipv6 = fixed.address
    elseif fixed or not floating then
      found.ipv4 = fixed and fixed.address
    end
  end
  return found
end

--- The storage that was made with the server: the first one, that it boots from.
function M.own_disk(server)
  local devices = api.items(server.storage_devices, "storage_device")
  for _, one in ipairs(devices) do
    if one.boot_disk == "1" then
      return one
    end
  end
  return devices[1]
end

--- The fields that a server has in a list too, and those that UpCloud does not tell at all.
local function common(server, recorded)
  local state = {
    id = server.uuid,
    name = server.hostname,
    title = server.title ~= server.hostname and server.title or nil,
    plan = server.plan,
    zone = server.zone,
    image = recorded.image, -- UpCloud does not tell what a disk was cloned from
    user_data = recorded.user_data,
    keys = recorded.keys,
    labels = (api.from_labels(server.labels)),
    placement_group = server.server_group,
    backups = server.simple_backup ~= nil and server.simple_backup ~= "no",
    ptr = recorded.ptr,
    status = STATUS[server.state] or server.state,
  }
  if server.plan == "custom" then
    state.cpus = math.tointeger(tonumber(server.core_number))
    state.memory = math.tointeger(tonumber(server.memory_amount)) * (1 << 20)
  end
  if server.state == "error" then
    state.incomplete = "UpCloud says that it is in the state error"
  end
  return state
end

--- The state of a server in full.
---@return table
function M.state(ctx, server)
  local recorded = api.recorded(ctx, server.uuid)
  local state = common(server, recorded)
  local found, disk = network_of(server), M.own_disk(server)
  local first, networks = found.privates[1], {}
  for i = 2, #found.privates do
    networks[#networks + 1] = { network = found.privates[i].network, private_ip = found.privates[i].ip }
  end
  local host = found.ipv4 or found.ipv6 or first and first.ip
  state.network = first and first.network
  state.private_ip = first and first.ip
  state.networks = ctx.json.list(networks)
  state.public = found.ipv4 ~= nil
  state.ipv6 = found.ipv6 ~= nil
  state.ip6 = found.ipv6
  state.utility = found.utility or false
  state.ip = found.ipv4 or first and first.ip
  state.ssh = host and { host = host, port = 22, user = "root" } or nil
  state.disk_id = disk and disk.storage
  state.disk_tier = recorded.disk_tier and disk and disk.storage_tier
  state.disk = recorded.disk and disk and api.size(disk.storage_size) or nil
  return state
end

local WHERE = { -- what a server keeps that is where it was
  "network", "private_ip", "networks", "public", "ipv6", "ip6", "utility", "ip", "ssh", "disk_id",
}

--- The state of a recorded server as lists tell it, or nil when they do not.
---@param row table of the list of servers
---@param recorded table
---@param seen? upcloud.Seen
---@param disks? table<string, table> storages by UUID, when its own disk matters
---@return table?
function M.listed(row, recorded, seen, disks)
  local disk = disks and disks[recorded.disk_id]
  if not inventory.is_as_recorded(seen, recorded) or disks and not disk then
    return nil
  end
  local state = common(row, recorded)
  for _, field in ipairs(WHERE) do
    state[field] = recorded[field]
  end
  state.ptr = recorded.ptr and seen.ptr
  state.disk_tier = recorded.disk_tier and disk.tier
  state.disk = recorded.disk and api.size(disk.size) or nil
  return state
end

--- The private networks of a server in full: { network, ip, index } in the order of its interfaces.
function M.privates(server)
  return network_of(server).privates
end

return M
