--- Route tables of a VPC, with the subnets that go by them.

local api = require("api")
local kind = require("kind")
local places = require("places")

--- Where routes may lead, by how ids begin.
local TARGETS = {
  igw = "GatewayId", vgw = "GatewayId", nat = "NatGatewayId", eni = "NetworkInterfaceId", i = "InstanceId",
  pcx = "VpcPeeringConnectionId", tgw = "TransitGatewayId", eigw = "EgressOnlyInternetGatewayId",
}

local function destination(route)
  return route.DestinationCidrBlock or route.DestinationIpv6CidrBlock
end

--- Where a route leads. One to an instance has its interface too.
local function target(route)
  for _, field in ipairs({ "InstanceId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId", "NetworkInterfaceId", "GatewayId" }) do
    if route[field] and route[field] ~= "" then
      return route[field]
    end
  end
end

--- The routes of a table that somebody made: { { to, via } }.
local function routes_of(ctx, found)
  local out = ctx.json.list({})
  for _, route in ipairs(found.Routes or {}) do
    if route.Origin ~= "CreateRouteTable" and route.Origin ~= "EnableVgwRoutePropagation" and destination(route)
        and target(route) ~= "local" then
      out[#out + 1] = { to = destination(route), via = target(route) }
    end
  end
  table.sort(out, function(a, b)
    return a.to < b.to
  end)
  return out
end

local function subnets_of(found)
  local out = {}
  for _, association in ipairs(found.Associations or {}) do
    local known = association.AssociationState and association.AssociationState.State
    if association.SubnetId and known ~= "disassociated" then
      out[#out + 1] = association.SubnetId
    end
  end
  table.sort(out)
  return out
end

--- The internet gateway of a VPC, which `via: internet` stands for.
local function internet(ctx, vpc)
  local gateways, e = api.describe(ctx, "DescribeInternetGateways", "InternetGateways",
    { ["attachment.vpc-id"] = vpc })
  if not gateways then
    return nil, e
  elseif not gateways[1] then
    return ctx.fail("invalid", "the network %s has no internet gateway", vpc)
  end
  return gateways[1].InternetGatewayId
end

--- The wanted routes by destination: where they lead at AWS.
local function wanted_routes(ctx, routes, vpc)
  local out = {}
  for _, route in ipairs(routes or {}) do
    local via = route.via
    if via == "internet" then
      local e
      via, e = internet(ctx, vpc)
      if not via then
        return nil, e
      end
    end
    if not TARGETS[via:match("^(%a+)%-")] then
      return nil, ctx.error("invalid", ("a route cannot lead to '%s'"):format(via), {
        hint = "internet, or the id of a gateway, server or network interface",
      })
    end
    out[route.to] = via
  end
  return out
end

--- The routes as they were asked for, when they lead where they should.
local function told(ctx, found, known)
  local seen, gateway = routes_of(ctx, found), nil
  for _, route in ipairs(known.routes or {}) do
    if route.via == "internet" then
      gateway = gateway or internet(ctx, found.VpcId) or ""
    end
  end
  local left = {}
  for _, route in ipairs(seen) do
    left[route.to] = route.via
  end
  for _, route in ipairs(known.routes or {}) do
    local via = route.via == "internet" and gateway or route.via
    if left[route.to] ~= via then
      return seen
    end
    left[route.to] = nil
  end
  return next(left) == nil and known.routes or seen
end

local function state(ctx, found, known)
  local subnets = subnets_of(found)
  return {
    id = found.RouteTableId,
    name = api.tag(found.Tags, "Name"),
    type = "table",
    network = known.network or found.VpcId,
    routes = told(ctx, found, known),
    subnets = api.in_order(ctx, known.subnets, subnets),
    labels = api.labels(found.Tags),
  }
end

local M = kind.body({
  what = "router", operation = "DescribeRouteTables", field = "RouteTables", id = "RouteTableId",
  filter = "route-table-id", type = "route-table", state = state,
  not_ours = function(found)
    for _, association in ipairs(found.Associations or {}) do
      if association.Main then
        return true
      end
    end
    return false
  end,
})

local function change(ctx, id, operation, to, via)
  local request = { RouteTableId = id }
  request[to:find(":", 1, true) and "DestinationIpv6CidrBlock" or "DestinationCidrBlock"] = to
  if via then
    request[TARGETS[via:match("^(%a+)%-")]] = via
  end
  return (via and api.ec2 or api.away)(ctx, operation, request)
end

--- Makes routes and subnets as they are wanted.
local function arrange(ctx, id, want, found)
  local routes, e = wanted_routes(ctx, want.routes, found.VpcId)
  if not routes then
    return nil, e
  end
  local have, ok = {}, true
  for _, route in ipairs(routes_of(ctx, found)) do
    have[route.to] = route.via
    if ok and not routes[route.to] then
      ok, e = change(ctx, id, "DeleteRoute", route.to)
    end
  end
  for to, via in pairs(routes) do
    if ok and have[to] ~= via then
      ok, e = change(ctx, id, have[to] and "ReplaceRoute" or "CreateRoute", to, via)
    end
  end
  for _, association in ipairs(found.Associations or {}) do
    local gone = association.SubnetId and #api.minus({ association.SubnetId }, want.subnets or {}) > 0
    if ok and gone then
      ok, e = api.away(ctx, "DisassociateRouteTable", { AssociationId = association.RouteTableAssociationId })
    end
  end
  for _, subnet in ipairs(api.minus(want.subnets or {}, subnets_of(found))) do
    if ok then
      ok, e = api.ec2(ctx, "AssociateRouteTable", { RouteTableId = id, SubnetId = subnet })
    end
  end
  return ok and true, e
end

local function arranged(ctx, id, want)
  local ok, e = api.steady(ctx, function()
    local found, failure = M.must(ctx, id)
    if not found then
      return nil, failure
    end
    return arrange(ctx, id, want, found)
  end)
  if not ok then
    return nil, e
  end
  local found
  found, e = M.must(ctx, id)
  return found and state(ctx, found, want), e
end

function M.create(ctx, want)
  local vpc, e = places.vpc(ctx, want.network)
  if not vpc then
    return nil, e
  end
  local made
  made, e = M.make(ctx, want, "CreateRouteTable", { VpcId = vpc, ClientToken = ctx.key }, "RouteTable")
  if made then
    made, e = M.seen(ctx, made.RouteTableId)
  end
  if not made then
    return nil, e
  end
  return arranged(ctx, made.RouteTableId, want)
end

function M.update(ctx, id, want)
  local found, e = M.retag(ctx, id, want)
  if not found then
    return nil, e
  end
  return arranged(ctx, id, want)
end

function M.delete(ctx, id)
  local found, e = M.object(ctx, id)
  if not found then
    return not e or nil, e
  end
  for _, association in ipairs(found.Associations or {}) do
    if association.SubnetId then
      local ok
      ok, e = api.away(ctx, "DisassociateRouteTable", { AssociationId = association.RouteTableAssociationId })
      if not ok then
        return nil, e
      end
    end
  end
  return api.delete_held(ctx, function()
    return api.away(ctx, "DeleteRouteTable", { RouteTableId = id })
  end, { ["vpc-id"] = found.VpcId })
end

return kind.guarded(M)
