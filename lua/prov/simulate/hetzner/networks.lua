--- Networks with their subnets and routes, and the addresses servers and load balancers get in them.

local actions = require("prov.simulate.hetzner.actions")
local catalog = require("prov.simulate.hetzner.catalog")
local data = require("core.data")
local ipam = require("prov.machine.ipam")
local kit = require("prov.simulate.hetzner.kit")
local resource = require("prov.simulate.hetzner.resource")

local SUBNET = {
  type = { type = "enum", one_of = { "cloud", "server", "vswitch" }, required = true },
  ip_range = { type = "string" },
  network_zone = { type = "string", required = true },
  vswitch_id = { type = "int" },
}

local ROUTE = { destination = { type = "cidr", required = true }, gateway = { type = "ip", required = true } }

local PRIVATE = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16" }

local network = {
  kind = "network",
  plural = "networks",
  protection = { "delete" },
  update = kit.update_schema({ expose_routes_to_vswitch = { type = "bool" } }),
  actions = {},
}

local function range_of(text)
  return ipam.network(text, 8, 30)
end

local function inside(inner, outer)
  return inner.first >= outer.first and inner.last <= outer.last
end

local function ids(list)
  return kit.map(list, function(object)
    return object.id
  end)
end

function network.view(w, object)
  return {
    id = object.id,
    name = object.name,
    ip_range = object.ip_range,
    subnets = kit.map(object.subnets, function(subnet)
      return {
        type = subnet.type,
        ip_range = subnet.ip_range,
        network_zone = subnet.network_zone,
        gateway = ipam.format(range_of(object.ip_range).first + 1),
        vswitch_id = kit.maybe(subnet.vswitch_id),
      }
    end),
    routes = kit.map(object.routes, function(route)
      return { destination = route.destination, gateway = route.gateway }
    end),
    servers = ids(w:holders(object, "server")),
    load_balancers = ids(w:holders(object, "load_balancer")),
    protection = resource.protection(object, { "delete" }),
    labels = object.labels,
    expose_routes_to_vswitch = object.expose_routes_to_vswitch or false,
    created = kit.time(object.created),
  }
end

local function check_range(field, text)
  local range = range_of(text)
  if not range then
    return kit.invalid(field, "is not a valid IPv4 range")
  end
  for _, private in ipairs(PRIVATE) do
    if inside(range, range_of(private)) then
      return range
    end
  end
  return kit.invalid(field, "must be in a private range (RFC 1918)")
end

--- The subnet as it is kept, with a range of its own.
local function new_subnet(w, ip_range, subnets, wanted)
  local whole = range_of(ip_range)
  local known = false
  for _, location in ipairs(w:list("location")) do
    known = known or location.network_zone == wanted.network_zone
  end
  if not known then
    return kit.invalid("network_zone", "is not a network zone")
  end
  local text = wanted.ip_range
  for first = whole.first, text and whole.first or whole.last, 256 do
    local candidate = text or ipam.format(first) .. "/24"
    local range = range_of(candidate)
    if not range or not inside(range, whole) then
      return kit.invalid("ip_range", "must be inside of the range of the network")
    end
    local free = true
    for _, other in ipairs(subnets) do
      free = free and not ipam.overlap(range, range_of(other.ip_range))
    end
    if free then
      return {
        type = wanted.type,
        ip_range = candidate,
        network_zone = wanted.network_zone,
        vswitch_id = wanted.vswitch_id,
      }
    elseif text then
      return kit.invalid("ip_range", "overlaps with another subnet")
    end
  end
  return kit.invalid("ip_range", "no range is free")
end

local function check_route(object, route)
  local range = range_of(object.ip_range)
  local gateway = ipam.parse(route.gateway)
  if not gateway or gateway < range.first or gateway > range.last or gateway == range.first + 1 then
    return kit.invalid("gateway", "must be an address of the network, and not its first one")
  end
  for _, other in ipairs(object.routes) do
    if other.destination == route.destination then
      return kit.invalid("destination", "there is a route to it already")
    end
  end
  return true
