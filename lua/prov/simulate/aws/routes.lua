--- Route tables.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  route_table = {
    refs = {
      vpc = "vpc", ["associations[].subnet"] = "subnet", ["routes[].gateway"] = "gateway", ["routes[].nat"] = "nat",
      ["routes[].interface"] = "interface",
    },
    quota = 2000,
  },
}

local function association_view(found, association)
  return {
    RouteTableAssociationId = association.id, RouteTableId = found.id, SubnetId = association.subnet,
    Main = association.main or false, AssociationState = { State = "associated" },
  }
end

local function route_view(call, route)
  local interface = route.interface and call.w:get("interface", route.interface)
  local instance = interface and interface.attachment and interface.attachment.instance
  local target = route.gateway and route.gateway ~= "local" and call.w:get("gateway", route.gateway)
  local lost = route.gateway and route.gateway ~= "local" and not (target and target.vpc)
    or route.interface and not interface or route.nat and not call.w:get("nat", route.nat)
  return {
    DestinationCidrBlock = route.to, DestinationIpv6CidrBlock = route.to6, GatewayId = route.gateway,
    NatGatewayId = route.nat, NetworkInterfaceId = route.interface, InstanceId = instance or nil,
    InstanceOwnerId = instance and kit.ACCOUNT or nil, State = lost and "blackhole" or "active",
    Origin = route.gateway == "local" and "CreateRouteTable" or "CreateRoute",
  }
end

local function view(call, found)
  local associations, routes = data.list({}), data.list({})
  for i, association in ipairs(found.associations) do
    associations[i] = association_view(found, association)
  end
  for i, route in ipairs(found.routes) do
    routes[i] = route_view(call, route)
  end
  return {
    RouteTableId = found.id, VpcId = found.vpc, OwnerId = kit.ACCOUNT, Associations = associations, Routes = routes,
    Tags = kit.tags(found.labels), PropagatingVgws = data.list({}),
  }
end

operations.DescribeRouteTables = describe.operation({
  kind = "route_table", shape = "RouteTable", ids = "RouteTableIds", out = "RouteTables", view = view,
  filters = {
    ["association.route-table-association-id"] = "Associations.RouteTableAssociationId",
    ["association.main"] = "Associations.Main", ["association.subnet-id"] = "Associations.SubnetId",
    ["association.route-table-id"] = "Associations.RouteTableId",
  },
})

--- Makes a route table; the main one of a VPC stands for subnets that have no other.
---@return prov.simulate.Object?, prov.Err?
function M.make_table(call, fields)
  local vpc = call.w:get("vpc", fields.vpc)
  fields.routes = data.list({ { to = vpc.cidr, gateway = "local" } })
  fields.associations = data.list(fields.main and { { id = kit.id(call, "rtbassoc-"), main = true } } or {})
  return kit.add(call, "route_table", fields)
end

--- Takes a subnet out of a route table.
function M.forget_subnet(call, found, subnet)
  call.w:touch(found)
  for i = #found.associations, 1, -1 do
    if found.associations[i].subnet == subnet then
      table.remove(found.associations, i)
    end
  end
end

function operations.CreateRouteTable(call, p)
  return kit.once(call, p, function()
    local vpc, e = kit.get(call, "vpc", p.VpcId)
    if not vpc then
      return nil, e
    end
    local labels
    labels, e = kit.specified(p, "route_table")
    if not labels then
      return nil, e
    end
    local made
    made, e = M.make_table(call, { vpc = vpc.id, labels = labels })
    return made and made.id, e
  end, function(id)
    local found, e = kit.made(call, "route_table", id)
    if not found then
      return nil, e
    end
    return { RouteTable = view(call, found), ClientToken = p.ClientToken }
  end)
end

function operations.DeleteRouteTable(call, p)
  local found, e = kit.get(call, "route_table", p.RouteTableId)
  if not found then
    return nil, e
  elseif #found.associations > 0 then
    return kit.refuse("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", found.id)
  end
  call.w:remove(found)
end

function operations.AssociateRouteTable(call, p)
  local found, e = kit.get(call, "route_table", p.RouteTableId)
  if not found then
    return nil, e
  end
  local subnet
  subnet, e = kit.get(call, "subnet", p.SubnetId)
  if not subnet then
    return nil, e
  elseif subnet.vpc ~= found.vpc then
    return kit.refuse("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", found.id,
      subnet.id)
  end
  for _, holder in ipairs(call.w:holders(subnet, "route_table")) do
    for _, association in ipairs(holder.associations) do
      if association.subnet == subnet.id and holder.id ~= found.id then
        return kit.refuse("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with "
          .. "an existing association", found.id)
      elseif association.subnet == subnet.id then
        return { AssociationId = association.id, AssociationState = { State = "associated" } }
      end
    end
  end
  call.w:touch(found)
  local association = { id = kit.id(call, "rtbassoc-"), subnet = subnet.id }
  table.insert(found.associations, association)
  return { AssociationId = association.id, AssociationState = { State = "associated" } }
