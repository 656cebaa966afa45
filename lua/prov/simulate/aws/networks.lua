--- VPCs and what they consist of: subnets, internet gateways, NAT gateways.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local ipam = require("prov.machine.ipam")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  vpc = { quota = 200 },
  subnet = { refs = { vpc = "vpc" }, quota = 2000 },
  gateway = { refs = { vpc = "vpc" }, quota = 200 },
  nat = { refs = { subnet = "subnet", vpc = "vpc", address = "address" }, quota = 200 },
}

local function held(what, id)
  return kit.refuse("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", what, id)
end

-- VPCs -------------------------------------------------------------------------------------------

local function vpc_view(_, vpc)
  return {
    VpcId = vpc.id, CidrBlock = vpc.cidr, State = vpc.state, DhcpOptionsId = "dopt-00000000000000001",
    InstanceTenancy = vpc.tenancy, IsDefault = vpc.default or false, OwnerId = kit.ACCOUNT, Tags = kit.tags(vpc.labels),
    CidrBlockAssociationSet = data.list({
      { AssociationId = vpc.association, CidrBlock = vpc.cidr, CidrBlockState = { State = "associated" } },
    }),
  }
end

operations.DescribeVpcs = describe.operation({
  kind = "vpc", shape = "Vpc", ids = "VpcIds", out = "Vpcs", view = vpc_view,
  filters = {
    cidr = "CidrBlock", isDefault = "IsDefault",
    ["cidr-block-association.cidr-block"] = "CidrBlockAssociationSet.CidrBlock",
    ["cidr-block-association.association-id"] = "CidrBlockAssociationSet.AssociationId",
    ["cidr-block-association.state"] = "CidrBlockAssociationSet.CidrBlockState.State",
  },
})

--- Makes a VPC with what each has: its security group, route table and network ACL.
---@return prov.simulate.Object?, prov.Err?
function M.make_vpc(call, fields)
  fields.tenancy = fields.tenancy or "default"
  fields.association = kit.id(call, "vpc-cidr-assoc-")
  fields.dns_support, fields.dns_hostnames = true, fields.default or false
  local vpc, e = kit.add(call, "vpc", fields)
  if not vpc then
    return nil, e
  end
  require("prov.simulate.aws.routes").make_table(call, { vpc = vpc.id, main = true })
  require("prov.simulate.aws.acls").make(call, vpc)
  require("prov.simulate.aws.groups").make_group(call, {
    vpc = vpc.id, group_name = "default", description = "default VPC security group", default = true,
  })
  return vpc
end

function operations.CreateVpc(call, p)
  if not p.CidrBlock then
    return kit.missing("cidrBlock")
  end
  local range, e = kit.range(p.CidrBlock, "cidrBlock")
  if not range then
    return nil, e
  elseif range.prefix < 16 or range.prefix > 28 then
    return kit.refuse("InvalidVpc.Range", "The CIDR '%s' is invalid.", p.CidrBlock)
  end
  local labels
  labels, e = kit.specified(p, "vpc")
  if not labels then
    return nil, e
  end
  local vpc
  vpc, e = M.make_vpc(call, {
    cidr = range.text, state = "pending", tenancy = p.InstanceTenancy, labels = labels,
  })
  if not vpc then
    return nil, e
  end
  call.w:later(vpc, kit.TIMES.attach, { state = "available" })
  return { Vpc = vpc_view(call, vpc) }
end

--- What a VPC has by itself, which goes with it.
local function is_own(object)
  return object.default or object.main
end

function operations.DeleteVpc(call, p)
  local vpc, e = kit.get(call, "vpc", p.VpcId)
  if not vpc then
    return nil, e
  end
  local holders = call.w:holders(vpc)
  for _, holder in ipairs(holders) do
    local gone = holder.kind == "instance" or holder.kind == "nat" and holder.state == "deleted"
    if not gone and not is_own(holder) then
      return held("vpc", vpc.id)
    end
  end
  for _, holder in ipairs(holders) do
    if is_own(holder) then
      call.w:remove(holder)
    end
  end
  call.w:remove(vpc)
end

