--- Volumes, snapshots and images.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local kit = require("prov.simulate.aws.kit")
local networks = require("prov.simulate.aws.networks")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  volume = { refs = { ["attachment.instance"] = "instance" }, quota = 5000 },
  snapshot = { quota = 10000 },
  image = { quota = 10000 },
}

-- GiB from, to; whether IOPS may be given, and must be
local TYPES = {
  gp3 = { 1, 16384, iops = true, standard = 3000, throughput = 125 }, gp2 = { 1, 16384 },
  io1 = { 4, 16384, iops = true, needed = true }, io2 = { 4, 65536, iops = true, needed = true },
  st1 = { 125, 16384 }, sc1 = { 125, 16384 }, standard = { 1, 1024 },
}

-- Volumes ----------------------------------------------------------------------------------------

local function attachment_view(volume)
  local attachment = volume.attachment
  return attachment and {
    VolumeId = volume.id, InstanceId = attachment.instance, Device = attachment.device, State = attachment.state,
    AttachTime = kit.time(attachment.at), DeleteOnTermination = attachment.delete or false,
  }
end

local function volume_view(_, volume)
  return {
    VolumeId = volume.id, Size = volume.gib, SnapshotId = volume.snapshot or "", AvailabilityZone = volume.zone,
    AvailabilityZoneId = volume.zone_id, State = volume.state, CreateTime = kit.time(volume.created),
    VolumeType = volume.type, Iops = volume.iops, Throughput = volume.throughput, Encrypted = volume.encrypted,
    KmsKeyId = volume.kms_key, MultiAttachEnabled = false, Tags = kit.tags(volume.labels),
    Attachments = data.list({ attachment_view(volume) }),
  }
end

operations.DescribeVolumes = describe.operation({
  kind = "volume", shape = "Volume", ids = "VolumeIds", out = "Volumes", view = volume_view,
  filters = {
    ["attachment.status"] = "Attachments.State", status = "State",
  },
})

--- Checks what a volume is to be, and gives its fields.
---@return table?, prov.Err?
local function fields_of(kind, gib, iops, throughput)
  local known = TYPES[kind]
  if not known then
    return kit.refuse("InvalidParameterValue", "Invalid value '%s' for parameter volumeType", tostring(kind))
  elseif not gib then
    return kit.refuse("MissingParameter", "The request must contain the parameter size/snapshot")
  elseif gib < known[1] or gib > known[2] then
    return kit.refuse("InvalidParameterValue",
      "Volume of %dGiB is too %s for volume type %s; minimum is %dGiB, maximum "
      .. "is %dGiB", gib, gib < known[1] and "small" or "big", kind, known[1], known[2])
  elseif iops and not known.iops then
    return kit.refuse("InvalidParameterCombination", "The parameter iops is not supported for %s volumes.", kind)
  elseif known.needed and not iops then
    return kit.refuse("MissingParameter", "The request must contain the parameter iops for %s volumes", kind)
  elseif throughput and not known.throughput then
    return kit.refuse("InvalidParameterCombination", "The parameter throughput is not supported for %s volumes.", kind)
  end
  return {
    type = kind, gib = gib, size = gib << 30,
    iops = iops or known.standard or kind == "gp2" and math.max(100, gib * 3) or nil,
    throughput = throughput or known.throughput,
  }
end

--- Makes a volume in a zone.
---@param spec { type: string?, gib: integer?, iops: integer?, throughput: integer?, snapshot: string?,
--- encrypted: boolean?, kms_key: string?, foreign: boolean? } foreign: the snapshot is somebody else's
---@return prov.simulate.Object?, prov.Err?
function M.make(call, zone, spec, labels)
  local snapshot, e
  if spec.snapshot and not spec.foreign then
    snapshot, e = kit.get(call, "snapshot", spec.snapshot)
    if not snapshot then
      return nil, e
    elseif snapshot.state ~= "completed" then
      return kit.refuse("IncorrectState", "Snapshot is in invalid state - %s", snapshot.state)
    elseif spec.gib and spec.gib < snapshot.gib then
      return kit.refuse("InvalidParameterValue", "The size of the volume is smaller than that of the snapshot %s",
        snapshot.id)
    end
  end
  local fields
  fields, e = fields_of(spec.type or "gp2", spec.gib or snapshot and snapshot.gib, spec.iops, spec.throughput)
  if not fields then
    return nil, e
  end
  fields.zone, fields.zone_id, fields.snapshot, fields.labels = zone.name, zone.id, spec.snapshot, labels
  fields.encrypted = spec.encrypted or snapshot and snapshot.encrypted or false
  fields.kms_key = fields.encrypted and (spec.kms_key or ("arn:aws:kms:%s:%s:key/00000000-0000-4000-8000-000000000001")
    :format(call.region, kit.ACCOUNT)) or nil
  fields.state = "creating"
  return kit.add(call, "volume", fields)