end

function operations.DisassociateRouteTable(call, p)
  for _, found in ipairs(describe.all(call, "route_table")) do
    for i, association in ipairs(found.associations) do
      if association.id == p.AssociationId and association.main then
        return kit.refuse("InvalidParameterValue", "cannot disassociate the main route table association %s",
          association.id)
      elseif association.id == p.AssociationId then
        call.w:touch(found)
        table.remove(found.associations, i)
        return
      end
    end
  end
  return kit.refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist",
    tostring(p.AssociationId))
end

--- Parameters that say where a route leads, and the kinds they name, which are fields of a route.
local TARGETS = { { "GatewayId", "gateway" }, { "NatGatewayId", "nat" }, { "NetworkInterfaceId", "interface" } }

--- The route that a request asks for, in a table.
local function route_of(call, p, found, to)
  local route = { to = to, to6 = p.DestinationIpv6CidrBlock }
  if p.InstanceId then
    local instance, e = kit.get(call, "instance", p.InstanceId)
    if not instance then
      return nil, e
    end
    local interfaces = require("prov.simulate.aws.interfaces").of_instance(call, instance)
    if #interfaces ~= 1 then
      return kit.refuse("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'.", instance.id)
    end
    route.interface = interfaces[1].id
    return route
  end
  for _, row in ipairs(TARGETS) do
    if p[row[1]] then
      local object, e = kit.get(call, row[2], p[row[1]])
      if not object then
        return nil, e
      elseif row[2] == "gateway" and object.vpc ~= found.vpc then
        return kit.refuse("InvalidParameterValue", "route table %s and network gateway %s belong to different networks",
          found.id, object.id)
      end
      route[row[2]] = object.id
      return route
    end
  end
  return kit.refuse("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, "
    .. "networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, "
    .. "carrierGatewayId, vpcEndpointId, instanceId")
end

--- The table and the place of the route to a destination in it.
local function find(call, p)
  local found, e = kit.get(call, "route_table", p.RouteTableId)
  if not found then
    return nil, e
  elseif not p.DestinationCidrBlock and not p.DestinationIpv6CidrBlock then
    return kit.missing("destinationCidrBlock")
  end
  local to = p.DestinationCidrBlock
  if to then
    local range
    range, e = kit.range(to, "destinationCidrBlock")
    if not range then
      return nil, e
    end
    to = range.text
  end
  for i, route in ipairs(found.routes) do
    if to and route.to == to or p.DestinationIpv6CidrBlock and route.to6 == p.DestinationIpv6CidrBlock then
      return found, i, to
    end
  end
  return found, nil, to
end

function operations.CreateRoute(call, p)
  local found, at, to = find(call, p)
  if not found then
    return nil, at
  elseif at then
    return kit.refuse("RouteAlreadyExists", "The route identified by %s already exists.",
      to or p.DestinationIpv6CidrBlock)
  end
  local route, e = route_of(call, p, found, to)
  if not route then
    return nil, e
  end
  call.w:touch(found)
  table.insert(found.routes, route)
  return { Return = true }
end

function operations.ReplaceRoute(call, p)
  local found, at, to = find(call, p)
  if not found then
    return nil, at
  elseif not at then
    return kit.refuse("InvalidParameterValue", "There is no route defined for '%s' in the route table. "
      .. "Use CreateRoute instead.", to or p.DestinationIpv6CidrBlock)
  end
  local route, e = route_of(call, p, found, to)
  if not route then
    return nil, e
  end
  call.w:touch(found)
  found.routes[at] = route
end

function operations.DeleteRoute(call, p)
  local found, at, to = find(call, p)
  if not found then
    return nil, at
  elseif not at then
    return kit.refuse("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s",
      to or p.DestinationIpv6CidrBlock, found.id)
  elseif found.routes[at].gateway == "local" then
    return kit.refuse("InvalidParameterValue", "cannot remove local route %s in route table %s", to, found.id)
  end
  call.w:touch(found)
  table.remove(found.routes, at)
end

return M