function operations.DescribeVpcAttribute(call, p)
  local vpc, e = kit.get(call, "vpc", p.VpcId)
  if not vpc then
    return nil, e
  elseif p.Attribute == "enableDnsHostnames" then
    return { VpcId = vpc.id, EnableDnsHostnames = { Value = vpc.dns_hostnames } }
  elseif p.Attribute == "enableDnsSupport" then
    return { VpcId = vpc.id, EnableDnsSupport = { Value = vpc.dns_support } }
  elseif p.Attribute == "enableNetworkAddressUsageMetrics" then
    return { VpcId = vpc.id, EnableNetworkAddressUsageMetrics = { Value = false } }
  end
  return kit.invalid("attribute", p.Attribute, "")
end

function operations.ModifyVpcAttribute(call, p)
  local vpc, e = kit.get(call, "vpc", p.VpcId)
  if not vpc then
    return nil, e
  end
  call.w:touch(vpc)
  if p.EnableDnsHostnames then
    vpc.dns_hostnames = p.EnableDnsHostnames.Value or false
  end
  if p.EnableDnsSupport then
    vpc.dns_support = p.EnableDnsSupport.Value or false
  end
end

-- Subnets ----------------------------------------------------------------------------------------

local function subnet_view(call, subnet)
  return {
    SubnetId = subnet.id, VpcId = subnet.vpc, CidrBlock = subnet.cidr, AvailabilityZone = subnet.zone,
    AvailabilityZoneId = subnet.zone_id, State = subnet.state, DefaultForAz = subnet.default or false,
    MapPublicIpOnLaunch = subnet.public or false, AssignIpv6AddressOnCreation = false, OwnerId = kit.ACCOUNT,
    AvailableIpAddressCount = kit.free_addresses(call, subnet), Ipv6CidrBlockAssociationSet = data.list({}),
    SubnetArn = ("arn:aws:ec2:%s:%s:subnet/%s"):format(call.region, kit.ACCOUNT, subnet.id),
    Tags = kit.tags(subnet.labels), MapCustomerOwnedIpOnLaunch = false, EnableDns64 = false, Ipv6Native = false,
    PrivateDnsNameOptionsOnLaunch = {
      HostnameType = "ip-name", EnableResourceNameDnsARecord = false, EnableResourceNameDnsAAAARecord = false,
    },
  }
end

operations.DescribeSubnets = describe.operation({
  kind = "subnet", shape = "Subnet", ids = "SubnetIds", out = "Subnets", view = subnet_view,
  filters = {
    cidr = "CidrBlock", cidrBlock = "CidrBlock", availabilityZone = "AvailabilityZone",
    defaultForAz = "DefaultForAz",
  },
})

--- The zone of a name or id, or the first of the region.
---@return table? zone, prov.Err?
function M.zone(call, name, id)
  local zones = require("prov.simulate.aws.catalog").zones(call.region)
  for _, zone in ipairs(zones) do
    if zone.name == name or zone.id == id or not name and not id then
      return zone
    end
  end
  local names = {}
  for i, zone in ipairs(zones) do
    names[i] = zone.name
  end
  return kit.refuse("InvalidParameterValue",
    "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following "
    .. "availability zones: %s.", name or id, table.concat(names, ", "))
end

--- Makes a subnet.
---@return prov.simulate.Object?, prov.Err?
function M.make_subnet(call, vpc, fields)
  local range, e = kit.range(fields.cidr, "cidrBlock")
  if not range then
    return nil, e
  end
  local whole = ipam.network(vpc.cidr, 16, 28)
  if range.prefix < 16 or range.prefix > 28 or range.first < whole.first or range.last > whole.last then
    return kit.refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", fields.cidr)
  end
  for _, other in ipairs(call.w:holders(vpc, "subnet")) do
    if ipam.overlap(range, ipam.network(other.cidr, 16, 28)) then
      return kit.refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", fields.cidr)
    end
  end
  local zone
  zone, e = M.zone(call, fields.zone, fields.zone_id)
  if not zone then
    return nil, e
  end
  fields.cidr, fields.vpc, fields.zone, fields.zone_id = range.text, vpc.id, zone.name, zone.id
  return kit.add(call, "subnet", fields)
