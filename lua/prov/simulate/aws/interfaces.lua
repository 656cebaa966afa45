--- Network interfaces and Elastic IP addresses.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local groups = require("prov.simulate.aws.groups")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  interface = {
    refs = { subnet = "subnet", vpc = "vpc", ["groups[]"] = "group", ["attachment.instance"] = "instance",
      balancer = "balancer" },
    quota = 5000, quiet = true,
  },
  address = { refs = { interface = "interface" }, quota = 100 },
}

--- The fields of an address that nobody uses, and of an interface that is on no instance.
M.FREE = { interface = kit.NONE, association = kit.NONE, server = kit.NONE }
M.DETACHED = { in_use = kit.NONE, attachment = kit.NONE, public_ip = kit.NONE, server = kit.NONE }

-- Interfaces -------------------------------------------------------------------------------------

--- The address an interface has from outside: the Elastic IP, or nil.
local function address_of(call, interface)
  return call.w:holders(interface, "address")[1]
end

--- Association of an interface with a public address, as answers show it; nil for none.
function M.association(call, interface)
  local address = address_of(call, interface)
  local ip = address and address.ip or interface.public_ip
  return ip and {
    PublicIp = ip, IpOwnerId = address and kit.ACCOUNT or "amazon", AllocationId = address and address.id or nil,
    AssociationId = address and address.association or nil, PublicDnsName = kit.public_name(call.region, ip),
  }
end

--- The public address of an interface, or nil.
function M.public_ip(call, interface)
  local address = address_of(call, interface)
  return address and address.ip or interface.public_ip
end

local function attachment_view(attachment)
  return attachment and {
    AttachmentId = attachment.id, InstanceId = attachment.instance, DeviceIndex = attachment.index,
    InstanceOwnerId = attachment.owner or kit.ACCOUNT, Status = attachment.state, NetworkCardIndex = 0,
    DeleteOnTermination = attachment.delete or false, AttachTime = kit.time(attachment.at),
  }
end

local function private_addresses(call, interface, association)
  return data.list({ {
    Primary = true, PrivateIpAddress = interface.ip, PrivateDnsName = kit.private_name(call.region, interface.ip),
    Association = association,
  } })
end

local function view(call, interface)
  local association = M.association(call, interface)
  return {
    NetworkInterfaceId = interface.id, SubnetId = interface.subnet, VpcId = interface.vpc,
    AvailabilityZone = interface.zone, Description = interface.description or "", OwnerId = kit.ACCOUNT,
    RequesterId = interface.managed, RequesterManaged = interface.managed ~= nil, MacAddress = interface.mac,
    Status = interface.in_use and "in-use" or "available", InterfaceType = interface.type,
    PrivateIpAddress = interface.ip, PrivateDnsName = kit.private_name(call.region, interface.ip),
    SourceDestCheck = interface.check, Groups = groups.identifiers(call, interface.groups),
    Attachment = attachment_view(interface.attachment), Association = association,
    PrivateIpAddresses = private_addresses(call, interface, association), Ipv6Addresses = data.list({}),
    TagSet = kit.tags(interface.labels),
  }
end

--- An interface as its instance shows it.
function M.instance_view(call, interface)
  local shown = view(call, interface)
  local attachment, association = shown.Attachment, shown.Association
  association = association and {
    PublicIp = association.PublicIp, IpOwnerId = association.IpOwnerId, PublicDnsName = association.PublicDnsName,
  }
  shown.TagSet, shown.AvailabilityZone, shown.RequesterId, shown.RequesterManaged = nil, nil, nil, nil
  attachment.InstanceId, attachment.InstanceOwnerId = nil, nil
  shown.Association = association
  shown.PrivateIpAddresses[1].Association = association
  return shown
end

operations.DescribeNetworkInterfaces = describe.operation({
  kind = "interface", shape = "NetworkInterface", ids = "NetworkInterfaceIds", out = "NetworkInterfaces", view = view,
  filters = {
    ["group-id"] = "Groups.GroupId", ["group-name"] = "Groups.GroupName",
    ["addresses.primary"] = "PrivateIpAddresses.Primary",
    ["addresses.private-ip-address"] = "PrivateIpAddresses.PrivateIpAddress",
    ["addresses.association.public-ip"] = "PrivateIpAddresses.Association.PublicIp",
    ["attachment.nat-gateway-id"] = function(shown)
      return shown.InterfaceType == "nat_gateway" and shown.Description:match("nat%-%x+$") or nil
    end,
  },
})

