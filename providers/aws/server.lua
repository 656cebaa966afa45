--- Servers: instances of EC2.

local api = require("api")
local images = require("images")
local kind = require("kind")
local places = require("places")
local user_data = require("user_data")

local STATUS = {
  pending = "starting", running = "running", stopping = "stopping", stopped = "stopped",
  ["shutting-down"] = "gone", terminated = "gone",
}

local function is_gone(instance)
  return STATUS[instance.State.Name] == "gone" -- AWS lists them for an hour
end

local function flatten(reservations)
  local out = {}
  for _, reservation in ipairs(reservations) do
    table.move(reservation.Instances or {}, 1, #(reservation.Instances or {}), #out + 1, out)
  end
  return out
end

--- The first interface, which is the server's own.
local function interface_of(instance)
  for _, interface in ipairs(instance.NetworkInterfaces or {}) do
    if interface.Attachment and interface.Attachment.DeviceIndex == 0 then
      return interface
    end
  end
end

--- The firewalls of the first interface. The default group of the network is none, unless it was asked for: AWS puts
--- it on what has no other.
local function groups_of(instance, known)
  local interface, asked, out = interface_of(instance), {}, {}
  for _, id in ipairs(known and known.firewalls or {}) do
    asked[id] = true
  end
  for _, group in ipairs(interface and interface.Groups or instance.SecurityGroups or {}) do
    if group.GroupName ~= "default" or asked[group.GroupId] then
      out[#out + 1] = group.GroupId
    end
  end
  return out
end

--- What was asked for, when it means what is there.
local function network_of(instance, known)
  if known.network == instance.VpcId or known.network == instance.SubnetId then
    return known.network
  end
  return instance.SubnetId
end

local function group_of(instance, known)
  local placement = instance.Placement or {}
  if known.placement_group and (placement.GroupId == nil or known.placement_group == placement.GroupId) then
    return placement.GroupName ~= "" and known.placement_group or nil
  end
  return placement.GroupId
end

--- The address of an allocation, which never changes.
local function ip_of(ctx, allocation)
  return ctx.cached("address " .. allocation, function()
    local found, e = api.describe(ctx, "DescribeAddresses", "Addresses", { ["allocation-id"] = allocation })
    if not found then
      return nil, e
    end
    return found[1] and found[1].PublicIp or ctx.fail("notfound", "there is no address %s", allocation)
  end)
end

--- The address that was asked for, when the server has it.
local function address_of(ctx, instance, known)
  if not known.address or known.address == "" then
    return known.address
  end
  local ip, e = ip_of(ctx, known.address)
  if not ip and e.code ~= "notfound" then
    return nil, e
  end
  return ip and ip == instance.PublicIpAddress and known.address or ""
end

--- The user data that an instance was made with.
local function user_data_of(ctx, id)
  local result, e = api.ec2(ctx, "DescribeInstanceAttribute", { InstanceId = id, Attribute = "userData" })
  if not result then
    return nil, e
  end
  return ctx.base64.decode(result.UserData and result.UserData.Value or "") or ""
end

--- How to log in; the host key is in the state, and else in the user data.
local function ssh_of(ctx, instance, known)
  local host = instance.PublicIpAddress or instance.PrivateIpAddress
  if not host then
    return nil
  end
  local host_key = known.ssh and known.ssh.host_key
  if not host_key and (ctx.key or known.ssh) then
    host_key = user_data.host_key(user_data_of(ctx, instance.InstanceId) or "")
  end
  return { host = host, port = 22, user = "root", host_key = host_key }
end

--- The state of an instance. What would take a request of its own for each is told as it was recorded.
local function state(ctx, instance, known)
  local address, e = address_of(ctx, instance, known)
  if e then
    return nil, e
  end
  return {
    address = address,
    id = instance.InstanceId,
    name = api.tag(instance.Tags, "Name"),
    plan = instance.InstanceType,
    zone = instance.Placement and instance.Placement.AvailabilityZone,
    image = known.image or instance.ImageId,
    network = network_of(instance, known),
    labels = api.labels(instance.Tags),
    firewalls = known.firewalls and api.in_order(ctx, known.firewalls, groups_of(instance, known)), -- else they say so
    placement_group = group_of(instance, known),
    public = known.public,
    networks = known.networks,
    disk = known.disk,
    disk_type = known.disk_type,
    profile = known.profile,
    protected = known.protected,
    ip = instance.PublicIpAddress,
    private_ip = instance.PrivateIpAddress,
    status = STATUS[instance.State.Name],
    ssh = ssh_of(ctx, instance, known),
  }
end

local M = kind.body({
  what = "server", operation = "DescribeInstances", field = "Reservations", id = "InstanceId", filter = "instance-id",
  flatten = flatten, is_gone = is_gone, state = state, params = api.PAGE,
})

--- The firewalls that are on a server.
M.groups = groups_of

--- Puts firewalls on a server, instead of those it has; the default one of its network when there are none, for AWS
--- wants one.
---@param groups string[] ids
function M.set_groups(ctx, instance, groups)
  local interface = interface_of(instance)
  if not interface then
    return ctx.fail("failed", "the server %s has no network interface", instance.InstanceId)
  end
  if #groups == 0 then
    local found, e = api.describe(ctx, "DescribeSecurityGroups", "SecurityGroups", { ["vpc-id"] = instance.VpcId,
      ["group-name"] = "default" })
    if not found then
      return nil, e
    end
    groups = { found[1] and found[1].GroupId }
  end
  return api.ec2(ctx, "ModifyNetworkInterfaceAttribute", { NetworkInterfaceId = interface.NetworkInterfaceId,
    Groups = groups })
end

-- Creation ---------------------------------------------------------------------------------------

--- Key pairs by a filter; all of them have to be there.
local function key_pairs(ctx, filter, values)
  local found, e = api.describe(ctx, "DescribeKeyPairs", "KeyPairs", { [filter] = values },
    { IncludePublicKey = true })
  if not found then
    return nil, e
  elseif #found < #values then
    return ctx.fail("notfound", "a key of %s is not there", table.concat(values, ", "))
  end
  return found
end

--- The lines of keys that may log in: the workspace's, and those that are named, by id or name, or as lines. Also the
--- name of the first key pair, which the instance is told.
local function keys_of(ctx, want)
  local lines, asked, name = { ctx.user_key }, { ["key-pair-id"] = {}, ["key-name"] = {} }, nil
  for _, key in ipairs(want.keys or {}) do
    if key:find("^%S+ AAAA") then
      lines[#lines + 1] = key
    else
      table.insert(asked[key:find("^key%-%x+$") and "key-pair-id" or "key-name"], key)
    end
  end
  for _, filter in ipairs({ "key-pair-id", "key-name" }) do
    if #asked[filter] > 0 then
      local found, e = key_pairs(ctx, filter, asked[filter])
      if not found then
        return nil, e
      end
      for _, pair in ipairs(found) do
        lines[#lines + 1], name = pair.PublicKey, name or pair.KeyName
      end
    end
  end
  return lines, name
end

--- The interfaces of a new instance.
local function interfaces_of(ctx, want)
  local list = want.networks and #want.networks > 0 and want.networks
    or { { network = want.network, private_ip = want.private_ip } }
  local out = {}
  for i, one in ipairs(list) do
    local subnet, e = places.subnet(ctx, one.network, want.zone)
    if not subnet then
      return nil, e
    end
    out[i] = {
      DeviceIndex = i - 1, SubnetId = subnet.SubnetId, PrivateIpAddress = one.private_ip, DeleteOnTermination = true,
      Groups = want.firewalls and #want.firewalls > 0 and want.firewalls or nil,
    }
  end
  if #out == 1 then -- AWS gives addresses only to servers with one interface
    out[1].AssociatePublicIpAddress = want.public and not want.address
  end
  return out
end

local function disks_of(want, image)
  if not (want.disk or want.disk_type) then
    return nil
  end
  return { {
    DeviceName = image.RootDeviceName or "/dev/xvda",
    Ebs = { VolumeSize = api.gib(want.disk), VolumeType = want.disk_type, DeleteOnTermination = true },
  } }
end

--- What RunInstances is asked for.
local function request_of(ctx, want)
  local image, e = images.resolve(ctx, want.image, want.plan)
  if not image then
    return nil, e
  end
  local keys, key_name = keys_of(ctx, want)
  if not keys then
    return nil, key_name
  end
  local interfaces
  interfaces, e = interfaces_of(ctx, want)
  if not interfaces then
    return nil, e
  end
  local host, name = ctx.keygen(), api.name_of(ctx, want)
  local tags = api.specifications(ctx, { "instance" }, name, want.labels)
  for _, part in ipairs({ "volume", "network-interface" }) do
    tags[#tags + 1] = api.specifications(ctx, { part }, name, want.labels, part)[1]
  end
  local placement = want.placement_group and { GroupId = want.placement_group } or nil
  return {
    ClientToken = ctx.key, MinCount = 1, MaxCount = 1, ImageId = image.ImageId, InstanceType = want.plan,
    KeyName = key_name, NetworkInterfaces = interfaces, Placement = placement,
    BlockDeviceMappings = disks_of(want, image),
    UserData = ctx.base64.encode(user_data.make(keys, host, want.user_data)),
    IamInstanceProfile = want.profile and (want.profile:find("^arn:") and { Arn = want.profile }
      or { Name = want.profile }) or nil,
    MetadataOptions = { HttpTokens = "required" }, -- what reads the user data must ask for a session first
    DisableApiTermination = want.protected or nil,
    TagSpecifications = tags,
  }, host.public:match("^%S+ %S+")
end

--- The instance of an earlier try with this key.
local function of_token(ctx)
  return ctx.poll({ every = ctx.config.poll, timeout = 120 }, function()
    local found, e = M.objects(ctx, { ["client-token"] = ctx.key })
    if not found then
      return nil, e
    end
    return found[1]
  end)
end

--- Runs an instance. The key is the ClientToken, so that a second try gives the same instance; when its arguments
--- differ (another image is the newest by now, the host key is another), the instance of the first try it is.
local function run(ctx, want)
  local request, host_key = request_of(ctx, want)
  if not request then
    return nil, host_key
  end
  local instance, e = api.made(ctx, function()
    local result, failure = api.ec2(ctx, "RunInstances", request)
    return result and result.Instances[1], failure
  end, function()
    host_key = nil -- it may be of an earlier try, with another one
    return M.by_key(ctx, ctx.key)
  end)
  if not instance and api.code(e) == "IdempotentParameterMismatch" then
    instance, e = of_token(ctx)
    host_key = nil
  end
  if not instance then
    return nil, e
  end
  return instance.InstanceId, host_key -- the rest of it is large, and seen again
end

local function reason_of(instance)
  local reason = instance.StateReason and instance.StateReason.Message or instance.StateTransitionReason or ""
  return reason ~= "" and ": " .. reason or ""
end

--- Waits for a status.
local function wait_for(ctx, id, status, ends)
  return M.wait(ctx, id, function(instance)
    if instance and STATUS[instance.State.Name] == status then
      return instance
    elseif instance and ends and ends[instance.State.Name] then
      return ctx.fail("failed", "the server %s is %s%s", id, instance.State.Name, reason_of(instance))
    end
  end, { name = "server " .. status })
end

--- Gives a server its address, or takes it away, and waits until it shows.
local function set_address(ctx, id, want)
  local allocation, before = want.address, (ctx.applied or {}).address
  if not (allocation or before) then
    return true
  end
  local ip, ok, e
  if allocation then
    ip, e = ip_of(ctx, allocation)
    if ip then
      ok, e = api.patient(ctx, { IncorrectInstanceState = true }, 60, function()
        return api.ec2(ctx, "AssociateAddress", { AllocationId = allocation, InstanceId = id,
          AllowReassociation = true })
      end)
    end
  else
    local found
    found, e = api.describe(ctx, "DescribeAddresses", "Addresses", { ["allocation-id"] = before })
    ok = found and true
    if found and found[1] and found[1].InstanceId == id then
      ok, e = api.away(ctx, "DisassociateAddress", { AssociationId = found[1].AssociationId })
    end
  end
  if not ok or not ip then
    return ok, e
  end
  return M.wait(ctx, id, function(instance)
    return instance and instance.PublicIpAddress == ip and instance or nil
  end, { name = "server address" })
end

local DEAD = { ["shutting-down"] = true, terminated = true }
local NOT_UP = { ["shutting-down"] = true, terminated = true, stopping = true, stopped = true }

function M.create(ctx, want)
  local id, host_key = run(ctx, want)
  if not id then
    return nil, host_key
  end
  ctx.adopt(id)
  local up, e = M.wait(ctx, id, function(seen)
    if seen and seen.State.Name == "running" then
      return seen
    elseif seen and NOT_UP[seen.State.Name] then
      return ctx.fail("failed", "the server %s is %s%s", seen.InstanceId, seen.State.Name, reason_of(seen))
    end
  end)
  if up and want.address then
    up, e = set_address(ctx, id, want)
  end
  if not up then
    return nil, e
  end
  local known = { ssh = { host_key = host_key } }
  for name, v in pairs(want) do
    known[name] = v
  end
  return state(ctx, up, known)
end

-- Changes ----------------------------------------------------------------------------------------

local function modify(ctx, id, attribute)
  attribute.InstanceId = id
  return api.ec2(ctx, "ModifyInstanceAttribute", attribute)
end

local function stop(ctx, id)
  local ok, e = api.ec2(ctx, "StopInstances", { InstanceIds = { id } })
  if not ok then
    return nil, e
  end
  return wait_for(ctx, id, "stopped", DEAD)
end

local function start(ctx, id)
  local ok, e = api.patient(ctx, { IncorrectInstanceState = true }, 60, function()
    return api.ec2(ctx, "StartInstances", { InstanceIds = { id } })
  end)
  if not ok then
    return nil, e
  end
  return wait_for(ctx, id, "running", DEAD)
end

--- Another plan: only a server that is stopped can have one.
local function replan(ctx, id, plan, instance)
  local was_up = STATUS[instance.State.Name] ~= "stopped"
  local ok, e = true, nil
  if was_up then
    ok, e = stop(ctx, id)
  end
  if ok then
    ok, e = modify(ctx, id, { InstanceType = { Value = plan } })
  end
  if was_up and (ok or e.code ~= "notfound") then -- also when the plan was refused
    local up, failure = start(ctx, id)
    if ok and not up then
      return nil, failure
    end
  end
  return ok, e
end

--- Puts the wanted firewalls on a server, and only them. When it says none, others say which servers they protect.
local function regroup(ctx, want, instance)
  local applied = (ctx.applied or {}).firewalls
  if not (want.firewalls or applied) then
    return true
  end
  local have = groups_of(instance, { firewalls = want.firewalls })
  local groups = want.firewalls or api.minus(have, applied)
  if #api.minus(have, groups) + #api.minus(groups, have) == 0 then
    return true
  end
  return M.set_groups(ctx, instance, groups)
end

local function grow(ctx, want, instance)
  for _, mapping in ipairs(instance.BlockDeviceMappings or {}) do
    if mapping.DeviceName == instance.RootDeviceName and mapping.Ebs then
      return require("volume").resize(ctx, mapping.Ebs.VolumeId, want.disk)
    end
  end
  return ctx.fail("unsupported", "the disk of server %s is none that can grow", instance.InstanceId)
end

function M.update(ctx, id, want, seen)
  local instance, e = M.must(ctx, id)
  if not instance then
    return nil, e
  end
  local applied, ok = ctx.applied or {}, true
  if (want.protected or false) ~= (applied.protected or false) then
    ok, e = modify(ctx, id, { DisableApiTermination = { Value = want.protected or false } })
  end
  if ok then
    ok, e = api.retag(ctx, id, want, instance.Tags)
  end
  if ok then
    ok, e = regroup(ctx, want, instance)
  end
  if ok and want.address ~= (seen or {}).address then
    ok, e = set_address(ctx, id, want)
  end
  if ok and want.disk and want.disk ~= applied.disk then
    ok, e = grow(ctx, want, instance)
  end
  if ok and want.plan ~= instance.InstanceType then
    ok, e = replan(ctx, id, want.plan, instance)
  end
  if not ok then
    return nil, e
  end
  instance, e = M.must(ctx, id)
  if not instance then
    return nil, e
  end
  local known = { ssh = (seen or ctx.recorded or {}).ssh }
  for name, v in pairs(want) do
    known[name] = v
  end
  return state(ctx, instance, known)
end

function M.delete(ctx, id)
  local ok, e = api.ec2(ctx, "TerminateInstances", { InstanceIds = { id } })
  if not ok then
    if e.code == "notfound" then
      return true
    elseif api.code(e) == "OperationNotPermitted" then
      e.hint = "it is protected: set 'protected: false' and apply that first"
    end
    return nil, e
  end
  return M.wait(ctx, id, function(instance)
    return not instance or instance.State.Name == "terminated" or nil
  end, { name = "server gone", timeout = 900 })
end

-- Actions ----------------------------------------------------------------------------------------

function M.action_stop(ctx, id)
  local ok, e = stop(ctx, id)
  if not ok then
    return nil, e
  end
  return M.read(ctx, id)
end

function M.action_start(ctx, id)
  local ok, e = start(ctx, id)
  if not ok then
    return nil, e
  end
  return M.read(ctx, id)
end

function M.action_restart(ctx, id)
  local ok, e = api.ec2(ctx, "RebootInstances", { InstanceIds = { id } })
  if not ok then
    return nil, e
  end
  return M.read(ctx, id)
end

return kind.guarded(M)