end

function operations.CreateSubnet(call, p)
  local vpc, e = kit.get(call, "vpc", p.VpcId)
  if not vpc then
    return nil, e
  end
  local labels
  labels, e = kit.specified(p, "subnet")
  if not labels then
    return nil, e
  end
  local subnet
  subnet, e = M.make_subnet(call, vpc, {
    cidr = p.CidrBlock, zone = p.AvailabilityZone, zone_id = p.AvailabilityZoneId, labels = labels, state = "pending",
  })
  if not subnet then
    return nil, e
  end
  call.w:later(subnet, kit.TIMES.attach, { state = "available" })
  return { Subnet = subnet_view(call, subnet) }
end

function operations.DeleteSubnet(call, p)
  local subnet, e = kit.get(call, "subnet", p.SubnetId)
  if not subnet then
    return nil, e
  elseif #call.w:holders(subnet, "interface") > 0 or #call.w:holders(subnet, "balancer") > 0 then
    return held("subnet", subnet.id)
  end
  for _, held_by in ipairs(call.w:holders(subnet)) do
    if held_by.kind == "route_table" then
      require("prov.simulate.aws.routes").forget_subnet(call, held_by, subnet.id)
    end
  end
  call.w:remove(subnet)
end

function operations.ModifySubnetAttribute(call, p)
  local subnet, e = kit.get(call, "subnet", p.SubnetId)
  if not subnet then
    return nil, e
  end
  if p.MapPublicIpOnLaunch then
    call.w:change(subnet, { public = p.MapPublicIpOnLaunch.Value or false })
  end
end

-- Internet gateways ------------------------------------------------------------------------------

local function gateway_view(_, gateway)
  return {
    InternetGatewayId = gateway.id, OwnerId = kit.ACCOUNT, Tags = kit.tags(gateway.labels),
    Attachments = data.list(gateway.vpc and { { State = "available", VpcId = gateway.vpc } } or {}),
  }
end

operations.DescribeInternetGateways = describe.operation({
  kind = "gateway", shape = "InternetGateway", ids = "InternetGatewayIds", out = "InternetGateways",
  view = gateway_view,
})

function operations.CreateInternetGateway(call, p)
  local labels, e = kit.specified(p, "gateway")
  if not labels then
    return nil, e
  end
  local gateway
  gateway, e = kit.add(call, "gateway", { labels = labels })
  if not gateway then
    return nil, e
  end
  return { InternetGateway = gateway_view(call, gateway) }
end

function operations.AttachInternetGateway(call, p)
  local gateway, e = kit.get(call, "gateway", p.InternetGatewayId)
  if not gateway then
    return nil, e
  end
  local vpc
  vpc, e = kit.get(call, "vpc", p.VpcId)
  if not vpc then
    return nil, e
  elseif gateway.vpc then
    return kit.refuse("Resource.AlreadyAssociated", "resource %s is already attached to network %s", gateway.id,
      gateway.vpc)
  elseif #call.w:holders(vpc, "gateway") > 0 then
    return kit.refuse("InvalidParameterValue", "Network %s already has an internet gateway attached", vpc.id)
  end
  call.w:change(gateway, { vpc = vpc.id })
end

