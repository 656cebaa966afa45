--- Private networks, each with a subnet of its whole range unless subnets are resources of their own.

local api = require("api")
local common = require("common")

--- The zone in the words it was asked for: a location when that is in the network zone of the subnets.
local function zone_of(ctx, network, recorded)
  local subnet = (network.subnets or {})[1]
  local seen = subnet and subnet.network_zone
  if seen and recorded.zone and recorded.zone ~= seen then
    local of = common.network_zone(ctx, recorded.zone)
    return of == seen and recorded.zone or seen
  end
  return seen
end

--- Routes to the API's words.
local function to_api(ctx, routes)
  local out = ctx.json.list({})
  for i, route in ipairs(routes or {}) do
    out[i] = { destination = route.to, gateway = route.via }
  end
  return out
end

local function routes_of(ctx, network, recorded)
  local out = {}
  for i, route in ipairs(network.routes or {}) do
    out[i] = { to = route.destination, via = route.gateway }
  end
  return common.in_order(ctx, recorded.routes, out)
end

local function has_whole_subnet(network)
  for _, subnet in ipairs(network.subnets or {}) do
    if subnet.ip_range == network.ip_range then
      return true
    end
  end
  return false
end

local function state(ctx, network, recorded)
  local subnet = (network.subnets or {})[1]
  return {
    id = tostring(network.id),
    name = network.name,
    cidr = network.ip_range,
    zone = zone_of(ctx, network, recorded),
    subnet = has_whole_subnet(network),
    expose_routes = network.expose_routes_to_vswitch or false,
    labels = api.own_labels(network.labels),
    protected = network.protection and network.protection.delete or false,
    routes = routes_of(ctx, network, recorded),
    gateway = subnet and subnet.gateway or network.ip_range:match("^(.-)%d+/%d+$") .. "1",
  }
end

local body = common.body({
  path = "/networks", list = "networks", field = "network", what = "network", state = state,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

local function subnet_fields(ctx, want)
  local zone, e = common.network_zone(ctx, want.zone or ctx.config.zone)
  return zone and { type = "cloud", ip_range = want.cidr, network_zone = zone }, e
end

function M.create(ctx, want)
  local fields = {
    ip_range = want.cidr, routes = want.routes[1] and to_api(ctx, want.routes) or nil,
    expose_routes_to_vswitch = want.expose_routes or nil,
  }
  local e
  if want.subnet then
    local subnet
    subnet, e = subnet_fields(ctx, want)
    if not subnet then
      return nil, e
    end
    fields.subnets = ctx.json.list({ subnet })
  end
  local id, network = body.make(ctx, want, fields)
  if not id then
    return nil, network
  end
  local ok
  ok, e = body.guard(ctx, id, want)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

local function change_routes(ctx, id, want, network)
  local away, add = common.difference(ctx, network.routes or {}, to_api(ctx, want.routes))
  local ok, e = common.each(away, function(route)
    return body.act(ctx, id, "delete_route", { destination = route.destination, gateway = route.gateway })
  end)
  if not ok then
    return nil, e
  end
  return common.each(add, function(route)
    return body.act(ctx, id, "add_route", route)
  end)
end

local function change_subnet(ctx, id, want, network)
  if want.subnet == has_whole_subnet(network) then
    return true
  elseif not want.subnet then
    return body.act(ctx, id, "delete_subnet", { ip_range = network.ip_range })
  end
  local subnet, e = subnet_fields(ctx, want)
  if not subnet then
    return nil, e
  end
  return body.act(ctx, id, "add_subnet", subnet)
end

function M.update(ctx, id, want)
  local network, e = body.present(ctx, id)
  if not network then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return body.rename(ctx, id, want, network)
  end, function()
    local exposed = want.expose_routes or false
    local same = exposed == (network.expose_routes_to_vswitch or false)
    return api.unless(same, api.put, ctx, body.path(ctx, id), { expose_routes_to_vswitch = exposed })
  end, function()
    return change_subnet(ctx, id, want, network)
  end, function()
    return change_routes(ctx, id, want, network)
  end, function()
    return body.protect(ctx, id, want, network)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
