--- Instances. What belongs to one points at it: its interfaces and its volumes.

local base = require("core.base")
local catalog = require("prov.simulate.aws.catalog")
local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local groups = require("prov.simulate.aws.groups")
local interfaces = require("prov.simulate.aws.interfaces")
local kit = require("prov.simulate.aws.kit")
local machine = require("prov.simulate.aws.machine")
local volumes = require("prov.simulate.aws.volumes")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  instance = {
    refs = { subnet = "subnet", placement_group = "placement_group", image = "image" }, quota = 1000,
  },
  type = {},
}

local CODES = { pending = 0, running = 16, ["shutting-down"] = 32, terminated = 48, stopping = 64, stopped = 80 }

local function state_view(name)
  return { Code = CODES[name], Name = name }
end

--- True for an instance that is terminated, or going to be.
function M.is_dead(instance)
  return instance.state == "terminated" or instance.state == "shutting-down"
end

-- Views ------------------------------------------------------------------------------------------

--- The disks of an instance, as answers show them.
function M.devices_view(call, instance)
  local out = data.list({})
  for i, volume in ipairs(call.w:holders(instance, "volume")) do
    local attachment = volume.attachment
    out[i] = { DeviceName = attachment.device, Ebs = {
      VolumeId = volume.id, Status = attachment.state, AttachTime = kit.time(attachment.at),
      DeleteOnTermination = attachment.delete or false,
    } }
  end
  return out
end

--- What of an instance its interfaces tell.
local function add_network(call, instance, shown)
  local list = data.list({})
  if instance.state ~= "terminated" then
    for i, interface in ipairs(interfaces.of_instance(call, instance)) do
      list[i] = interfaces.instance_view(call, interface)
    end
    shown.SubnetId, shown.VpcId = instance.subnet, instance.vpc
  end
  local first = list[1]
  shown.NetworkInterfaces = list
  shown.SecurityGroups = first and first.Groups or data.list({})
  shown.PrivateIpAddress, shown.PrivateDnsName = first and first.PrivateIpAddress, first and first.PrivateDnsName or ""
  shown.SourceDestCheck = first and first.SourceDestCheck
  local vpc = first and call.w:get("vpc", instance.vpc)
  local ip = first and first.Association and first.Association.PublicIp
  shown.PublicIpAddress = ip
  shown.PublicDnsName = ip and vpc and vpc.dns_hostnames and kit.public_name(call.region, ip) or ""
end

