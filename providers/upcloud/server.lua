--- Servers. A stop answers "started" and is waited for; what needs a stopped server stops it and starts it again.

local api = require("api")
local images = require("images")

local M = {}

local STATUS = { started = "running", stopped = "stopped", maintenance = "busy", error = "error" }

local function list(v, inner)
  return type(v) == "table" and v[inner] or {}
end

--- What the interfaces say: addresses and private networks in the order of their index.
local function network_of(server)
  local found = { privates = {} }
  local interfaces = list(type(server.networking) == "table" and server.networking.interfaces, "interface")
  table.sort(interfaces, function(a, b)
    return a.index < b.index
  end)
  for _, one in ipairs(interfaces) do
    local fixed, floating = nil, false
    for _, address in ipairs(list(one.ip_addresses, "ip_address")) do
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
      found.mac = one.mac
    end
  end
  return found
end

--- The storage that was made with the server: the first one, that it boots from.
local function own_disk(server)
  local devices = list(server.storage_devices, "storage_device")
  for _, one in ipairs(devices) do
    if one.boot_disk == "1" then
      return one
    end
  end
  return devices[1]
end

local function state_of(ctx, server)
  local recorded = api.recorded(ctx, server.uuid)
  local found = network_of(server)
  local labels = api.from_labels(server.labels)
  local disk = own_disk(server)
  local first, networks = found.privates[1], {}
  for i = 2, #found.privates do
    networks[#networks + 1] = { network = found.privates[i].network, private_ip = found.privates[i].ip }
  end
  local host = found.ipv4 or found.ipv6 or first and first.ip
  local state = {
    id = server.uuid,
    name = server.hostname,
    title = server.title ~= server.hostname and server.title or nil,
    plan = server.plan,
    zone = server.zone,
    image = recorded.image, -- UpCloud does not tell what a disk was cloned from
    user_data = recorded.user_data,
    keys = recorded.keys,
    disk_tier = recorded.disk_tier and disk and disk.storage_tier,
    network = first and first.network,
    private_ip = first and first.ip,
    networks = ctx.json.list(networks),
    public = found.ipv4 ~= nil,
    ipv6 = found.ipv6 ~= nil,
    ip6 = found.ipv6,
    utility = found.utility or false,
    labels = labels,
    placement_group = server.server_group,
    ptr = recorded.ptr,
    disk_id = disk and disk.storage,
    ip = found.ipv4 or first and first.ip,
    status = STATUS[server.state] or server.state,
    ssh = host and { host = host, port = 22, user = "root" } or nil,
  }
  if disk and recorded.disk then
    state.disk = api.size(disk.storage_size)
  end
  if server.plan == "custom" then
    state.cpus = math.tointeger(tonumber(server.core_number))
    state.memory = math.tointeger(tonumber(server.memory_amount)) * (1 << 20)
  end
  if server.state == "error" then
    state.incomplete = "UpCloud says that it is in the state error"
  end
  return state
end

local function get(ctx, id)
  return api.call(ctx, "get", "/server/" .. id, nil, "server")
end

--- The reverse name of the public address.
local function read_ptr(ctx, state)
  if not (state.ptr and state.public) then
    return state
  end
  local address, e = api.call(ctx, "get", "/ip_address/" .. state.ip, nil, "ip_address")
  if not address then
    return nil, e
  end
  state.ptr = address.ptr_record
  return state
end

function M.read(ctx, id)
  local server, e = get(ctx, id)
  if not server then
    return api.absent(nil, e)
  end
  return read_ptr(ctx, state_of(ctx, server))
end

local function interface(kind, family, network, address)
  local one = { family = family, address = address }
  return { type = kind, network = network, ip_addresses = { ip_address = { one } } }
end

local function interfaces(ctx, want)
  local out = {}
  if want.public then
    out[#out + 1] = interface("public", "IPv4")
  end
  if want.ipv6 then
    out[#out + 1] = interface("public", "IPv6")
  end
  if want.utility then
    out[#out + 1] = interface("utility", "IPv4")
  end
  if want.network then
    out[#out + 1] = interface("private", "IPv4", want.network, want.private_ip)
  end
  for _, one in ipairs(want.networks or {}) do
    out[#out + 1] = interface("private", "IPv4", one.network, one.private_ip)
  end
  return ctx.json.list(out)
end

local function plan_fields(want)
  if want.plan == "custom" then
    return { core_number = tostring(want.cpus), memory_amount = tostring(want.memory // (1 << 20)) }
  end
  return { plan = want.plan }
end

--- The disk a server gets: of the plan's size and tier when nothing else is wanted.
local function disk_of(ctx, want, image)
  local plan, e = images.plan(ctx, want.plan)
  if e then
    return nil, e
  end
  local gib = want.disk and api.gib(want.disk) or plan and plan.storage_size
  return {
    action = "clone",
    storage = image,
    title = api.name(ctx, want) .. "-disk",
    size = gib and gib > 0 and gib or nil,
    tier = want.disk_tier or plan and plan.storage_tier or nil,
  }
end

function M.create(ctx, want)
  local disk
  local image, e = images.find(ctx, want.image)
  if image then
    disk, e = disk_of(ctx, want, image)
  end
  if not disk then
    return nil, e
  end
  local keys = { ctx.user_key }
  for _, key in ipairs(want.keys) do
    keys[#keys + 1] = key
  end
  local server = plan_fields(want)
  server.zone = want.zone or ctx.config.zone
  server.hostname = api.name(ctx, want)
  server.title = want.title or server.hostname
  server.metadata = "yes" -- cloud-init templates refuse to be without
  server.password_delivery = "none"
  server.labels = { label = api.labels(ctx, want.labels, ctx.key) }
  server.login_user = { username = "root", create_password = "no", ssh_keys = { ssh_key = keys } }
  server.user_data = want.user_data
  server.server_group = want.placement_group
  server.networking = { interfaces = { interface = interfaces(ctx, want) } }
  server.storage_devices = { storage_device = { disk } }
  local made
  made, e = api.call(ctx, "post", "/server", { server = server }, "server")
  if not made then
    return nil, e
  end
  ctx.adopt(made.uuid)
  return M.settle(ctx, made.uuid, want)
end

local function set_ptr(ctx, want, state)
  if not want.ptr or want.ptr == state.ptr then
    return true
  end
  return api.call(ctx, "patch", "/ip_address/" .. state.ip, { ip_address = { ptr_record = want.ptr } })
end

--- Waits for a new server, and gives its state with what it was made of.
function M.settle(ctx, id, want)
  local ok, e = api.wait_server(ctx, id, "started")
  local server
  if ok then
    server, e = get(ctx, id)
  end
  if not server then
    return nil, e
  end
  local state = state_of(ctx, server)
  ok, e = set_ptr(ctx, want, state)
  if not ok then
    return nil, e
  end
  for _, field in ipairs({ "image", "user_data", "keys", "ptr", "disk", "disk_tier" }) do
    state[field] = want[field]
  end
  return state
end

local function all(ctx)
  return api.call(ctx, "get", "/server", nil, "servers", "server")
end

function M.find(ctx, key)
  local servers, e = all(ctx)
  local found
  if servers then
    found, e = api.with_key(ctx, servers, key)
  end
  if not found then
    return nil, e
  end
  local ok
  ok, e = api.wait_server(ctx, found.uuid, found.state == "stopped" and "stopped" or "started")
  if not ok then
    return nil, e
  end
  return M.read(ctx, found.uuid)
end

--- Servers with their details: the list of the API has no addresses.
function M.list(ctx)
  local servers, e = all(ctx)
  if not servers then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(servers) do
    local state
    state, e = M.read(ctx, one.uuid)
    if e then
      return nil, e
    end
    out[#out + 1] = state
  end
  return out
end

local function stop(ctx, id, how)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/stop", {
    stop_server = { stop_type = how, timeout = "120" },
  })
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "stopped")
end

local function start(ctx, id)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/start", { server = {} })
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "started")
end

--- Runs fn while the server is stopped, and starts it: one that is stopped already is so by an earlier try.
local function stopped(ctx, id, fn)
  local server, e = get(ctx, id)
  if not server then
    return nil, e
  end
  local ok = true
  if server.state ~= "stopped" then
    ok, e = stop(ctx, id, "soft")
  end
  if ok then
    ok, e = fn(server)
  end
  if ok then
    ok, e = start(ctx, id)
  end
  return ok, e
end

--- Takes the server out of networks it should not be in, and puts it into the others.
local function change_networks(ctx, id, server, want)
  local wanted = {}
  for _, one in ipairs(interfaces(ctx, want)) do
    if one.type == "private" then
      wanted[#wanted + 1] = one
    end
  end
  local kept = {}
  for _, has in ipairs(network_of(server).privates) do
    local match
    for i, one in ipairs(wanted) do
      local address = one.ip_addresses.ip_address[1].address
      if not match and not kept[i] and one.network == has.network and (not address or address == has.ip) then
        match, kept[i] = i, true
      end
    end
    if not match then
      local ok, e = api.remove(ctx, ("/server/%s/networking/interface/%d"):format(id, has.index))
      if not ok then
        return nil, e
      end
    end
  end
  for i, one in ipairs(wanted) do
    if not kept[i] then
      local ok, e = api.call(ctx, "post", ("/server/%s/networking/interface"):format(id), { interface = one })
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- The private networks of `of` as a text; addresses where `want` cares for them.
local function networks_text(ctx, of, want)
  local out = ctx.json.list({ { of.network or "", want.private_ip and of.private_ip or "" } })
  for i, one in ipairs(of.networks or {}) do
    local asked = (want.networks or {})[i]
    out[i + 1] = { one.network, asked and asked.private_ip and one.private_ip or "" }
  end
  return ctx.json.encode(out)
end

function M.update(ctx, id, want, old)
  local server, e = get(ctx, id)
  if not server then
    return nil, e
  end
  local _, key = api.from_labels(server.labels)
  local hostname = api.name(ctx, want)
  local body
  body, e = api.call(ctx, "put", "/server/" .. id, { server = {
    hostname = hostname,
    title = want.title or hostname,
    labels = { label = api.labels(ctx, want.labels, key) },
  } })
  if not body then
    return nil, e
  end
  local resized = want.plan ~= server.plan or want.cpus ~= old.cpus or want.memory ~= old.memory
  local moved = networks_text(ctx, want, want) ~= networks_text(ctx, old, want)
  local disk = own_disk(server)
  local grown = want.disk and disk and api.gib(want.disk) > disk.storage_size
  if resized or moved or grown then
    local ok
    ok, e = stopped(ctx, id, function(now)
      local done, failure = true, nil
      if resized then
        done, failure = api.call(ctx, "put", "/server/" .. id, { server = plan_fields(want) })
      end
      if done and grown then
        done, failure = api.call(ctx, "put", "/storage/" .. disk.storage, {
          storage = { size = tostring(api.gib(want.disk)) },
        })
      end
      if done and moved then
        done, failure = change_networks(ctx, id, now, want)
      end
      return done, failure
    end)
    if not ok then
      return nil, e
    end
  elseif server.state == "stopped" then
    local ok
    ok, e = start(ctx, id) -- a server of the infra runs
    if not ok then
      return nil, e
    end
  end
  return M.settle(ctx, id, want)
end

--- Only the disk that was made with the server goes with it: volumes are detached before.
function M.delete(ctx, id)
  local server, e = get(ctx, id)
  if not server and e.code == "notfound" then
    return true
  elseif not server then
    return nil, e
  end
  local ok = true
  if server.state ~= "stopped" then
    ok, e = stop(ctx, id, "hard")
  end
  if not ok then
    return nil, e
  end
  local own = own_disk(server)
  for _, one in ipairs(list(server.storage_devices, "storage_device")) do
    if one ~= own then
      ok, e = api.call(ctx, "post", ("/server/%s/storage/detach"):format(id), {
        storage_device = { address = one.address },
      })
      if not ok then
        return nil, e
      end
    end
  end
  return api.remove(ctx, "/server/" .. id, { storages = 1 })
end

local function act(fn)
  return function(ctx, id)
    local ok, e = fn(ctx, id)
    if not ok then
      return nil, e
    end
    return M.read(ctx, id)
  end
end

M.action_start = act(start)

M.action_stop = act(function(ctx, id)
  return stop(ctx, id, "soft")
end)

M.action_restart = act(function(ctx, id)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/restart", {
    restart_server = { stop_type = "soft", timeout = "120", timeout_action = "destroy" },
  })
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "started")
end)

return M