end

function operations.CreateVolume(call, p)
  return kit.once(call, p, function()
    if not p.AvailabilityZone and not p.AvailabilityZoneId then
      return kit.missing("availabilityZone")
    end
    local zone = networks.zone(call, p.AvailabilityZone, p.AvailabilityZoneId)
    if not zone then
      return kit.refuse("InvalidZone.NotFound", "The zone '%s' does not exist.",
        p.AvailabilityZone or p.AvailabilityZoneId)
    end
    local labels, e = kit.specified(p, "volume")
    if not labels then
      return nil, e
    end
    local volume
    volume, e = M.make(call, zone, {
      type = p.VolumeType, gib = p.Size, iops = p.Iops, throughput = p.Throughput, snapshot = p.SnapshotId,
      encrypted = p.Encrypted, kms_key = p.KmsKeyId,
    }, labels)
    if not volume then
      return nil, e
    end
    call.w:later(volume, kit.TIMES.volume, { state = "available" })
    return volume.id
  end, function(id)
    local volume, e = kit.made(call, "volume", id)
    if not volume then
      return nil, e
    end
    return volume_view(call, volume)
  end)
end

function operations.DeleteVolume(call, p)
  local volume, e = kit.get(call, "volume", p.VolumeId)
  if not volume then
    return nil, e
  elseif volume.attachment then
    return kit.refuse("VolumeInUse", "Volume %s is currently attached to %s", volume.id, volume.attachment.instance)
  elseif volume.state ~= "available" and volume.state ~= "error" then
    return kit.refuse("IncorrectState", "Volume %s is in the state '%s'", volume.id, volume.state)
  end
  call.w:change(volume, { state = "deleting", next = kit.NONE })
  call.w:later(volume, kit.TIMES.detach, "gone")
end

--- Hangs a volume on an instance, at once or in a while.
function M.attach(call, volume, instance, device, delete, soon)
  local attachment = {
    instance = instance.id, device = device, delete = delete, at = call.w.world:now(), state = "attaching",
  }
  local done = { instance = instance.id, device = device, delete = delete, at = attachment.at, state = "attached" }
  call.w:change(volume, {
    state = "in-use", server = instance.id, attachment = soon and attachment or done, next = kit.NONE,
  })
  if soon then
    call.w:later(volume, soon, { attachment = done })
  end
end

function operations.AttachVolume(call, p)
  local volume, e = kit.get(call, "volume", p.VolumeId)
  if not volume then
    return nil, e
  end
  local instance
  instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif not p.Device then
    return kit.missing("device")
  elseif volume.attachment then
    return kit.refuse("VolumeInUse", "%s is already attached to an instance", volume.id)
  elseif volume.state ~= "available" then
    return kit.refuse("IncorrectState", "Volume '%s' is not 'available'.", volume.id)
  elseif instance.state ~= "running" and instance.state ~= "stopped" then
    return kit.refuse("IncorrectState", "Instance '%s' is not 'running'.", instance.id)
  elseif instance.zone ~= volume.zone then
    return kit.refuse("InvalidVolume.ZoneMismatch",
      "The volume '%s' is not in the same availability zone as instance '%s'",
      volume.id, instance.id)
  end
  for _, other in ipairs(call.w:holders(instance, "volume")) do
    if other.attachment.device == p.Device then
      return kit.refuse("InvalidParameterValue",
        "Invalid value '%s' for unixDevice. Attachment point %s is already in use",
        p.Device, p.Device)
    end
  end
  M.attach(call, volume, instance, p.Device, false, kit.TIMES.attach)
  return attachment_view(volume)
end

