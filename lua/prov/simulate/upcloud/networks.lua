--- Networks and routers of the simulated UpCloud.

local data = require("core.data")
local catalog = require("prov.simulate.upcloud.catalog")
local ipam = require("prov.machine.ipam")
local kit = require("prov.simulate.upcloud.kit")

local M = {}

local NONE = require("prov.simulate.world").NONE

local function range_view(range)
  return {
    address = range.address,
    dhcp = kit.yesno(range.dhcp),
    dhcp_default_route = kit.yesno(range.default_route),
    dhcp_dns = range.dns and data.list(table.move(range.dns, 1, #range.dns, 1, {})) or nil,
    dhcp_routes = range.routes and data.list(table.move(range.routes, 1, #range.routes, 1, {})) or nil,
    dhcp_effective_routes = data.list({}),
    dhcp_routes_configuration = { effective_routes_auto_population = { enabled = "no" } },
    family = range.family,
    gateway = range.gateway,
  }
end

local function network_view(w, object)
  local servers = data.list({})
  for i, server in ipairs(w:holders(object, "server")) do
    servers[i] = { title = server.title, uuid = server.id }
  end
  return {
    effective_routes = data.list({}),
    ip_networks = { ip_network = data.list({ range_view(object.range) }) },
    labels = kit.shown_labels(object.labels),
    name = object.name,
    router = object.router,
    servers = servers[1] and { server = servers } or nil,
    type = object.type,
    uuid = object.id,
    zone = object.zone,
  }
end

local function list_networks(call)
  local zone, out = (call.query.zone or {})[1], data.list({})
  for _, object in ipairs(call.w:list("network")) do
    if (not zone or object.zone == zone) and kit.has_labels(call, object.labels) then
      out[#out + 1] = network_view(call.w, object)
    end
  end
  return 200, { networks = { network = out } }
end

local function get_network(call)
  local object, e = kit.get(call, "network")
  if not object then
    return nil, e
  end
  return 200, { network = network_view(call.w, object) }
end

local function texts(v)
  local out = {}
  for i, one in ipairs(type(v) == "table" and v or {}) do
    out[i] = tostring(one)
  end
  return out[1] and out or nil
end

--- The one range of a network, as a body says; `now` is what it was.
local function read_range(body, now)
  local one = (kit.items(body.ip_networks, "ip_network") or {})[1]
  if not one and now then
    return now
  elseif type(one) ~= "table" then
    return kit.refuse(400, "IP_NETWORKS_MISSING", "The ip_networks attribute is missing.")
  end
  now = now or {}
  local address = one.address or now.address
  local range, e = ipam.network(tostring(address), 8, 29)
  if not range then
    return kit.refuse(400, "IP_NETWORK_ADDRESS_INVALID", "%s", e.msg)
  elseif now.address and address ~= now.address then
    return kit.refuse(409, "IP_NETWORK_ADDRESS_ILLEGAL", "The address of a network cannot be changed.")
  end
  return {
    address = address,
    family = one.family or now.family or "IPv4",
    gateway = one.gateway or now.gateway or ipam.format(range.gateway),
    dhcp = kit.yes(one.dhcp, now.dhcp or false),
    default_route = kit.yes(one.dhcp_default_route, now.default_route or false),
    dns = texts(one.dhcp_dns) or now.dns,
    routes = texts(one.dhcp_routes) or now.routes,
  }
end

local function router_of(w, id)
  if id == nil or id == data.null or id == "" then
    return true
  end
  local router = w:get("router", id)
  if not router then
    return kit.absent("router", id)
  end
  return router.id
end

local function create_network(call)
  local body, e = kit.body(call, "network")
  local name, labels, range, router
  if body then
    name, e = kit.text("network", body, "name")
  end
  if name and not catalog.zone(body.zone) then
    return kit.refuse(400, "ZONE_NOT_FOUND", "The zone %s does not exist.", tostring(body.zone))
  elseif name then
    labels, e = kit.labels(body.labels)
  end
  if labels then
    range, e = read_range(body)
  end
  if range then
    router, e = router_of(call.w, body.router)
  end
  if not router then
    return nil, e
  end
  local object
  object, e = call.w:add("network", {
    id = "03" .. call.w.world:uuid():sub(3), name = name, zone = body.zone, type = "private", range = range,
    labels = labels, router = router ~= true and router or nil,
  })
  if not object then
    return nil, e
  end
  return 201, { network = network_view(call.w, object) }
end

local function modify_network(call)
  local object, e = kit.get(call, "network")
  local body, range, router, labels
  if object and object.type ~= "private" then
    return kit.refuse(403, "NETWORK_FORBIDDEN", "The network %s is not yours.", object.id)
  elseif object then
    body, e = kit.body(call, "network")
  end
  if body then
    range, e = read_range(body, object.range)
  end
  if range then
    router, e = router_of(call.w, body.router)
  end
  if router then
    labels, e = body.labels ~= nil and kit.labels(body.labels) or object.labels, nil
    if body.labels ~= nil then
      labels, e = kit.labels(body.labels)
    end
  end
  if not labels then
    return nil, e
  end
  call.w:change(object, {
    name = body.name, range = range, labels = labels,
    router = body.router ~= nil and (router == true and NONE or router) or nil,
  })
  return 200, { network = network_view(call.w, object) }
end

local function delete_network(call)
  local object, e = kit.get(call, "network")
  if not object then
    return nil, e
  elseif object.type ~= "private" then
    return kit.refuse(403, "NETWORK_FORBIDDEN", "The network %s is not yours.", object.id)
  end
  local holder = call.w:holders(object)[1]
  if holder then
    return kit.refuse(409, "NETWORK_RESOURCES_ATTACHED", "The network %s is in use by the %s %s.", object.id,
      holder.kind:gsub("_", " "), holder.id)
  end
  call.w:remove(object)
  return 204
end

-- ---- Routers ----

local function router_view(w, object)
  local networks, routes = data.list({}), data.list({})
  for i, network in ipairs(w:holders(object, "network")) do
    networks[i] = { uuid = network.id }
  end
  for i, one in ipairs(object.routes) do
    routes[i] = { name = one.name, nexthop = one.nexthop, route = one.route, type = "user" }
  end
  return {
    attached_network_gateways = data.list({}),
    attached_networks = { network = networks },
    labels = kit.shown_labels(object.labels),
    name = object.name,
    static_routes = routes,
    type = "normal",
    uuid = object.id,
  }
end

local function read_routes(given)
  local out = data.list({})
  for i, one in ipairs(type(given) == "table" and given or {}) do
    if type(one) ~= "table" or type(one.route) ~= "string" or type(one.nexthop) ~= "string" then
      return kit.refuse(400, "STATIC_ROUTE_INVALID", "The static route %d is invalid.", i)
    end
    out[i] = { name = one.name or "static_route_" .. i - 1, route = one.route, nexthop = one.nexthop }
  end
  return out
end

local function create_router(call)
  local body, e = kit.body(call, "router")
  local name, labels, routes
  if body then
    name, e = kit.text("router", body, "name")
  end
  if name then
    labels, e = kit.labels(body.labels)
  end
  if labels then
    routes, e = read_routes(body.static_routes)
  end
  if not routes then
    return nil, e
  end
  local object
  object, e = call.w:add("router", {
    id = "04" .. call.w.world:uuid():sub(3), name = name, labels = labels, routes = routes,
  })
  if not object then
    return nil, e
  end
  return 201, { router = router_view(call.w, object) }
end

local function list_routers(call)
  local out = data.list({})
  for _, object in ipairs(call.w:list("router")) do
    out[#out + 1] = kit.has_labels(call, object.labels) and router_view(call.w, object) or nil
  end
  return 200, { routers = { router = out } }
end

local function get_router(call)
  local object, e = kit.get(call, "router")
  if not object then
    return nil, e
  end
  return 200, { router = router_view(call.w, object) }
end

local function modify_router(call)
  local object, e = kit.get(call, "router")
  local body, labels, routes
  if object then
    body, e = kit.body(call, "router")
  end
  if body and body.labels ~= nil then
    labels, e = kit.labels(body.labels)
    body = labels and body
  end
  if body and body.static_routes ~= nil then
    routes, e = read_routes(body.static_routes)
    body = routes and body
  end
  if not body then
    return nil, e
  end
  call.w:change(object, { name = body.name, labels = labels, routes = routes })
  return 200, { router = router_view(call.w, object) }
end

local function delete_router(call)
  local object, e = kit.get(call, "router")
  if not object then
    return nil, e
  end
  local holder = call.w:holders(object)[1]
  if holder then
    return kit.refuse(409, "ROUTER_ATTACHED", "The router %s is in use by the network %s.", object.id, holder.id)
  end
  call.w:remove(object)
  return 204
end

M.routes = {
  { "GET", "/network", "network.list", list_networks },
  { "POST", "/network", "network.create", create_network },
  { "GET", "/network/{id}", "network.get", get_network },
  { "PUT", "/network/{id}", "network.modify", modify_network },
  { "DELETE", "/network/{id}", "network.delete", delete_network },
  { "GET", "/router", "router.list", list_routers },
  { "POST", "/router", "router.create", create_router },
  { "GET", "/router/{id}", "router.get", get_router },
  { "PATCH", "/router/{id}", "router.modify", modify_router },
  { "PUT", "/router/{id}", "router.modify", modify_router },
  { "DELETE", "/router/{id}", "router.delete", delete_router },
}

return M
