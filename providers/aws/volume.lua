--- Volumes of EBS. They stand in one zone, and are attached only to servers there.

local api = require("api")
local kind = require("kind")

--- Names of devices for volumes, as AWS recommends them; the kernel of the server may use others.
local DEVICES = "fghijklmnop"

local function attachment_of(volume)
  for _, attachment in ipairs(volume.Attachments or {}) do
    if attachment.State ~= "detached" then
      return attachment
    end
  end
end

local function state(_, volume, known)
  local attachment = attachment_of(volume)
  return {
    id = volume.VolumeId,
    name = api.tag(volume.Tags, "Name"),
    size = api.size(known.size, volume.Size),
    zone = volume.AvailabilityZone,
    type = volume.VolumeType,
    iops = known.iops and volume.Iops,
    encrypted = known.encrypted ~= false and volume.Encrypted or false, -- the account may encrypt all, asked or not
    snapshot = known.snapshot and volume.SnapshotId,
    server = attachment and attachment.InstanceId or known.server and "",
    device = attachment and attachment.Device,
    labels = api.labels(volume.Tags),
  }
end

local M = kind.body({
  what = "volume", operation = "DescribeVolumes", field = "Volumes", id = "VolumeId", filter = "volume-id",
  type = "volume", state = state, params = api.PAGE,
  not_ours = function(volume) -- the disk of a server
    local attachment = attachment_of(volume)
    return attachment ~= nil and attachment.DeleteOnTermination or api.tag(volume.Tags, api.PART) ~= nil
  end,
  is_gone = function(volume)
    return volume.State == "deleting" or volume.State == "deleted"
  end,
})

local function available(ctx, id)
  return M.wait(ctx, id, function(volume)
    if volume and volume.State == "available" then
      return volume
    elseif volume and volume.State == "error" then
      return ctx.fail("failed", "the volume %s could not be made", id)
    end
  end, { name = "volume available" })
end

--- A name of a device that a server has not given away.
local function free_device(instance)
  local taken = {}
  for _, mapping in ipairs(instance.BlockDeviceMappings or {}) do
    taken[mapping.DeviceName] = true
  end
  for letter in DEVICES:gmatch(".") do
    if not taken["/dev/sd" .. letter] and not taken["/dev/xvd" .. letter] then
      return "/dev/sd" .. letter
    end
  end
end

local function attach(ctx, id, server)
  local instance, e = require("server").must(ctx, server)
  if not instance then
    return nil, e
  end
  local device = free_device(instance)
  if not device then
    return ctx.fail("limit", "the server %s has no place for one more volume", server)
  end
  local ok
  ok, e = api.steady(ctx, function()
    local volume, failure = M.must(ctx, id)
    local attachment = volume and attachment_of(volume)
    if not volume or attachment and attachment.InstanceId == server then
      return attachment and true, failure
    end
    return api.patient(ctx, { IncorrectState = true, ["InvalidVolume.NotFound"] = true }, 120, function()
      return api.ec2(ctx, "AttachVolume", { VolumeId = id, InstanceId = server, Device = device })
    end)
  end)
  if not ok then
    return nil, e
  end
  return M.wait(ctx, id, function(volume)
    local attachment = volume and attachment_of(volume)
    return attachment and attachment.State == "attached" and volume or nil
  end, { name = "volume attached" })
end

local function detach(ctx, id, attachment)
  local ok, e = api.away(ctx, "DetachVolume", { VolumeId = id, InstanceId = attachment.InstanceId })
  if not ok and api.code(e) ~= "IncorrectState" then
    return nil, e
  end
  return available(ctx, id)
end

--- Makes a volume larger, and waits until it is.
function M.resize(ctx, id, size, more)
  local volume, e = M.must(ctx, id)
  if not volume then
    return nil, e
  end
  local gib = api.gib(size)
  if gib < volume.Size then
    return nil, ctx.error("invalid", ("a volume cannot become smaller: %s has %d GiB"):format(id, volume.Size))
  end
  local request = more or {}
  request.VolumeId, request.Size = id, gib
  local ok
  ok, e = api.patient(ctx, { IncorrectModificationState = true }, 60, function()
    return api.ec2(ctx, "ModifyVolume", request)
  end)
  if not ok then
    if api.code(e) == "VolumeModificationRateExceeded" then
      e.hint = "AWS lets a volume be changed again only after six hours"
    end
    return nil, e
  end
  return M.wait(ctx, id, function(seen)
    return seen and seen.Size == gib and seen or nil
  end, { name = "volume resized" })
end

--- The zone of the server it is for.
local function zone_of(ctx, want)
  if want.zone or not want.server then
    return want.zone or ctx.config.zone
  end
  local instance, e = require("server").must(ctx, want.server)
  return instance and instance.Placement.AvailabilityZone, e
end

function M.create(ctx, want)
  local zone, e = zone_of(ctx, want)
  if e then
    return nil, e
  elseif not zone then
    return nil, ctx.error("invalid", "a volume needs a zone", { hint = "say zone, or server" })
  end
  local volume
  volume, e = M.make(ctx, want, "CreateVolume", {
    ClientToken = ctx.key, AvailabilityZone = zone, Size = api.gib(want.size), VolumeType = want.type,
    Iops = want.iops, Encrypted = want.encrypted, SnapshotId = want.snapshot,
  })
  if not volume then
    return nil, e
  end
  volume, e = available(ctx, volume.VolumeId)
  if volume and want.server then
    volume, e = attach(ctx, volume.VolumeId, want.server)
  end
  return volume and state(ctx, volume, want), e
end

function M.update(ctx, id, want)
  local volume, e = M.retag(ctx, id, want)
  if not volume then
    return nil, e
  end
  local ok = true
  if api.gib(want.size) ~= volume.Size or want.type ~= volume.VolumeType
      or want.iops and want.iops ~= volume.Iops then
    ok, e = M.resize(ctx, id, want.size, { VolumeType = want.type, Iops = want.iops })
  end
  local attachment = attachment_of(volume)
  if ok and attachment and attachment.InstanceId ~= want.server then
    ok, e = detach(ctx, id, attachment)
    attachment = nil
  end
  if ok and want.server and not attachment then
    ok, e = attach(ctx, id, want.server)
  end
  if not ok then
    return nil, e
  end
  volume, e = M.must(ctx, id)
  return volume and state(ctx, volume, want), e
end

function M.delete(ctx, id)
  local volume, e = M.object(ctx, id)
  if not volume then
    return not e or nil, e
  end
  local attachment = attachment_of(volume)
  if attachment then
    local ok
    ok, e = detach(ctx, id, attachment)
    if not ok then
      return nil, e
    end
  end
  local ok
  ok, e = api.patient(ctx, { VolumeInUse = true, IncorrectState = true }, ctx.config.patience, function()
    return api.away(ctx, "DeleteVolume", { VolumeId = id })
  end)
  if not ok then
    return nil, e
  end
  return true
end

return kind.guarded(M)