end

function network.create(call)
  local w = call.w
  local body, e = kit.body(call, {
    name = kit.NAME,
    ip_range = { type = "string", required = true },
    labels = kit.LABELS,
    expose_routes_to_vswitch = { type = "bool" },
    subnets = { type = "list", of = { type = "record", fields = SUBNET, open = true } },
    routes = { type = "list", of = { type = "record", fields = ROUTE, open = true } },
  })
  if not body then
    return nil, e
  end
  local range
  range, e = check_range("ip_range", body.ip_range)
  if not range then
    return nil, e
  end
  local fields = {
    name = body.name,
    ip_range = body.ip_range,
    subnets = data.list({}),
    routes = data.list({}),
    labels = body.labels or {},
    expose_routes_to_vswitch = body.expose_routes_to_vswitch,
  }
  for i, wanted in ipairs(body.subnets or {}) do
    fields.subnets[i], e = new_subnet(w, body.ip_range, fields.subnets, wanted)
    if not fields.subnets[i] then
      return nil, e
    end
  end
  for i, route in ipairs(body.routes or {}) do
    local ok
    ok, e = check_route(fields, route)
    if not ok then
      return nil, e
    end
    fields.routes[i] = { destination = route.destination, gateway = route.gateway }
  end
  local object
  object, e = w:add("network", fields)
  if not object then
    return nil, e
  end
  return 201, { network = network.view(w, object) }
end

--- Attached servers and load balancers go without it, as they do there in the background.
function network.can_delete(call, object)
  local w = call.w
  for _, holder in ipairs(w:holders(object)) do
    w:touch(holder)
    for i = #holder.nets, 1, -1 do
      if holder.nets[i].network == object.id then
        table.remove(holder.nets, i)
      end
    end
  end
  return true
end

--- Begins an action on the network itself, whose field is changed at once.
local function change(call, object, command, fn)
  local ok, e = actions.unlocked(call.w, object)
  if not ok then
    return nil, e
  end
  call.w:touch(object)
  ok, e = fn()
  if not ok then
    return nil, e
  end
  return actions.begin(call, command, { on = { object }, lock = { object } })
end

function network.actions.add_subnet(call, object)
  local body, e = kit.body(call, SUBNET)
  if not body then
    return nil, e
  end
  return change(call, object, "add_subnet", function()
    local subnet, why = new_subnet(call.w, object.ip_range, object.subnets, body)
    table.insert(object.subnets, subnet)
    return subnet, why
  end)
end

--- All addresses in use in a network: address -> id of the server or load balancer.
local function taken_of(w, object)
  local taken = {}
  for _, holder in ipairs(w:holders(object)) do
    for _, net in ipairs(holder.nets) do
      if net.network == object.id then
        taken[net.ip] = holder.id
        for _, alias in ipairs(net.alias_ips or {}) do
          taken[alias] = holder.id
        end
      end
    end
  end
  return taken
end

function network.actions.delete_subnet(call, object)
  local body, e = kit.body(call, { ip_range = { type = "string", required = true } })
  if not body then
    return nil, e
  end
  return change(call, object, "delete_subnet", function()
    for i, subnet in ipairs(object.subnets) do
      if subnet.ip_range == body.ip_range then
        local range = range_of(subnet.ip_range)
        for ip in pairs(taken_of(call.w, object)) do
          local number = ipam.parse(ip)
          if number >= range.first and number <= range.last then
            return kit.refuse(422, "resource_in_use", "subnet %s still has resources attached", subnet.ip_range)
          end
        end
        table.remove(object.subnets, i)
        return true
      end
    end
    return kit.refuse(404, "not_found", "subnet %s not found", body.ip_range)
  end)
end

