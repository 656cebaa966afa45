--- Networks: a VPC, and with it what makes it of use: one subnet over all of it, an internet gateway, and the route
--- to it. Each part carries the key of the network, so that a creation that broke off is gone on with; what is missing
--- is seen by the next plan, which puts it back.

local api = require("api")
local kind = require("kind")

local DEFAULT_ROUTE = "0.0.0.0/0"

--- The subnet that came with the network, or nil.
local function subnet_of(ctx, vpc)
  local subnets, e = api.describe(ctx, "DescribeSubnets", "Subnets", { ["vpc-id"] = vpc,
    ["tag:" .. api.PART] = "subnet" })
  if not subnets then
    return nil, e
  end
  return subnets[1] or false
end

local function gateway_of(ctx, vpc)
  local gateways, e = api.describe(ctx, "DescribeInternetGateways", "InternetGateways",
    { ["attachment.vpc-id"] = vpc })
  if not gateways then
    return nil, e
  end
  return gateways[1] or false
end

--- The route table of all subnets that have no other.
local function table_of(ctx, vpc)
  local tables, e = api.describe(ctx, "DescribeRouteTables", "RouteTables", { ["vpc-id"] = vpc,
    ["association.main"] = "true" })
  if not tables then
    return nil, e
  end
  return tables[1] or false
end

--- Everything that belongs to a network.
local function parts_of(ctx, vpc)
  local parts = {}
  for name, read in pairs({ subnet = subnet_of, gateway = gateway_of, routes = table_of }) do
    local part, e = read(ctx, vpc)
    if part == nil then
      return nil, e
    end
    parts[name] = part
  end
  return parts
end

local function target_of(route)
  return route.GatewayId or route.NatGatewayId or route.NetworkInterfaceId or route.InstanceId
    or route.TransitGatewayId or route.VpcPeeringConnectionId
end

local function destination_of(route)
  return route.DestinationCidrBlock or route.DestinationIpv6CidrBlock
end

local function has_way_out(parts)
  for _, route in ipairs(parts.gateway and parts.routes and parts.routes.Routes or {}) do
    if destination_of(route) == DEFAULT_ROUTE and target_of(route) == parts.gateway.InternetGatewayId
        and route.State ~= "blackhole" then
      return true
    end
  end
  return false
end

local function state(ctx, vpc, known)
  local parts, e = parts_of(ctx, vpc.VpcId)
  if not parts then
    return nil, e
  end
  local subnet = parts.subnet or nil
  return {
    id = vpc.VpcId,
    name = api.tag(vpc.Tags, "Name"),
    cidr = vpc.CidrBlock,
    zone = known.zone and subnet and subnet.AvailabilityZone,
    subnet = subnet ~= nil,
    internet = has_way_out(parts),
    labels = api.labels(vpc.Tags),
    default = vpc.IsDefault or nil,
    subnet_id = subnet and subnet.SubnetId,
    gateway = require("subnet").gateway(subnet and subnet.CidrBlock),
  }
end

local M = kind.body({
  what = "network", operation = "DescribeVpcs", field = "Vpcs", id = "VpcId", filter = "vpc-id", type = "vpc",
  state = state,
  not_ours = function(vpc)
    return vpc.IsDefault
  end,
})

--- The tags of a part.
local function part_tags(ctx, want, type_name, part)
  return api.specifications(ctx, { type_name }, api.name_of(ctx, want), want.labels, part)
end

local function add_subnet(ctx, want, vpc)
  local made, e = api.made(ctx, function()
    local answer, failure = api.ec2(ctx, "CreateSubnet", { VpcId = vpc, CidrBlock = want.cidr,
      AvailabilityZone = want.zone or ctx.config.zone, TagSpecifications = part_tags(ctx, want, "subnet", "subnet") })
    return answer and answer.Subnet, failure
  end, function()
    local found, failure = subnet_of(ctx, vpc)
    return found or nil, failure
  end)
  return made and true, e
end

--- An internet gateway of ours that is attached to nothing yet.
local function loose_gateway(ctx)
  local gateways, e = api.describe(ctx, "DescribeInternetGateways", "InternetGateways",
    { ["tag:" .. api.KEY] = ctx.key })
  if not gateways then
    return nil, e
  end
  return gateways[1]
end

local function add_gateway(ctx, want, vpc)
  local gateway, e = loose_gateway(ctx)
  if not gateway and not e then
    gateway, e = api.made(ctx, function()
      local answer, failure = api.ec2(ctx, "CreateInternetGateway",
        { TagSpecifications = part_tags(ctx, want, "internet-gateway", "gateway") })
      return answer and answer.InternetGateway, failure
    end, function()
      return loose_gateway(ctx)
    end)
  end
  if not gateway then
    return nil, e
  end
  local ok
  ok, e = api.patient(ctx, { ["InvalidInternetGatewayID.NotFound"] = true, ["InvalidVpcID.NotFound"] = true }, 60,
    function()
      return api.ec2(ctx, "AttachInternetGateway", { InternetGatewayId = gateway.InternetGatewayId, VpcId = vpc })
    end)
  if not ok and api.code(e) ~= "Resource.AlreadyAssociated" then
    return nil, e
  end
  return gateway
