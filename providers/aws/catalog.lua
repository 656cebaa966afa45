--- What the region offers: plans, zones, images and quotas, as AWS says now; prices.lua has what they cost.

local api = require("api")
local images = require("images")

local MIB = 1024 * 1024

local function plans(ctx)
  local found, e = api.describe(ctx, "DescribeInstanceTypes", "InstanceTypes", {}, { MaxResults = 100 })
  if not found then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, one in ipairs(found) do
    local architectures = one.ProcessorInfo and one.ProcessorInfo.SupportedArchitectures or {}
    local disk = one.InstanceStorageInfo and one.InstanceStorageInfo.TotalSizeInGB
    out[i] = {
      id = one.InstanceType, name = one.InstanceType, cpus = one.VCpuInfo and one.VCpuInfo.DefaultVCpus,
      memory = one.MemoryInfo and one.MemoryInfo.SizeInMiB and one.MemoryInfo.SizeInMiB * MIB,
      disk = disk and disk * 1000000000, architecture = architectures[#architectures],
      deprecated = one.CurrentGeneration == false and "of an earlier generation" or nil,
    }
  end
  table.sort(out, function(a, b)
    return a.name < b.name
  end)
  return out
end

local function zones(ctx)
  local found, e = api.ec2(ctx, "DescribeAvailabilityZones", {})
  if not found then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, zone in ipairs(found.AvailabilityZones or {}) do
    out[i] = { id = zone.ZoneId or zone.ZoneName, name = zone.ZoneName, region = zone.RegionName, state = zone.State }
  end
  return out
end

--- The disk an image begins with: bytes and type.
local function disk_of(image)
  for _, mapping in ipairs(image.BlockDeviceMappings or {}) do
    if mapping.Ebs and mapping.DeviceName == image.RootDeviceName then
      return mapping.Ebs.VolumeSize and mapping.Ebs.VolumeSize * api.GIB, mapping.Ebs.VolumeType
    end
  end
end

local function image_row(image, name)
  local disk, disk_type = disk_of(image)
  return { id = image.ImageId, name = name, architecture = image.Architecture, disk = disk, disk_type = disk_type,
    owner = image.OwnerId, created = image.CreationDate }
end

--- The families that prov knows by name, where the region has them, and the account's own images.
local function image_rows(ctx)
  local out = ctx.json.list({})
  for _, family in ipairs(images.FAMILIES) do
    for _, architecture in ipairs({ "x86_64", "arm64" }) do
      local newest, e = images.newest(ctx, family, architecture)
      if e then
        return nil, e
      elseif newest then
        out[#out + 1] = image_row(newest, family.name)
        out[#out].summary = newest.Name
      end
    end
  end
  local own, e = api.describe(ctx, "DescribeImages", "Images", {}, { Owners = { "self" } })
  if not own then
    return nil, e
  end
  for _, image in ipairs(own) do
    out[#out + 1] = image_row(image, image.Name)
    out[#out].summary, out[#out].labels = image.Description, api.labels(image.Tags)
  end
  return out
end

--- Limits of the account that EC2 itself tells.
local QUOTAS = { ["max-instances"] = "server", ["vpc-max-elastic-ips"] = "address" }

local function quotas(ctx)
  local found, e = api.ec2(ctx, "DescribeAccountAttributes", {})
  if not found then
    return nil, e
  end
  local out = {}
  for _, attribute in ipairs(found.AccountAttributes or {}) do
    local kind = QUOTAS[attribute.AttributeName]
    local v = (attribute.AttributeValues or {})[1]
    if kind and v then
      out[kind] = math.tointeger(tonumber(v.AttributeValue))
    end
  end
  return out
end

--- All of it; asked for once.
return function(ctx)
  return ctx.cached("catalog", function()
    local out = { unlisted = { images = "^ami%-" } } -- those of others are too many
    for name, read in pairs({ plans = plans, zones = zones, images = image_rows, quotas = quotas }) do
      local found, e = read(ctx)
      if not found then
        return nil, e
      end
      out[name] = found
    end
    return out
  end)
end