--- Takes a volume off its instance in a while.
function M.detach(call, volume, ms)
  call.w:change(volume, { next = kit.NONE })
  volume.attachment.state = "detaching"
  call.w:later(volume, ms, { state = "available", attachment = kit.NONE, server = kit.NONE })
end

function operations.DetachVolume(call, p)
  local volume, e = kit.get(call, "volume", p.VolumeId)
  if not volume then
    return nil, e
  end
  local attachment = volume.attachment
  if not attachment then
    return kit.refuse("IncorrectState", "Volume '%s' is in the 'available' state.", volume.id)
  elseif p.InstanceId and p.InstanceId ~= attachment.instance or p.Device and p.Device ~= attachment.device then
    return kit.refuse("InvalidAttachment.NotFound", "The attachment of volume '%s' to '%s' does not exist", volume.id,
      tostring(p.InstanceId or p.Device))
  end
  local instance = call.w:get("instance", attachment.instance)
  if instance and instance.root == attachment.device and instance.state ~= "stopped" then
    return kit.refuse("OperationNotPermitted", "Unable to detach root volume '%s' from instance '%s'", volume.id,
      instance.id)
  elseif attachment.state == "attached" then
    M.detach(call, volume, kit.TIMES.detach)
  end
  return attachment_view(volume)
end

