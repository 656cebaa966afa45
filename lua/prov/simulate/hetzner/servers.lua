--- Servers: how they are made and go, and how they look. What is done to them is in server_actions.

local actions = require("prov.simulate.hetzner.actions")
local addresses = require("prov.simulate.hetzner.addresses")
local base = require("prov.simulate.hetzner.server_actions")
local catalog = require("prov.simulate.hetzner.catalog")
local data = require("core.data")
local firewall = require("prov.simulate.hetzner.firewalls").firewall
local kit = require("prov.simulate.hetzner.kit")
local network = require("prov.simulate.hetzner.networks").network
local resource = require("prov.simulate.hetzner.resource")
local small = require("prov.simulate.hetzner.small")
local volume = require("prov.simulate.hetzner.volumes").volume
local world = require("prov.simulate.world")

local NONE = world.NONE
local SPREAD = 10 -- servers in a placement group

local ID_LIST = { type = "list", of = { type = "int" } }

local server = {
  kind = "server",
  plural = "servers",
  protection = { "delete", "rebuild" },
  actions = base.actions,
  filters = { status = function(object)
    return object.state
  end },
}

local function check_name(name)
  if #name <= 63 and name:find("^[%w.-]+$") and name:find("^%w") and name:find("%w$") then
    return true
  end
  return false, "must be a valid hostname (RFC 1123)"
end

local NAME = { type = "string", check = check_name }

server.update = { name = NAME, labels = kit.LABELS }

local CREATE = {
  name = { type = "string", required = true, check = check_name },
  server_type = { type = "any", required = true },
  image = { type = "any", required = true },
  location = { type = "any" },
  ssh_keys = { type = "list", of = { type = "any" } },
  user_data = { type = "string", max = 32768 },
  labels = kit.LABELS,
  networks = ID_LIST,
  volumes = ID_LIST,
  automount = { type = "bool" },
  firewalls = {
    type = "list",
    of = { type = "record", fields = { firewall = { type = "int", required = true } }, open = true },
  },
  placement_group = { type = "int" },
  public_net = {
    type = "record",
    open = true,
    fields = {
      enable_ipv4 = { type = "bool", default = true },
      enable_ipv6 = { type = "bool", default = true },
      ipv4 = { type = "int" },
      ipv6 = { type = "int" },
    },
    default = { enable_ipv4 = true, enable_ipv6 = true },
  },
  start_after_create = { type = "bool", default = true },
}

-- ---- Views ----

local function public_net(w, object)
  local v4, v6 = addresses.primary_ip.of(w, object, "ipv4"), addresses.primary_ip.of(w, object, "ipv6")
  local shown4 = v4 and addresses.primary_ip.view(w, v4)
  local shown6 = v6 and addresses.primary_ip.view(w, v6)
  return {
    ipv4 = shown4 and { id = v4.id, ip = v4.ip, blocked = false, dns_ptr = shown4.dns_ptr[1].dns_ptr } or data.null,
    ipv6 = shown6 and { id = v6.id, ip = v6.ip, blocked = false, dns_ptr = shown6.dns_ptr } or data.null,
    floating_ips = kit.map(w:holders(object, "floating_ip"), function(one)
      return one.id
    end),
    firewalls = firewall.of_server(w, object),
  }
end

local function ids(list)
  return kit.map(list, function(one)
    return one.id
  end)
end

function server.view(w, object)
  local group = object.placement_group and w:get("placement_group", object.placement_group)
  local image = object.image and w:get("image", object.image)
  return {
    id = object.id,
    name = object.name,
    status = object.state,
    created = kit.time(object.created),
    server_type = catalog.server_type(w, w:get("server_type", object.plan)),
    location = catalog.location_named(w, object.zone),
    image = image and small.image.view(w, image) or data.null,
    iso = data.null,
    rescue_enabled = object.rescue or false,
    locked = actions.is_locked(w, object),
    backup_window = object.backups and "22-02" or data.null,
    included_traffic = 20 << 40,
    ingoing_traffic = 0,
    outgoing_traffic = 0,
    primary_disk_size = object.disk,
    protection = resource.protection(object, { "delete", "rebuild" }),
    labels = object.labels,
    placement_group = group and small.placement_group.view(w, group) or data.null,
    public_net = public_net(w, object),
    private_net = kit.map(object.made and object.nets or {}, function(net)
      return { network = net.network, ip = net.ip, alias_ips = kit.map(net.alias_ips), mac_address = net.mac }
    end),
    volumes = ids(w:holders(object, "volume")),
    load_balancers = ids(w:holders(object, "load_balancer")),
  }
end

-- ---- Creation ----

local function find_plan(w, body)
  local plan = kit.named(w, "server_type", body.server_type)
  if not plan then
    return kit.invalid("server_type", "is not a server type")
  elseif plan.deprecated then
    return kit.refuse(422, "invalid_server_type", "server type '%s' is deprecated and no longer available", plan.name)
  end
  return plan
end

local function find_zone(w, body, plan)
  local location = body.location and kit.named(w, "location", body.location)
  if body.location and not location then
    return kit.invalid("location", "is not a location")
  elseif location then
    if not catalog.available(plan, location.name) then
      return kit.refuse(412, "resource_unavailable", "error during placement: '%s' is not available in '%s'",
        plan.name, location.name)
    end
    return location.name
  end
  for _, zone in ipairs(plan.zones) do
    if catalog.available(plan, zone) then
      return zone
    end
  end
  return kit.refuse(412, "resource_unavailable", "error during placement")
end

local function find_keys(w, body)
  local out = data.list({})
  for i, name in ipairs(body.ssh_keys or {}) do
    local key = kit.named(w, "ssh_key", name)
    if not key then
      return kit.refuse(422, "invalid_input", "SSH key '%s' not found", tostring(name))
    end
    out[i] = key.id
  end
  return out