--- True when something in a VPC is seen from outside.
local function has_public(call, vpc)
  for _, interface in ipairs(call.w:list("interface")) do
    if interface.vpc == vpc and (interface.public_ip or #call.w:holders(interface, "address") > 0) then
      return true
    end
  end
  return false
end

function operations.DetachInternetGateway(call, p)
  local gateway, e = kit.get(call, "gateway", p.InternetGatewayId)
  if not gateway then
    return nil, e
  elseif gateway.vpc ~= p.VpcId or not p.VpcId then
    return kit.refuse("Gateway.NotAttached", "resource %s is not attached to network %s", gateway.id,
      tostring(p.VpcId))
  elseif has_public(call, gateway.vpc) then
    return kit.refuse("DependencyViolation",
      "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the "
      .. "gateway.", gateway.vpc)
  end
  call.w:change(gateway, { vpc = kit.NONE })
end

function operations.DeleteInternetGateway(call, p)
  local gateway, e = kit.get(call, "gateway", p.InternetGatewayId)
  if not gateway then
    return nil, e
  elseif gateway.vpc then
    return held("internetGateway", gateway.id)
  end
  call.w:remove(gateway)
end

-- NAT gateways -----------------------------------------------------------------------------------

local function nat_view(call, nat)
  local interface = call.w:get("interface", nat.interface)
  return {
    NatGatewayId = nat.id, SubnetId = nat.subnet, VpcId = nat.vpc, State = nat.state,
    CreateTime = kit.time(nat.created),
    DeleteTime = kit.time(nat.deleted), ConnectivityType = nat.connectivity, Tags = kit.tags(nat.labels),
    NatGatewayAddresses = data.list({ {
      AllocationId = nat.allocation, NetworkInterfaceId = nat.interface, PrivateIp = nat.private_ip,
      PublicIp = nat.public_ip, IsPrimary = true, Status = nat.state == "available" and "succeeded" or nil,
      AssociationId = interface and nat.association or nil,
    } }),
  }
end

operations.DescribeNatGateways = describe.operation({
  kind = "nat", shape = "NatGateway", ids = "NatGatewayIds", out = "NatGateways", view = nat_view,
})

local function make_nat(call, p)
  local subnet, e = kit.get(call, "subnet", p.SubnetId)
  if not subnet then
    return nil, e
  end
  local labels
  labels, e = kit.specified(p, "nat")
  if not labels then
    return nil, e
  end
  local private, address = p.ConnectivityType == "private"
  if not private then
    address, e = kit.get(call, "address", p.AllocationId)
    if not address then
      return nil, e
    elseif address.interface then
      return kit.refuse("Resource.AlreadyAssociated",
        "Elastic IP address [%s] is already associated with another interface", address.id)
    end
  end
  local interfaces = require("prov.simulate.aws.interfaces")
  local interface
  interface, e = interfaces.make(call, subnet, {
    ip = p.PrivateIpAddress, groups = {}, type = "nat_gateway", managed = "amazon-aws", in_use = true,
  })
  if not interface then
    return nil, e
  end
  local nat
  nat, e = kit.add(call, "nat", {
    subnet = subnet.id, vpc = subnet.vpc, state = "pending", connectivity = private and "private" or "public",
    interface = interface.id, private_ip = interface.ip, labels = labels,
  })
  if not nat then
    return nil, e
  end
  call.w:change(interface, { description = "Interface for NAT Gateway " .. nat.id })
  if address then
    interfaces.associate(call, address, interface)
    call.w:change(nat, {
      address = address.id, allocation = address.id, public_ip = address.ip, association = address.association,
    })
  end
  call.w:later(nat, kit.TIMES.nat, { state = "available" })
  return nat.id
end

function operations.CreateNatGateway(call, p)
  return kit.once(call, p, function()
    return make_nat(call, p)
  end, function(id)
    local nat, e = kit.made(call, "nat", id)
    if not nat then
      return nil, e
    end
    return { NatGateway = nat_view(call, nat), ClientToken = p.ClientToken }
  end)
end

function operations.DeleteNatGateway(call, p)
  local nat, e = kit.get(call, "nat", p.NatGatewayId)
  if not nat then
    return nil, e
  end
  if nat.state == "pending" or nat.state == "available" then
    local interface = call.w:get("interface", nat.interface)
    local address = nat.address and call.w:get("address", nat.address)
    call.w:change(nat, { state = "deleting", deleted = call.w.world:now(), next = kit.NONE })
    call.w:later(nat, kit.TIMES.nat_gone, { state = "deleted", address = kit.NONE })
    call.w:later(nat, kit.TIMES.forgotten, "gone")
    if interface then
      call.w:later(interface, kit.TIMES.nat_gone, "gone")
    end
    if address then
      call.w:later(address, kit.TIMES.nat_gone, require("prov.simulate.aws.interfaces").FREE)
    end
  end
  return { NatGatewayId = nat.id }
end

return M