--- The interfaces of an instance, by their place.
---@return prov.simulate.Object[]
function M.of_instance(call, instance)
  local out = {}
  for _, interface in ipairs(call.w:holders(instance, "interface")) do
    out[#out + 1] = interface
  end
  table.sort(out, function(a, b)
    return a.attachment.index < b.attachment.index
  end)
  return out
end

--- Makes an interface in a subnet.
---@param fields { ip: string?, groups: string[] } and more fields of it
---@return prov.simulate.Object?, prov.Err?
function M.make(call, subnet, fields)
  local ip, e = kit.private_address(call, subnet, fields.ip)
  if not ip then
    return nil, e
  end
  fields.ip, fields.subnet, fields.vpc, fields.zone = ip, subnet.id, subnet.vpc, subnet.zone
  fields.mac, fields.type, fields.check = kit.mac(call), fields.type or "interface", fields.managed == nil
  fields.groups = data.list(fields.groups)
  return kit.add(call, "interface", fields)
end

--- Attaches an interface to an instance.
function M.attach(call, interface, instance, index, delete)
  call.w:change(interface, { in_use = true, server = instance.id, attachment = {
    id = kit.id(call, "eni-attach-"), instance = instance.id, index = index, delete = delete, state = "attached",
    at = call.w.world:now(),
  } })
end

local function make_interface(call, p)
  local subnet, e = kit.get(call, "subnet", p.SubnetId)
  if not subnet then
    return nil, e
  end
  local ids
  ids, e = groups.check(call, subnet.vpc, p.Groups)
  if not ids then
    return nil, e
  end
  local labels
  labels, e = kit.specified(p, "interface")
  if not labels then
    return nil, e
  end
  local wanted = p.PrivateIpAddress
  for _, one in ipairs(p.PrivateIpAddresses or {}) do
    wanted = wanted or one.PrivateIpAddress
  end
  local made
  made, e = M.make(call, subnet, { ip = wanted, groups = ids, description = p.Description, labels = labels })
  return made and made.id, e
end

function operations.CreateNetworkInterface(call, p)
  return kit.once(call, p, function()
    return make_interface(call, p)
  end, function(id)
    local interface, e = kit.made(call, "interface", id)
    if not interface then
      return nil, e
    end
    return { NetworkInterface = view(call, interface), ClientToken = p.ClientToken }
  end)
end

function operations.DeleteNetworkInterface(call, p)
  local interface, e = kit.get(call, "interface", p.NetworkInterfaceId)
  if not interface then
    return nil, e
  elseif interface.managed then
    return kit.refuse("OperationNotPermitted", "You are not allowed to manage '%s' attachments.", interface.type)
  elseif interface.in_use then
    return kit.refuse("InvalidParameterValue", "Network interface '%s' is currently in use.", interface.id)
  end
  M.release(call, interface)
  call.w:remove(interface)
end

function operations.AttachNetworkInterface(call, p)
  local interface, e = kit.get(call, "interface", p.NetworkInterfaceId)
  if not interface then
    return nil, e
  end
  local instance
  instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif interface.in_use then
    return kit.refuse("InvalidParameterValue", "Interface: %s in use.", interface.id)
  elseif interface.zone ~= instance.zone then
    return kit.refuse("InvalidParameterValue", "You may not attach a network interface to an instance if they are not "
      .. "in the same availability zone")
  elseif instance.state ~= "running" and instance.state ~= "stopped" then
    return kit.refuse("IncorrectState", "Instance '%s' is not in a valid state for this operation.", instance.id)
  end
  for _, other in ipairs(M.of_instance(call, instance)) do
    if other.attachment.index == p.DeviceIndex then
      return kit.refuse("InvalidParameterValue",
        "Instance '%s' already has an interface attached at device index '%d'.",
        instance.id, p.DeviceIndex)
    end
  end
  M.attach(call, interface, instance, p.DeviceIndex or 1, false)
  return { AttachmentId = interface.attachment.id, NetworkCardIndex = 0 }
end

function operations.DetachNetworkInterface(call, p)
  for _, interface in ipairs(describe.all(call, "interface")) do
    local attachment = interface.attachment
    if attachment and attachment.id == p.AttachmentId then
      if attachment.index == 0 then
        return kit.refuse("OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
      end
      call.w:touch(interface)
      attachment.state = "detaching"
      call.w:later(interface, kit.TIMES.detach, M.DETACHED)
      return
    end
  end
  return kit.refuse("InvalidAttachmentID.NotFound", "The attachment ID '%s' does not exist", tostring(p.AttachmentId))
end

function operations.ModifyNetworkInterfaceAttribute(call, p)
  local interface, e = kit.get(call, "interface", p.NetworkInterfaceId)
  if not interface then
    return nil, e
  end
  local fields = {}
  if #(p.Groups or {}) > 0 then
    fields.groups, e = groups.check(call, interface.vpc, p.Groups)
    if not fields.groups then
      return nil, e
    end
  end
  if p.Description then
    fields.description = p.Description.Value or ""
  end
  if p.SourceDestCheck then
    fields.check = p.SourceDestCheck.Value or false
  end
  if p.Attachment and p.Attachment.DeleteOnTermination ~= nil then
    local attachment = interface.attachment
    if not attachment or attachment.id ~= p.Attachment.AttachmentId then
      return kit.refuse("InvalidAttachmentID.NotFound", "The attachment ID '%s' does not exist",
        tostring(p.Attachment.AttachmentId))
    end
    call.w:touch(interface)
    attachment.delete = p.Attachment.DeleteOnTermination
  end
  return call.w:change(interface, fields) and nil
end

-- Elastic IPs ------------------------------------------------------------------------------------

local function address_view(call, address)
  local interface = address.interface and call.w:get("interface", address.interface)
  local attachment = interface and interface.attachment
  return {
    AllocationId = address.id, PublicIp = address.ip, Domain = "vpc", AssociationId = address.association,
    InstanceId = attachment and attachment.instance or nil, NetworkInterfaceId = address.interface,
    NetworkInterfaceOwnerId = address.interface and kit.ACCOUNT or nil, PublicIpv4Pool = "amazon",
    PrivateIpAddress = interface and interface.ip or nil, NetworkBorderGroup = call.region,
    Tags = kit.tags(address.labels),
  }
end

--- The addresses a request names by themselves.
local function addresses(call, p)
  local wanted = {}
  for _, ip in ipairs(p.PublicIps or {}) do
    wanted[ip] = true
  end
  local out = {}
  for _, address in ipairs(describe.all(call, "address")) do
    if next(wanted) == nil or wanted[address.ip] then
      out[#out + 1] = address
    end
  end
  return out
end

local describe_addresses = describe.operation({
  kind = "address", shape = "Address", ids = "AllocationIds", out = "Addresses", view = address_view, few = true,
  list = addresses,
})

function operations.DescribeAddresses(call, p)
  for _, ip in ipairs(p.PublicIps or {}) do
    local there = false
    for _, address in ipairs(describe.all(call, "address")) do
      there = there or address.ip == ip
    end
    if not there then
      return kit.refuse("InvalidAddress.NotFound", "Address '%s' not found.", ip)
    end
  end
  return describe_addresses(call, p)
end

function operations.AllocateAddress(call, p)
  local labels, e = kit.specified(p, "address")
  if not labels then
    return nil, e
  end
  local address
  address, e = kit.add(call, "address", { ip = call.w.world:ipv4(), labels = labels })
  if not address then
    return nil, e
  end
  return {
    AllocationId = address.id, PublicIp = address.ip, Domain = "vpc", PublicIpv4Pool = "amazon",
    NetworkBorderGroup = call.region,
  }
end

--- The address a request names, by allocation or by itself.
local function named_address(call, p)
  if p.AllocationId then
    return kit.get(call, "address", p.AllocationId)
  elseif not p.PublicIp then
    return kit.missing("allocationId")
  end
  for _, address in ipairs(describe.all(call, "address")) do
    if address.ip == p.PublicIp then
      return address
    end
  end
  return kit.refuse("InvalidAddress.NotFound", "Address '%s' not found.", p.PublicIp)
end

--- Gives an interface an address; the one it had from AWS goes back.
function M.associate(call, address, interface)
  for _, other in ipairs(call.w:holders(interface, "address")) do
    call.w:change(other, M.FREE)
  end
  call.w:change(address, {
    interface = interface.id, association = kit.id(call, "eipassoc-"),
    server = interface.attachment and interface.attachment.instance or kit.NONE,
  })
  call.w:change(interface, { public_ip = kit.NONE })
end

--- Takes the address of an interface away.
function M.release(call, interface)
  for _, address in ipairs(call.w:holders(interface, "address")) do
    call.w:change(address, M.FREE)
  end
end

local function interface_for(call, p)
  if p.NetworkInterfaceId then
    return kit.get(call, "interface", p.NetworkInterfaceId)
  end
  local instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif instance.state ~= "running" and instance.state ~= "stopped" then
    return kit.refuse("InvalidInstanceID",
      "The pending-instance-creation instance to which '%s' is attached is not in a valid state for this operation",
      instance.id)
  end
  return M.of_instance(call, instance)[1]
end

function operations.AssociateAddress(call, p)
  local address, e = named_address(call, p)
  if not address then
    return nil, e
  end
  local interface
  interface, e = interface_for(call, p)
  if not interface then
    return nil, e
  end
  if address.interface and address.interface ~= interface.id and p.AllowReassociation == false then
    return kit.refuse("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s",
      address.id, address.association)
  end
  local vpc = call.w:get("vpc", interface.vpc)
  if not vpc or #call.w:holders(vpc, "gateway") == 0 then
    return kit.refuse("Gateway.NotAttached", "Network %s is not attached to any internet gateway", interface.vpc)
  end
  if address.interface ~= interface.id then
    M.associate(call, address, interface)
  end
  return { AssociationId = address.association }
end

function operations.DisassociateAddress(call, p)
  for _, address in ipairs(describe.all(call, "address")) do
    local named = address.association == p.AssociationId or not p.AssociationId and address.ip == p.PublicIp
    if address.association and named then
      call.w:change(address, M.FREE)
      return
    end
  end
  return kit.refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist",
    tostring(p.AssociationId or p.PublicIp))
end

function operations.ReleaseAddress(call, p)
  local address, e = named_address(call, p)
  if not address then
    return nil, e
  elseif address.association then
    return kit.refuse("InvalidIPAddress.InUse", "Address %s is in use.", address.ip)
  end
  call.w:remove(address)
end

-- Reverse names ----------------------------------------------------------------------------------

local function attribute_view(address)
  return { AllocationId = address.id, PublicIp = address.ip, PtrRecord = address.ptr }
end

function operations.DescribeAddressesAttribute(call, p)
  local rows, e = describe.matching(call, {
    kind = "address", shape = "Address", ids = "AllocationIds", view = address_view, few = true,
  }, { AllocationIds = p.AllocationIds })
  if not rows then
    return nil, e
  end
  local next_token
  rows, next_token = describe.page(p, rows)
  if not rows then
    return nil, next_token
  end
  local out = data.list({})
  for _, row in ipairs(rows) do
    if row[2].ptr or #(p.AllocationIds or {}) > 0 then
      out[#out + 1] = attribute_view(row[2])
    end
  end
  return { Addresses = out, NextToken = next_token }
end

function operations.ModifyAddressAttribute(call, p)
  local address, e = kit.get(call, "address", p.AllocationId)
  if not address then
    return nil, e
  elseif not p.DomainName or not p.DomainName:find("^[%w.-]+$") then
    return kit.invalid("DomainName", tostring(p.DomainName), "")
  end
  call.w:change(address, { ptr = p.DomainName:gsub("%.?$", ".") })
  return { Address = attribute_view(address) }
end

function operations.ResetAddressAttribute(call, p)
  local address, e = kit.get(call, "address", p.AllocationId)
  if not address then
    return nil, e
  end
  call.w:change(address, { ptr = kit.NONE })
  return { Address = attribute_view(address) }
end

return M