function network.actions.add_route(call, object)
  local body, e = kit.body(call, ROUTE)
  if not body then
    return nil, e
  end
  return change(call, object, "add_route", function()
    local ok, why = check_route(object, body)
    table.insert(object.routes, ok and { destination = body.destination, gateway = body.gateway } or nil)
    return ok, why
  end)
end

function network.actions.delete_route(call, object)
  local body, e = kit.body(call, ROUTE)
  if not body then
    return nil, e
  end
  return change(call, object, "delete_route", function()
    for i, route in ipairs(object.routes) do
      if route.destination == body.destination and route.gateway == body.gateway then
        table.remove(object.routes, i)
        return true
      end
    end
    return kit.refuse(404, "not_found", "route to %s not found", body.destination)
  end)
end

function network.actions.change_ip_range(call, object)
  local body, e = kit.body(call, { ip_range = { type = "string", required = true } })
  if not body then
    return nil, e
  end
  return change(call, object, "change_ip_range", function()
    local range, why = check_range("ip_range", body.ip_range)
    if not range then
      return nil, why
    end
    local old = range_of(object.ip_range)
    if range.first ~= old.first or range.last < old.last then
      return kit.invalid("ip_range", "can only be extended")
    end
    object.ip_range = body.ip_range
    return true
  end)
end

-- ---- Addresses in networks ----

--- Finds an address for something that is being attached: `wanted`, or the lowest free one of a subnet in the zone,
-- or of the subnet `ip_range`.
local function find_ip(w, object, zone, wanted, ip_range)
  local network_zone = catalog.location_named(w, zone).network_zone
  local taken = taken_of(w, object)
  local number = wanted and ipam.parse(wanted)
  for _, subnet in ipairs(object.subnets) do
    local range = range_of(subnet.ip_range)
    if subnet.network_zone == network_zone and subnet.type ~= "vswitch"
      and (not ip_range or subnet.ip_range == ip_range) then
      if number and number > range.first + 1 and number < range.last then
        if taken[wanted] then
          break
        end
        return wanted
      end
      local ip = not wanted and ipam.allocate(range, taken)
      if ip then
        return ip
      end
    end
  end
  if wanted then
    return kit.refuse(422, "ip_not_available", "IP %s is not available", wanted)
  end
  return kit.refuse(422, "no_subnet_available", "no subnet or IP is available in network '%s'", object.name)
end

--- What an object is attached with: a row for its `nets`.
---@param w prov.simulate.Cloud
---@param holder table server or load balancer with zone and nets
---@param object table network
---@param wanted? { ip: string?, ip_range: string?, alias_ips: string[]? }
---@return table?, prov.Err?
function network.attachment(w, holder, object, wanted)
  wanted = wanted or {}
  for _, net in ipairs(holder.nets) do
    if net.network == object.id then
      return kit.refuse(422, holder.kind == "server" and "server_already_attached" or "load_balancer_already_attached",
        "%s is already attached to the network", holder.kind)
    elseif holder.kind == "server" then
      local other = w:get("network", net.network)
      if other and ipam.overlap(range_of(other.ip_range), range_of(object.ip_range)) then
        return kit.refuse(422, "networks_overlap", "the range of network '%s' overlaps with that of '%s'", object.name,
          other.name)
      end
    end
  end
  local ip, e = find_ip(w, object, holder.zone, wanted.ip, wanted.ip_range)
  if not ip then
    return nil, e
  end
  return {
    network = object.id,
    ip = ip,
    alias_ips = kit.map(wanted.alias_ips),
    mac = ("86:00:00:%02x:%02x:%02x"):format(string.pack(">I3", w.world:number("mac")):byte(1, 3)),
  }
end

--- The row of `nets` for a network.
---@return table? row, integer? index
function network.row(holder, id)
  for i, net in ipairs(holder.nets) do
    if net.network == id then
      return net, i
    end
  end
end

return { network, network = network }