end

local function add_route(ctx, parts, gateway)
  local request = { RouteTableId = parts.routes.RouteTableId, DestinationCidrBlock = DEFAULT_ROUTE,
    GatewayId = gateway.InternetGatewayId }
  local ok, e = api.ec2(ctx, "CreateRoute", request)
  if not ok and api.code(e) == "RouteAlreadyExists" then -- one that leads elsewhere, or nowhere
    ok, e = api.ec2(ctx, "ReplaceRoute", request)
  end
  return ok, e
end

--- Makes what is missing.
local function add_parts(ctx, want, vpc)
  local parts, e = parts_of(ctx, vpc)
  if not parts then
    return nil, e
  end
  local ok = true
  if want.subnet and not parts.subnet then
    ok, e = add_subnet(ctx, want, vpc)
  end
  if ok and want.internet and not has_way_out(parts) then
    local gateway = parts.gateway
    if not gateway then
      gateway, e = add_gateway(ctx, want, vpc)
    end
    ok = gateway
    if ok then
      ok, e = api.ec2(ctx, "ModifyVpcAttribute", { VpcId = vpc, EnableDnsHostnames = { Value = true } })
    end
    if ok then
      ok, e = add_route(ctx, parts, gateway)
    end
  end
  return ok and true, e
end

local function complete(ctx, want, vpc)
  return api.steady(ctx, function()
    return add_parts(ctx, want, vpc)
  end)
end

--- Takes away what is not wanted any more.
local function remove_parts(ctx, want, vpc)
  local parts, e = parts_of(ctx, vpc)
  if not parts then
    return nil, e
  end
  local ok = true
  if not want.subnet and parts.subnet then
    ok, e = api.delete_held(ctx, function()
      return api.away(ctx, "DeleteSubnet", { SubnetId = parts.subnet.SubnetId })
    end, { ["subnet-id"] = parts.subnet.SubnetId })
  end
  local gateway = parts.gateway
  if ok and not want.internet and gateway then
    if parts.routes and has_way_out(parts) then
      ok, e = api.away(ctx, "DeleteRoute", { RouteTableId = parts.routes.RouteTableId,
        DestinationCidrBlock = DEFAULT_ROUTE })
    end
    if ok and api.tag(gateway.Tags, api.PART) then
      ok, e = api.delete_held(ctx, function()
        return api.away(ctx, "DetachInternetGateway", { InternetGatewayId = gateway.InternetGatewayId, VpcId = vpc })
      end, { ["vpc-id"] = vpc })
      if ok then
        ok, e = api.away(ctx, "DeleteInternetGateway", { InternetGatewayId = gateway.InternetGatewayId })
      end
    end
  end
  return ok and true, e
end

function M.create(ctx, want)
  local vpc, e = M.make(ctx, want, "CreateVpc", { CidrBlock = want.cidr }, "Vpc")
  if not vpc then
    return nil, e
  end
  local seen
  seen, e = M.seen(ctx, vpc.VpcId)
  if not seen then
    return nil, e
  end
  local ok
  ok, e = complete(ctx, want, vpc.VpcId)
  if not ok then
    return nil, e
  end
  return state(ctx, seen, want)
end

function M.update(ctx, id, want)
  local vpc, e = M.must(ctx, id)
  if not vpc then
    return nil, e
  end
  for _, step in ipairs({ remove_parts, complete }) do
    local ok
    ok, e = step(ctx, want, id)
    if not ok then
      return nil, e
    end
  end
  local ok
  ok, e = api.retag(ctx, id, want, vpc.Tags)
  if not ok then
    return nil, e
  end
  vpc, e = M.must(ctx, id)
  return vpc and state(ctx, vpc, want), e
end

--- What else is in a VPC, as text.
local function inhabitants(ctx, vpc)
  local out = {}
  for _, ask in ipairs({
    { "DescribeSubnets", "Subnets", "SubnetId" }, { "DescribeSecurityGroups", "SecurityGroups", "GroupId" },
    { "DescribeRouteTables", "RouteTables", "RouteTableId" },
  }) do
    for _, object in ipairs(api.describe(ctx, ask[1], ask[2], { ["vpc-id"] = vpc }) or {}) do
      local is_default = object.GroupName == "default"
      for _, association in ipairs(object.Associations or {}) do
        is_default = is_default or association.Main
      end
      if not is_default then
        out[#out + 1] = object[ask[3]]
      end
    end
  end
  return #out > 0 and table.concat(out, ", ") or nil
end

function M.delete(ctx, id)
  local ok, e = remove_parts(ctx, {}, id)
  if ok then
    ok, e = api.delete_held(ctx, function()
      return api.away(ctx, "DeleteVpc", { VpcId = id })
    end, { ["vpc-id"] = id }, function()
      return inhabitants(ctx, id)
    end)
  end
  return ok, e
end

return kind.guarded(M)
