--- What the simulated AWS has to offer: regions, zones, instance types, images. A small choice of what there is; ids of
-- images are invented.

local data = require("core.data")
local kit = require("prov.simulate.aws.kit")

local M = {}

-- region, short name in ids of zones, letters of zones
local REGIONS = {
  { "us-east-1", "use1", "abcdef" }, { "us-west-2", "usw2", "abcd" }, { "eu-west-1", "euw1", "abc" },
  { "eu-central-1", "euc1", "abc" }, { "eu-north-1", "eun1", "abc" }, { "sa-east-1", "sae1", "abc" },
  { "ap-southeast-1", "apse1", "abc" },
}

-- name, vCPUs, cores, memory in MiB, architecture, bare: interfaces, addresses on each, GB of its own disk
local TYPES = {
  { "t2.micro", 1, 1, 1024, "x86_64", 2, 2, old = true },
  { "t3.nano", 2, 1, 512, "x86_64", 2, 2 }, { "t3.micro", 2, 1, 1024, "x86_64", 2, 2 },
  { "t3.small", 2, 1, 2048, "x86_64", 3, 4 }, { "t3.medium", 2, 1, 4096, "x86_64", 3, 6 },
  { "t3.large", 2, 1, 8192, "x86_64", 3, 12 }, { "t3.xlarge", 4, 2, 16384, "x86_64", 4, 15 },
  { "t4g.nano", 2, 2, 512, "arm64", 2, 2 }, { "t4g.micro", 2, 2, 1024, "arm64", 2, 2 },
  { "t4g.small", 2, 2, 2048, "arm64", 3, 4 }, { "t4g.medium", 2, 2, 4096, "arm64", 3, 6 },
  { "t4g.large", 2, 2, 8192, "arm64", 3, 12 }, { "m5.large", 2, 1, 8192, "x86_64", 3, 10 },
  { "m5.xlarge", 4, 2, 16384, "x86_64", 4, 15 }, { "m6g.large", 2, 2, 8192, "arm64", 3, 10 },
  { "m7i.large", 2, 1, 8192, "x86_64", 3, 10 }, { "c5.large", 2, 1, 4096, "x86_64", 3, 10 },
  { "c7g.large", 2, 2, 4096, "arm64", 3, 10 }, { "r5.large", 2, 1, 16384, "x86_64", 3, 10 },
  { "i4i.large", 2, 1, 16384, "x86_64", 3, 10, 468 },
}

-- owner, name, day, description, root device, alias
local IMAGES = {
  { "136693071363", "debian-12-amd64-20250101-1981", "2025-01-01", "Debian 12", "/dev/xvda" },
  { "136693071363", "debian-12-amd64-20251001-2254", "2025-10-01", "Debian 12", "/dev/xvda" },
  { "136693071363", "debian-12-arm64-20251001-2254", "2025-10-01", "Debian 12", "/dev/xvda" },
  { "136693071363", "debian-13-amd64-20251006-2257", "2025-10-06", "Debian 13", "/dev/xvda" },
  { "136693071363", "debian-13-arm64-20251006-2257", "2025-10-06", "Debian 13", "/dev/xvda" },
  { "099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20250901", "2025-09-01",
    "Canonical, Ubuntu, 22.04, amd64 jammy image", "/dev/sda1", "amazon" },
  { "099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20250901", "2025-09-01",
    "Canonical, Ubuntu, 22.04, arm64 jammy image", "/dev/sda1", "amazon" },
  { "099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20250901", "2025-09-01",
    "Canonical, Ubuntu, 24.04, amd64 noble image", "/dev/sda1", "amazon" },
  { "099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20250901", "2025-09-01",
    "Canonical, Ubuntu, 24.04, arm64 noble image", "/dev/sda1", "amazon" },
  { "137112412989", "al2023-ami-2023.9.20251014.0-kernel-6.1-x86_64", "2025-10-14", "Amazon Linux 2023 AMI",
    "/dev/xvda", "amazon" },
  { "137112412989", "al2023-ami-2023.9.20251014.0-kernel-6.1-arm64", "2025-10-14", "Amazon Linux 2023 AMI", "/dev/xvda",
    "amazon" },
}

-- Regions and zones ------------------------------------------------------------------------------

--- The regions there are: name -> { name, short, letters }.
---@type table<string, table>
M.REGIONS = {}
for _, row in ipairs(REGIONS) do
  M.REGIONS[row[1]] = row
end

--- The zones of a region.
---@return { name: string, id: string }[]
function M.zones(region)
  local row, out = M.REGIONS[region], {}
  for i = 1, #row[3] do
    out[i] = { name = region .. row[3]:sub(i, i), id = ("%s-az%d"):format(row[2], i) }
  end
  return out