local function modification_view(call, volume)
  local m = volume.modification
  local passed = call.w.world:now() - m.at
  local state = passed < kit.TIMES.modify and "modifying" or passed < 3 * kit.TIMES.modify and "optimizing"
    or "completed"
  return {
    VolumeId = volume.id, ModificationState = state, StartTime = kit.time(m.at),
    Progress = state == "completed" and 100 or math.min(99, passed * 100 // (3 * kit.TIMES.modify)),
    OriginalSize = m.before.gib, OriginalVolumeType = m.before.type, OriginalIops = m.before.iops,
    OriginalThroughput = m.before.throughput, TargetSize = m.after.gib, TargetVolumeType = m.after.type,
    TargetIops = m.after.iops, TargetThroughput = m.after.throughput,
    EndTime = state == "completed" and kit.time(m.at + 3 * kit.TIMES.modify) or nil,
  }
end

operations.DescribeVolumesModifications = describe.operation({
  kind = "volume", shape = "VolumeModification", ids = "VolumeIds", out = "VolumesModifications",
  view = modification_view,
  list = function(call)
    local out = {}
    for _, volume in ipairs(describe.all(call, "volume")) do
      out[#out + 1] = volume.modification and volume or nil
    end
    return out
  end,
})

--- Names of the volumes that were never modified are an error.
local list_modifications = operations.DescribeVolumesModifications
function operations.DescribeVolumesModifications(call, p)
  for _, id in ipairs(p.VolumeIds or {}) do
    local volume = call.w:get("volume", id)
    if volume and not volume.modification then
      return kit.refuse("InvalidVolumeModification.NotFound", "Modification for volume '%s' does not exist.", id)
    end
  end
  return list_modifications(call, p)
end

function operations.ModifyVolume(call, p)
  local volume, e = kit.get(call, "volume", p.VolumeId)
  if not volume then
    return nil, e
  elseif volume.modification and call.w.world:now() - volume.modification.at < 3 * kit.TIMES.modify then
    return kit.refuse("IncorrectModificationState",
      "Volume %s is currently in modification; wait until it is completed", volume.id)
  elseif volume.state ~= "available" and volume.state ~= "in-use" then
    return kit.refuse("IncorrectState", "The volume %s is in the state %s", volume.id, volume.state)
  elseif p.Size and p.Size < volume.gib then
    return kit.refuse("InvalidParameterValue", "New size cannot be smaller than existing size")
  end
  local kind = p.VolumeType or volume.type
  local known = kind == volume.type and TYPES[kind] or {} -- what stays when it is not said
  local fields
  fields, e = fields_of(kind, p.Size or volume.gib, p.Iops or known.iops and volume.iops or nil,
    p.Throughput or known.throughput and volume.throughput or nil)
  if not fields then
    return nil, e
  end
  call.w:touch(volume)
  volume.modification = {
    at = call.w.world:now(),
    before = { gib = volume.gib, type = volume.type, iops = volume.iops, throughput = volume.throughput },
    after = { gib = fields.gib, type = fields.type, iops = fields.iops, throughput = fields.throughput },
  }
  fields.iops, fields.throughput = fields.iops or kit.NONE, fields.throughput or kit.NONE
  call.w:later(volume, kit.TIMES.modify, fields)
  return { VolumeModification = modification_view(call, volume) }
end

-- Snapshots --------------------------------------------------------------------------------------

local function snapshot_view(_, snapshot)
  local done = snapshot.state == "completed"
  return {
    SnapshotId = snapshot.id, VolumeId = snapshot.volume, VolumeSize = snapshot.gib, State = snapshot.state,
    Progress = done and "100%" or "0%", StartTime = kit.time(snapshot.created), OwnerId = kit.ACCOUNT,
    Description = snapshot.description or "", Encrypted = snapshot.encrypted, KmsKeyId = snapshot.kms_key,
    StorageTier = "standard", Tags = kit.tags(snapshot.labels),
  }
end

operations.DescribeSnapshots = describe.operation({
  kind = "snapshot", shape = "Snapshot", ids = "SnapshotIds", out = "Snapshots", view = snapshot_view,
  filters = { status = "State" },
  list = function(call, p)
    local owners = p.OwnerIds or {}
    for _, owner in ipairs(owners) do
      if owner == "self" or owner == kit.ACCOUNT then
        return describe.all(call, "snapshot")
      end
    end
    return #owners == 0 and describe.all(call, "snapshot") or {}
  end,
})

--- Takes a snapshot of a volume.
---@return prov.simulate.Object?, prov.Err?
function M.snapshot(call, volume, description, labels, image)
  local snapshot, e = kit.add(call, "snapshot", {
    volume = volume.id, gib = volume.gib, size = volume.size, state = "pending", description = description,
    encrypted = volume.encrypted, kms_key = volume.kms_key, labels = labels, image = image,
  })
  if not snapshot then
    return nil, e
  end
  call.w:later(snapshot, kit.TIMES.snapshot, { state = "completed" })
  return snapshot
end

function operations.CreateSnapshot(call, p)
  local volume, e = kit.get(call, "volume", p.VolumeId)
  if not volume then
    return nil, e
  elseif volume.state ~= "available" and volume.state ~= "in-use" then
    return kit.refuse("IncorrectState", "The volume %s is in the state %s", volume.id, volume.state)
  end
  local labels
  labels, e = kit.specified(p, "snapshot")
  if not labels then
    return nil, e
  end
  local snapshot
  snapshot, e = M.snapshot(call, volume, p.Description, labels)
  if not snapshot then
    return nil, e
  end
  return snapshot_view(call, snapshot)
end

function operations.DeleteSnapshot(call, p)
  local snapshot, e = kit.get(call, "snapshot", p.SnapshotId)
  if not snapshot then
    return nil, e
  end
  for _, image in ipairs(describe.all(call, "image")) do
    for _, device in ipairs(image.devices) do
      if device.snapshot == snapshot.id then
        return kit.refuse("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", snapshot.id, image.id)
      end
    end
  end
  call.w:remove(snapshot)
end

-- Images -----------------------------------------------------------------------------------------

local function image_view(_, image)
  local devices = data.list({})
  for i, device in ipairs(image.devices) do
    devices[i] = { DeviceName = device.name, Ebs = {
      SnapshotId = device.snapshot, VolumeSize = device.size, VolumeType = device.type, Iops = device.iops,
      DeleteOnTermination = device.delete or false, Encrypted = device.encrypted or false,
    } }
  end
  return {
    ImageId = image.id, Name = image.name, Description = image.description, OwnerId = image.owner,
    ImageOwnerAlias = image.alias, ImageLocation = image.owner .. "/" .. image.name, Public = image.public or false,
    State = image.state, Architecture = image.arch, ImageType = "machine", RootDeviceName = image.root,
    RootDeviceType = "ebs", VirtualizationType = "hvm", Hypervisor = "xen", EnaSupport = true,
    SriovNetSupport = "simple",
    CreationDate = image.made, PlatformDetails = "Linux/UNIX", UsageOperation = "RunInstances",
    BlockDeviceMappings = devices, Tags = kit.tags(image.labels), SourceInstanceId = image.server,
  }
end

operations.DescribeImages = describe.operation({
  kind = "image", shape = "Image", ids = "ImageIds", out = "Images", view = image_view,
  filters = {
    ["is-public"] = "Public", ["owner-alias"] = "ImageOwnerAlias",
    ["block-device-mapping.snapshot-id"] = "BlockDeviceMappings.Ebs.SnapshotId",
    ["block-device-mapping.volume-type"] = "BlockDeviceMappings.Ebs.VolumeType",
    ["block-device-mapping.volume-size"] = "BlockDeviceMappings.Ebs.VolumeSize",
    ["block-device-mapping.delete-on-termination"] = "BlockDeviceMappings.Ebs.DeleteOnTermination",
    ["block-device-mapping.encrypted"] = "BlockDeviceMappings.Ebs.Encrypted",
    platform = function() end, ["kernel-id"] = function() end, ["ramdisk-id"] = function() end,
    ["product-code"] = function() end,
  },
  list = function(call, p)
    local owners, out = {}, {}
    for _, owner in ipairs(p.Owners or {}) do
      owners[owner == "self" and kit.ACCOUNT or owner] = true
    end
    local users = p.ExecutableUsers or {}
    for _, image in ipairs(describe.all(call, "image")) do
      local owned = next(owners) == nil or owners[image.owner] or image.alias and owners[image.alias]
      local shared = #users == 0
      for _, user in ipairs(users) do
        shared = shared or user == "all" and image.public or user == "self" and not image.public
          and image.owner ~= kit.ACCOUNT
      end
      out[#out + 1] = owned and shared and image or nil
    end
    return out
  end,
})

function operations.CreateImage(call, p)
  local instance, e = kit.get(call, "instance", p.InstanceId)
  if not instance then
    return nil, e
  elseif not p.Name or #p.Name < 3 or #p.Name > 128 or p.Name:find("[^%w()%[%] ./'@_-]") then
    return kit.refuse("InvalidAMIName.Malformed",
      "AMI names must be between 3 and 128 characters long, and may contain "
      .. "letters, numbers, '(', ')', '.', '-', '/' and '_'")
  elseif instance.state ~= "running" and instance.state ~= "stopped" then
    return kit.refuse("IncorrectInstanceState", "Instance '%s' is not 'running' or 'stopped'.", instance.id)
  end
  for _, other in ipairs(describe.all(call, "image", true)) do
    if other.owner == kit.ACCOUNT and other.name == p.Name then
      return kit.refuse("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", p.Name, other.id)
    end
  end
  local labels, snapshot_labels
  labels, e = kit.specified(p, "image", { snapshot = true })
  if labels then
    snapshot_labels, e = kit.specified(p, "snapshot", { image = true })
  end
  if not snapshot_labels then
    return nil, e
  end
  local devices, id = data.list({}), kit.id(call, "ami-")
  for i, volume in ipairs(call.w:holders(instance, "volume")) do
    local snapshot
    snapshot, e = M.snapshot(call, volume, ("Created by CreateImage(%s) for %s"):format(instance.id, id),
      snapshot_labels, id)
    if not snapshot then
      return nil, e
    end
    devices[i] = {
      name = volume.attachment.device, size = volume.gib, snapshot = snapshot.id, type = volume.type,
      delete = volume.attachment.delete, encrypted = volume.encrypted,
    }
  end
  local image
  image, e = kit.add(call, "image", {
    id = id, name = p.Name, description = p.Description or "", owner = kit.ACCOUNT, state = "pending", labels = labels,
    arch = instance.arch, root = instance.root, server = instance.id, devices = devices,
    made = os.date("!%Y-%m-%dT%H:%M:%S.000Z", call.w.world:now() // 1000),
  })
  if not image then
    return nil, e
  end
  call.w:later(image, kit.TIMES.image, { state = "available" })
  return { ImageId = image.id }
end

function operations.DeregisterImage(call, p)
  local image, e = kit.get(call, "image", p.ImageId)
  if not image then
    return nil, e
  elseif image.owner ~= kit.ACCOUNT then
    return kit.refuse("AuthFailure", "Not authorized for image:%s", image.id)
  end
  call.w:remove(image)
  return { Return = true }
end

return M