end

--- All that the body names, found and fit; nil and the error otherwise.
local function find_all(call, body)
  local w, found = call.w, { networks = {}, volumes = {}, firewalls = {} }
  local e
  found.plan, e = find_plan(w, body)
  if found.plan then
    found.zone, e = find_zone(w, body, found.plan)
  end
  if found.zone then
    found.image, e = base.find_image(w, body.image, found.plan.architecture)
  end
  if found.image then
    found.keys, e = find_keys(w, body)
  end
  if not found.keys then
    return nil, e
  end
  for i, id in ipairs(body.networks or {}) do
    found.networks[i] = w:get("network", id)
    if not found.networks[i] then
      return kit.absent("network", id)
    end
  end
  for i, id in ipairs(body.volumes or {}) do
    local one = w:get("volume", id)
    if not one then
      return kit.absent("volume", id)
    elseif one.server or one.zone ~= found.zone then
      return kit.refuse(422, "invalid_input", "volume with ID '%d' cannot be attached", id)
    end
    found.volumes[i] = one
  end
  for i, row in ipairs(body.firewalls or {}) do
    found.firewalls[i] = w:get("firewall", row.firewall)
    if not found.firewalls[i] then
      return kit.refuse(404, "firewall_resource_not_found", "firewall with ID '%d' not found", row.firewall)
    end
  end
  for _, kind in ipairs({ "ipv4", "ipv6" }) do
    found[kind], e = addresses.primary_ip.given(w, found.zone, kind, body.public_net[kind])
    if found[kind] == nil then
      return nil, e
    end
  end
  local group = body.placement_group and w:get("placement_group", body.placement_group)
  if body.placement_group and not group then
    return kit.absent("placement_group", body.placement_group)
  elseif group and #w:holders(group, "server") >= SPREAD then
    return kit.refuse(412, "placement_error", "a placement group can have %d servers", SPREAD)
  elseif body.start_after_create ~= false and not body.networks
    and not body.public_net.enable_ipv4 and not body.public_net.enable_ipv6 then
    return kit.invalid("public_net", "a server needs a public address or a network")
  end
  return found
end

local function give_ips(w, object, body, found)
  for _, kind in ipairs({ "ipv4", "ipv6" }) do
    if found[kind] then
      w:change(found[kind], { server = object.id })
    elseif body.public_net["enable_" .. kind] then
      local ok, e = addresses.primary_ip.add(w, {
        type = kind,
        zone = found.zone,
        server = object.id,
        auto_delete = true,
      })
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- The actions of a new server: its creation, and what follows.
local function begin(call, object, body, found)
  local takes = kit.TAKES
  local action = actions.begin(call, "create_server", {
    on = { object },
    lock = { object },
    done = { { object, { made = true, state = body.start_after_create and "starting" or "off" } } },
    failed = { { object, { made = true, state = "off" } } },
  })
  local following = {}
  for i, one in ipairs(found.volumes) do
    following[i] = volume.attach(call, one, object, takes.create_server)
  end
  if body.start_after_create and not call.fails then
    table.insert(following, 1, actions.begin(call, "start_server", {
      on = { object },
      lock = { object },
      ms = takes.create_server + takes.start_server,
      done = { { object, { state = "running" } } },
    }))
  end
  return action, following
end

function server.create(call)
  local w = call.w
  local body, e = kit.body(call, CREATE)
  local found, object, ok
  if body then
    found, e = find_all(call, body)
  end
  if found then
    object, e = w:add("server", {
      name = body.name,
      plan = found.plan.id,
      zone = found.zone,
      image = found.image.id,
      state = "initializing",
      labels = body.labels or {},
      keys = found.keys,
      user_data = body.user_data,
      placement_group = body.placement_group,
      disk = found.plan.disk,
      nets = data.list({}),
    })
  end
  if object then
    ok, e = give_ips(w, object, body, found)
  end
  if not ok then
    return nil, e
  end
  for _, one in ipairs(found.networks) do
    local row, why = network.attachment(w, object, one)
    if not row then
      return nil, why
    end
    table.insert(object.nets, row)
  end
  for _, one in ipairs(found.firewalls) do
    w:touch(one)
    table.insert(one.applied, { server = object.id })
  end
  local action, following = begin(call, object, body, found)
  return 201, {
    server = server.view(w, object),
    action = actions.view(w, action),
    next_actions = actions.views(w, following),
    root_password = found.keys[1] and data.null or w.world:hex(20),
  }
end

-- ---- Deletion ----

--- Lets go of everything that points at the server.
local function let_go(w, object)
  for _, one in ipairs(w:holders(object)) do
    if one.kind == "volume" or one.kind == "floating_ip" or one.kind == "primary_ip" and not one.auto_delete then
      w:change(one, { server = NONE })
    elseif one.kind == "primary_ip" or one.kind == "image" and one.bound_to == object.id then
      w:remove(one)
    elseif one.kind == "firewall" or one.kind == "load_balancer" then
      w:touch(one)
      local rows = one.applied or one.targets
      for i = #rows, 1, -1 do
        local target = rows[i].server
        if target == object.id or type(target) == "table" and target.id == object.id then
          table.remove(rows, i)
        end
      end
    end
  end
end

function server.delete(call, object)
  let_go(call.w, object)
  call.w:change(object, { state = "deleting", placement_group = NONE })
  local action = actions.begin(call, "delete_server", {
    on = { object },
    lock = { object },
    done = { { object, "gone" } },
    failed = { { object, { state = "off" } } },
  })
  return 200, { action = actions.view(call.w, action) }
end

return { server, server = server }