end

function M.region_view(row)
  return { RegionName = row[1], Endpoint = ("ec2.%s.amazonaws.com"):format(row[1]),
    OptInStatus = "opt-in-not-required" }
end

function M.zone_view(call, zone)
  return {
    ZoneName = zone.name, ZoneId = zone.id, RegionName = call.region, State = "available", Messages = data.list({}),
    GroupName = call.region .. "-zg-1", NetworkBorderGroup = call.region, ZoneType = "availability-zone",
    OptInStatus = "opt-in-not-required",
  }
end

-- Instance types ---------------------------------------------------------------------------------

local types = {}
for _, row in ipairs(TYPES) do
  types[row[1]] = row
end

--- The rows of all instance types, which nobody changes.
function M.types()
  return TYPES
end

--- The row of an instance type, nil when there is none.
function M.type(name)
  return types[name]
end

--- The architecture of an instance type: x86_64 or arm64.
function M.architecture(name)
  return types[name] and types[name][5]
end

function M.type_view(_, object)
  local row = types[object.name]
  local threads = row[2] // row[3]
  return {
    InstanceType = row[1], CurrentGeneration = not row.old, FreeTierEligible = row[1] == "t3.micro",
    SupportedUsageClasses = data.list({ "on-demand", "spot" }), SupportedRootDeviceTypes = data.list({ "ebs" }),
    SupportedVirtualizationTypes = data.list({ "hvm" }), BareMetal = false, Hypervisor = row.old and "xen" or "nitro",
    ProcessorInfo = { SupportedArchitectures = data.list({ row[5] }), SustainedClockSpeedInGhz = 2.5 },
    VCpuInfo = { DefaultVCpus = row[2], DefaultCores = row[3], DefaultThreadsPerCore = threads },
    MemoryInfo = { SizeInMiB = row[4] }, InstanceStorageSupported = row[8] ~= nil,
    InstanceStorageInfo = row[8] and { TotalSizeInGB = row[8] } or nil,
    EbsInfo = {
      EbsOptimizedSupport = "default", EncryptionSupport = "supported",
      NvmeSupport = row.old and "unsupported" or "required",
    },
    NetworkInfo = {
      NetworkPerformance = "Up to 5 Gigabit", MaximumNetworkInterfaces = row[6], MaximumNetworkCards = 1,
      DefaultNetworkCardIndex = 0, Ipv4AddressesPerInterface = row[7], Ipv6AddressesPerInterface = row[7],
      Ipv6Supported = true, EnaSupport = row.old and "unsupported" or "required", EfaSupported = false,
      EncryptionInTransitSupported = false,
    },
    PlacementGroupInfo = { SupportedStrategies = data.list({ "partition", "spread" }) },
    HibernationSupported = false, BurstablePerformanceSupported = row[1]:find("^t") ~= nil,
    DedicatedHostsSupported = true, AutoRecoverySupported = true,
    SupportedBootModes = data.list({ "legacy-bios", "uefi" }),
  }
end

-- A new world ------------------------------------------------------------------------------------

local function add_images(w)
  for _, row in ipairs(IMAGES) do
    w:add("image", {
      id = kit.id({ w = w }, "ami-"), name = row[2], description = row[4], owner = row[1], alias = row[6],
      public = true, state = "available", arch = row[2]:find("arm64", 1, true) and "arm64" or "x86_64",
      root = row[5], made = row[3] .. "T00:00:00.000Z",
      devices = data.list({ { name = row[5], size = 8, snapshot = kit.id({ w = w }, "snap-"), type = "gp3",
        delete = true } }),
    })
  end
end

--- The default VPC that an account has in each region.
local function add_default_vpc(call)
  local networks = require("prov.simulate.aws.networks")
  local vpc = networks.make_vpc(call, { cidr = "172.31.0.0/16", state = "available", default = true })
  for i, zone in ipairs(M.zones(call.region)) do
    networks.make_subnet(call, vpc, {
      cidr = ("172.31.%d.0/20"):format((i - 1) * 16), zone = zone.name, public = true, default = true,
      state = "available",
    })
  end
  local gateway = kit.add(call, "gateway", { vpc = vpc.id, default = true })
  local main = call.w:touch(call.w:holders(vpc, "route_table")[1])
  table.insert(main.routes, { to = "0.0.0.0/0", gateway = gateway.id })
end

--- Fills a new world.
---@param w prov.simulate.Cloud
function M.setup(w)
  for _, row in ipairs(TYPES) do
    w:add("type", { id = row[1], name = row[1] })
  end
  add_images(w)
  for _, row in ipairs(REGIONS) do
    add_default_vpc({ w = w, region = row[1] })
  end
end

return M