local function view(call, instance)
  local group = instance.placement_group and call.w:get("placement_group", instance.placement_group)
  local row = catalog.type(instance.plan)
  local shown = {
    InstanceId = instance.id, ImageId = instance.image, InstanceType = instance.plan, KeyName = instance.key_name,
    State = state_view(instance.state), LaunchTime = kit.time(instance.launched), AmiLaunchIndex = instance.index,
    StateTransitionReason = instance.reason or "", StateReason = instance.state_reason,
    Placement = {
      AvailabilityZone = instance.zone, AvailabilityZoneId = instance.zone_id, Tenancy = instance.tenancy or "default",
      GroupName = group and group.group_name or "", GroupId = group and group.id,
    },
    Monitoring = { State = instance.monitoring and "enabled" or "disabled" }, Architecture = instance.arch,
    RootDeviceType = "ebs", RootDeviceName = instance.root, BlockDeviceMappings = M.devices_view(call, instance),
    VirtualizationType = "hvm", Hypervisor = "xen", ClientToken = instance.token or "",
    EbsOptimized = instance.ebs or false,
    EnaSupport = true, ProductCodes = data.list({}), Tags = kit.tags(instance.labels), PlatformDetails = "Linux/UNIX",
    IamInstanceProfile = instance.profile, UsageOperation = "RunInstances",
    UsageOperationUpdateTime = kit.time(instance.created),
    CpuOptions = { CoreCount = row[3], ThreadsPerCore = row[2] // row[3] },
    CapacityReservationSpecification = { CapacityReservationPreference = "open" },
    HibernationOptions = { Configured = false }, EnclaveOptions = { Enabled = false },
    MetadataOptions = {
      State = "applied", HttpTokens = instance.tokens or "optional", HttpPutResponseHopLimit = 1,
      HttpEndpoint = "enabled", HttpProtocolIpv6 = "disabled", InstanceMetadataTags = "disabled",
    },
  }
  add_network(call, instance, shown)
  return shown
end

local SPEC = {
  kind = "instance", shape = "Instance", ids = "InstanceIds", out = "Instances", view = view,
  filters = {
    ["instance-state-name"] = "State.Name", ["instance-state-code"] = "State.Code",
    ["availability-zone"] = "Placement.AvailabilityZone", tenancy = "Placement.Tenancy",
    ["placement-group-name"] = "Placement.GroupName", ["ip-address"] = "PublicIpAddress",
    ["dns-name"] = "PublicDnsName", ["group-id"] = "SecurityGroups.GroupId",
    ["group-name"] = "SecurityGroups.GroupName",
    ["instance.group-id"] = "SecurityGroups.GroupId", ["instance.group-name"] = "SecurityGroups.GroupName",
    ["launch-index"] = "AmiLaunchIndex", ["monitoring-state"] = "Monitoring.State", reason = "StateTransitionReason",
    ["block-device-mapping.volume-id"] = "BlockDeviceMappings.Ebs.VolumeId",
    ["block-device-mapping.status"] = "BlockDeviceMappings.Ebs.Status",
    ["block-device-mapping.delete-on-termination"] = "BlockDeviceMappings.Ebs.DeleteOnTermination",
    ["block-device-mapping.attach-time"] = "BlockDeviceMappings.Ebs.AttachTime",
    ["owner-id"] = function()
      return kit.ACCOUNT
    end,
    ["reservation-id"] = function(_, instance)
      return instance.reservation
    end,
  },
}

--- Instances in the reservations they were made in.
local function reservations(rows)
  local out, by_id = data.list({}), {}
  for _, row in ipairs(rows) do
    local id = row[2].reservation
    if not by_id[id] then
      by_id[id] = { ReservationId = id, OwnerId = kit.ACCOUNT, Groups = data.list({}), Instances = data.list({}) }
      out[#out + 1] = by_id[id]
    end
    table.insert(by_id[id].Instances, row[1])
  end
  return out
end

function operations.DescribeInstances(call, p)
  local rows, next_token = describe.matching(call, SPEC, p)
  if not rows then
    return nil, next_token
  end
  rows, next_token = describe.page(p, rows)
  if not rows then
    return nil, next_token
  end
  return { Reservations = reservations(rows), NextToken = next_token }
end

operations.DescribeInstanceStatus = describe.operation({
  kind = "instance", shape = "InstanceStatus", ids = "InstanceIds", out = "InstanceStatuses",
  filters = {
    ["instance-state-name"] = "InstanceState.Name", ["instance-state-code"] = "InstanceState.Code",
    ["instance-status.status"] = "InstanceStatus.Status", ["system-status.status"] = "SystemStatus.Status",
  },
  list = function(call, p)
    local out = {}
    for _, instance in ipairs(describe.all(call, "instance")) do
      out[#out + 1] = (p.IncludeAllInstances or instance.state == "running") and instance or nil
    end
    return out
  end,
  view = function(call, instance)
    local up = instance.state == "running"
    local young = up and call.w.world:now() < instance.launched + 3 * kit.TIMES.boot
    local status = not up and "not-applicable" or young and "initializing" or "ok"
    local summary = { Status = status, Details = data.list(up and {
      { Name = "reachability", Status = young and "initializing" or "passed" },
    } or {}) }
    return {
      InstanceId = instance.id, AvailabilityZone = instance.zone, InstanceState = state_view(instance.state),
      InstanceStatus = summary, SystemStatus = summary, Events = data.list({}),
    }
  end,
})

-- Types ------------------------------------------------------------------------------------------

local function check_types(p)
  for _, name in ipairs(p.InstanceTypes or {}) do
    if not catalog.type(name) then
      return kit.refuse("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
    end
  end
  return true
end

local list_types = describe.operation({
  kind = "type", shape = "InstanceTypeInfo", names = "InstanceTypes", out = "InstanceTypes", view = catalog.type_view,
  filters = {
    ["processor-info.supported-architecture"] = "ProcessorInfo.SupportedArchitectures",
    ["supported-usage-class"] = "SupportedUsageClasses", ["supported-root-device-type"] = "SupportedRootDeviceTypes",
    ["supported-virtualization-type"] = "SupportedVirtualizationTypes",
    ["vcpu-info.default-vcpus"] = "VCpuInfo.DefaultVCpus",
    ["memory-info.size-in-mib"] = "MemoryInfo.SizeInMiB",
  },
})

function operations.DescribeInstanceTypes(call, p)
  local ok, e = check_types(p)
  if not ok then
    return nil, e
  end
  return list_types(call, p)
end

local function locations(call, p)
  if p.LocationType == "availability-zone" then
    return "name", catalog.zones(call.region)
  elseif p.LocationType == "availability-zone-id" then
    return "id", catalog.zones(call.region)
  end
  return "name", { { name = call.region } }
end

operations.DescribeInstanceTypeOfferings = describe.operation({
  kind = "type", shape = "InstanceTypeOffering", out = "InstanceTypeOfferings",
  list = function(call, p)
    local out, field, places = {}, locations(call, p)
    for _, object in ipairs(call.w:list("type")) do
      for i, place in ipairs(places) do
        out[#out + 1] = { name = object.name, location = place[field], seq = object.seq * 10 + i }
      end
    end
    return out
  end,
  view = function(_, row, p)
    return { InstanceType = row.name, Location = row.location, LocationType = p.LocationType or "region" }
  end,
})

-- The end ----------------------------------------------------------------------------------------

--- Lets an instance be terminated in a while: what is to be deleted with it goes then, and the rest of what it had is
--- free.
---@param ms integer
---@param fields? table what else it is then
local function end_in(call, instance, ms, fields)
  for _, interface in ipairs(interfaces.of_instance(call, instance)) do
    interfaces.release(call, interface)
    call.w:change(interface, { next = kit.NONE })
    call.w:later(interface, ms, interface.attachment.delete and "gone" or interfaces.DETACHED)
  end
  for _, volume in ipairs(call.w:holders(instance, "volume")) do
    local gone = volume.attachment.delete
    volumes.detach(call, volume, ms)
    if gone then
      call.w:later(volume, ms, "gone")
    end
  end
  fields = fields or {}
  fields.state, fields.subnet, fields.placement_group = "terminated", kit.NONE, kit.NONE
  call.w:later(instance, ms, fields)
  call.w:later(instance, kit.TIMES.forgotten, "gone")
end

--- The fields of an instance that AWS could not run.
local function failure(code, message)
  return { reason = "Server.InternalError", state_reason = {
    Code = code or "Server.InternalError", Message = message or "Server.InternalError: Internal error on launch",
  } }
end

-- RunInstances -----------------------------------------------------------------------------------

--- The subnet an instance stands in when none is named: that of the default VPC, in the zone or the first.
local function default_subnet(call, zone)
  local vpc, e = groups.default_vpc(call)
  if not vpc then
    return nil, e
  end
  for _, subnet in ipairs(describe.all(call, "subnet")) do
    if subnet.vpc == vpc and subnet.default and (not zone or subnet.zone == zone) then
      return subnet
    end
  end
  return kit.refuse("MissingInput", "No subnets found for the default VPC '%s'. Please specify a subnet.", vpc)
end

--- What is known of an image, type, key, ... before anything is made.
local function look_up(call, p)
  local out, e = {}
  if not p.ImageId then
    return kit.missing("ImageId")
  end
  out.image, e = kit.get(call, "image", p.ImageId)
  if not out.image then
    return nil, e
  end
  local plan = p.InstanceType or "m1.small"
  if not catalog.type(plan) then
    return kit.refuse("InvalidParameterValue", "Invalid value '%s' for InstanceType.", plan)
  elseif out.image.arch ~= catalog.architecture(plan) then
    return kit.refuse("InvalidParameterValue",
      "The architecture '%s' of the specified instance type does not match the "
      .. "architecture '%s' of the specified AMI.", catalog.architecture(plan), out.image.arch)
  elseif out.image.state ~= "available" then
    return kit.refuse("InvalidAMIID.Unavailable", "The image ID '[%s]' is not available", out.image.id)
  elseif call.w.world.machines and not machine.system(out.image) then
    return kit.refuse("Unsupported", "No real server can be made of the image '%s'", out.image.id)
  end
  out.plan = plan
  out.key = p.KeyName and require("prov.simulate.aws.small").key(call, p.KeyName)
  if p.KeyName and not out.key then
    return kit.absent("key", p.KeyName)
  end
  local placement = p.Placement or {}
  if placement.GroupId or placement.GroupName and placement.GroupName ~= "" then
    out.placement_group, e = require("prov.simulate.aws.small").placement_group(call, placement)
    if not out.placement_group then
      return nil, e
    end
  end
  local least, most = p.MinCount, p.MaxCount
  if not least or not most then
    return kit.missing(least and "MaxCount" or "MinCount")
  elseif least < 1 or most < least then
    return kit.refuse("InvalidParameterValue", "MaxCount must be at least MinCount, which must be at least 1")
  end
  return out
end

--- The interfaces asked for, as rows with the subnet, in the order of their places.
local function wanted_interfaces(call, p)
  local given = p.NetworkInterfaces or {}
  if #given > 0 and (p.SubnetId or #(p.SecurityGroupIds or {}) > 0) then
    return kit.refuse("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security "
      .. "groups may not be specified on the same request")
  elseif #given == 0 then
    given = { {
      DeviceIndex = 0, SubnetId = p.SubnetId, Groups = p.SecurityGroupIds, names = p.SecurityGroups,
      PrivateIpAddress = p.PrivateIpAddress, DeleteOnTermination = true,
    } }
  end
  local out, zone = {}, p.Placement and p.Placement.AvailabilityZone
  for i, one in ipairs(given) do
    local row, subnet, e = { asked = one, index = one.DeviceIndex or i - 1 }
    if one.NetworkInterfaceId then
      row.interface, e = kit.get(call, "interface", one.NetworkInterfaceId)
      if not row.interface then
        return nil, e
      elseif row.interface.in_use then
        return kit.refuse("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", row.interface.id)
      end
      subnet = call.w:get("subnet", row.interface.subnet)
    elseif one.SubnetId then
      subnet, e = kit.get(call, "subnet", one.SubnetId)
    else
      subnet, e = default_subnet(call, zone)
    end
    if not subnet then
      return nil, e
    elseif zone and subnet.zone ~= zone or out[1] and out[1].subnet.zone ~= subnet.zone then
      return kit.refuse("InvalidParameterValue", "The availability zone of subnet %s is %s, another one than asked for",
        subnet.id, subnet.zone)
    end
    row.subnet = subnet
    row.groups, e = groups.check(call, subnet.vpc, one.Groups, one.names)
    if not row.groups then
      return nil, e
    end
    out[i] = row
  end
  table.sort(out, function(a, b)
    return a.index < b.index
  end)
  if out[1].index ~= 0 then
    return kit.refuse("InvalidParameterValue", "Each network interface requires a device index, beginning with 0.")
  end
  return out
end

local function add_interfaces(call, instance, rows, labels)
  for _, row in ipairs(rows) do
    local interface, e = row.interface
    if not interface then
      local public = row.asked.AssociatePublicIpAddress
      if public == nil then
        public = row.subnet.public and #rows == 1
      end
      interface, e = interfaces.make(call, row.subnet, {
        ip = row.asked.PrivateIpAddress, groups = row.groups, description = row.asked.Description or "",
        labels = labels, auto_public = public or nil, public_ip = public and call.w.world:ipv4() or nil,
      })
      if not interface then
        return nil, e
      end
    end
    interfaces.attach(call, interface, instance, row.index, row.asked.DeleteOnTermination ~= false)
  end
  return true
end

--- The disks of a new instance: those of the image, changed by the request, and more.
local function disks_of(image, p)
  local out, by_name = {}, {}
  for _, device in ipairs(image.devices) do
    local disk = {
      device = device.name, gib = device.size, snapshot = device.snapshot, type = device.type, delete = device.delete,
      foreign = image.owner ~= kit.ACCOUNT,
    }
    out[#out + 1], by_name[device.name] = disk, disk
  end
  for _, mapping in ipairs(p.BlockDeviceMappings or {}) do
    local ebs, disk = mapping.Ebs, by_name[mapping.DeviceName]
    if ebs or disk then
      ebs = ebs or {}
      if not disk then
        disk = { device = mapping.DeviceName, snapshot = ebs.SnapshotId, delete = true }
        out[#out + 1] = disk
      elseif ebs.VolumeSize and ebs.VolumeSize < disk.gib then
        return kit.refuse("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size "
          .. ">= %dGB", ebs.VolumeSize, disk.snapshot, disk.gib)
      end
      disk.gib, disk.type, disk.iops = ebs.VolumeSize or disk.gib, ebs.VolumeType or disk.type, ebs.Iops
      disk.throughput, disk.encrypted, disk.kms_key = ebs.Throughput, ebs.Encrypted, ebs.KmsKeyId
      if ebs.DeleteOnTermination ~= nil then
        disk.delete = ebs.DeleteOnTermination
      end
      disk.none = mapping.NoDevice ~= nil
    end
  end
  return out
end

local function add_disks(call, instance, disks, labels)
  for _, disk in ipairs(disks) do
    if not disk.none then
      local copy = {}
      for key, value in pairs(labels) do
        copy[key] = value
      end
      local volume, e = volumes.make(call, { name = instance.zone, id = instance.zone_id }, disk, copy)
      if not volume then
        return nil, e
      end
      volumes.attach(call, volume, instance, disk.device, disk.delete)
    end
  end
  return true
end

local function profile_of(call, asked)
  local name = asked and (asked.Name or (asked.Arn or ""):match("([^/]+)$"))
  return name and {
    Arn = asked.Arn or ("arn:aws:iam::%s:instance-profile/%s"):format(kit.ACCOUNT, name),
    Id = kit.id(call, "AIPA"):upper(),
  }
end

--- One instance with its interfaces and disks.
local function make_one(call, p, known, labels, reservation, index)
  local rows, e = wanted_interfaces(call, p)
  if not rows then
    return nil, e
  end
  local disks
  disks, e = disks_of(known.image, p)
  if not disks then
    return nil, e
  end
  local subnet, w = rows[1].subnet, call.w
  local instance
  instance, e = kit.add(call, "instance", {
    plan = known.plan, image = known.image.id, arch = known.image.arch, root = known.image.root, zone = subnet.zone,
    zone_id = subnet.zone_id, subnet = subnet.id, vpc = subnet.vpc, key_name = p.KeyName,
    public_key = known.key and known.key.public_key, state = "pending",
    labels = labels.instance(), reservation = reservation, index = index, token = p.ClientToken,
    launched = w.world:now(), protected = p.DisableApiTermination or false, keep_up = p.DisableApiStop or false,
    user_data = p.UserData, behaviour = p.InstanceInitiatedShutdownBehavior or "stop",
    monitoring = p.Monitoring and p.Monitoring.Enabled or nil, ebs = p.EbsOptimized,
    placement_group = known.placement_group and known.placement_group.id,
    profile = profile_of(call, p.IamInstanceProfile),
    tokens = p.MetadataOptions and p.MetadataOptions.HttpTokens,
  })
  if not instance then
    return nil, e
  end
  local ok
  ok, e = add_interfaces(call, instance, rows, labels.interface())
  if ok then
    ok, e = add_disks(call, instance, disks, labels.volume())
  end
  if not ok then
    return nil, e
  end
  if call.fails then
    end_in(call, instance, kit.TIMES.boot, failure(call.fails.code, call.fails.message))
  else
    w:later(instance, kit.TIMES.boot, { state = "running", booted = true })
  end
  return instance
end

local function labels_of(p)
  local out, others = {}, {}
  for _, kind in ipairs({ "instance", "volume", "interface" }) do
    others[kit.KINDS[kind][2]] = true
  end
  for _, kind in ipairs({ "instance", "volume", "interface" }) do
    local labels, e = kit.specified(p, kind, others)
    if not labels then
      return nil, e
    end
    out[kind] = function()
      return kit.labels({}, labels)
    end
  end
  return out
end

local function run(call, p)
  local known, e = look_up(call, p)
  if not known then
    return nil, e
  end
  local labels
  labels, e = labels_of(p)
  if not labels then
    return nil, e
  end
  local reservation, ids = kit.id(call, "r-"), data.list({})
  for index = 0, p.MaxCount - 1 do
    local instance
    instance, e = make_one(call, p, known, labels, reservation, index)
    if not instance then
      return nil, e
    end
    ids[#ids + 1] = instance.id
  end
  return ids
end

function operations.RunInstances(call, p)
  return kit.once(call, p, function()
    return run(call, p)
  end, function(ids)
    local rows, alive = {}, false
    for _, id in ipairs(ids) do
      local instance = call.w:actual("instance", id)
      if instance then
        rows[#rows + 1], alive = { view(call, instance), instance }, alive or not M.is_dead(instance)
      end
    end
    if not alive then
      return kit.refuse("IdempotentInstanceTerminated",
        "The client token '%s' belongs to an instance that was terminated.",
        tostring(p.ClientToken))
    end
    return reservations(rows)[1]
  end)
end

-- States -----------------------------------------------------------------------------------------

--- The instances that a request names.
local function named(call, p)
  local out = {}
  if #(p.InstanceIds or {}) == 0 then
    return kit.missing("InstanceId")
  end
  for i, id in ipairs(p.InstanceIds) do
    local instance, e = kit.get(call, "instance", id)
    if not instance then
      return nil, e
    end
    out[i] = instance
  end
  return out
end

--- An operation that changes the states of instances: all, or none when one refuses.
---@param field string of the answer
---@param change fun(call: prov.simulate.Call, instance: table, p: table): true?, prov.Err?
local function transition(field, change)
  return function(call, p)
    local list, e = named(call, p)
    if not list then
      return nil, e
    end
    local out = data.list({})
    for i, instance in ipairs(list) do
      local before, ok = instance.state
      ok, e = change(call, instance, p)
      if not ok then
        return nil, e
      end
      out[i] = { InstanceId = instance.id, PreviousState = state_view(before),
        CurrentState = state_view(instance.state) }
    end
    return field and { [field] = out }
  end
end

--- Refuses because of the state an instance is in.
function M.incorrect(instance, what)
  return kit.refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s.",
    instance.id, what)
end

local function reason(call, what)
  return ("%s (%s GMT)"):format(what, os.date("!%Y-%m-%d %H:%M:%S", call.w.world:now() // 1000))
end

operations.StartInstances = transition("StartingInstances", function(call, instance)
  if instance.state == "running" or instance.state == "pending" then
    return true
  elseif instance.state ~= "stopped" then
    return M.incorrect(instance, "started")
  end
  call.w:change(instance, {
    state = "pending", reason = kit.NONE, state_reason = kit.NONE, launched = call.w.world:now(), next = kit.NONE,
  })
  for _, interface in ipairs(interfaces.of_instance(call, instance)) do
    if interface.auto_public and not interfaces.public_ip(call, interface) then
      call.w:change(interface, { public_ip = call.w.world:ipv4() })
    end
  end
  call.w:later(instance, kit.TIMES.boot, { state = "running", booted = true })
  return true
end)

operations.StopInstances = transition("StoppingInstances", function(call, instance, p)
  if instance.state == "stopped" or instance.state == "stopping" then
    return true
  elseif instance.keep_up then
    return kit.refuse("OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' "
      .. "instance attribute and try again.", instance.id)
  elseif instance.state ~= "running" and not (p.Force and instance.state == "pending") then
    return M.incorrect(instance, "stopped")
  end
  local ms = p.Force and kit.TIMES.stop // 4 or kit.TIMES.stop
  call.w:change(instance, {
    state = "stopping", reason = reason(call, "User initiated"), next = kit.NONE,
    state_reason = { Code = "Client.UserInitiatedShutdown",
      Message = "Client.UserInitiatedShutdown: User initiated shutdown" },
  })
  call.w:later(instance, ms, { state = "stopped" })
  for _, interface in ipairs(interfaces.of_instance(call, instance)) do
    if interface.public_ip then
      call.w:later(interface, ms, { public_ip = kit.NONE })
    end
  end
  return true
end)

operations.RebootInstances = transition(nil, function(call, instance)
  if M.is_dead(instance) or instance.state == "stopped" then
    return M.incorrect(instance, "rebooted")
  end
  call.w:change(instance, { boots = (instance.boots or 0) + 1 })
  return true
end)

operations.TerminateInstances = transition("TerminatingInstances", function(call, instance)
  if M.is_dead(instance) then
    return true
  elseif instance.protected then
    return kit.refuse("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its "
      .. "'disableApiTermination' instance attribute and try again.", instance.id)
  end
  call.w:change(instance, {
    state = "shutting-down", reason = reason(call, "User initiated"), placement_group = kit.NONE, next = kit.NONE,
    state_reason = { Code = "Client.UserInitiatedShutdown",
      Message = "Client.UserInitiatedShutdown: User initiated shutdown" },
  })
  end_in(call, instance, kit.TIMES.terminate)
  return true
end)

--- Ends what an instance was to become, because its real one cannot: one that never ran goes, another one is stopped.
function M.fail(call, instance, why)
  local fields = failure(nil, "Server.InternalError: " .. why)
  fields.state, fields.next = instance.booted and "stopped" or "shutting-down", kit.NONE
  call.w:change(instance, fields)
  if not instance.booted then
    end_in(call, instance, 0)
    return
  end
  for _, interface in ipairs(interfaces.of_instance(call, instance)) do
    call.w:change(interface, { public_ip = kit.NONE, next = kit.NONE })
  end
end

-- Console ----------------------------------------------------------------------------------------

function operations.GetConsoleOutput(call, p)
  local instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  end
  local text = instance.state == "running" and ("[    0.000000] Linux version 6.1 (simulated)\n%s login: "):format(
    instance.name or instance.id) or ""
  return { InstanceId = instance.id, Timestamp = kit.time(instance.launched), Output = base.base64(text) }
end

return M
