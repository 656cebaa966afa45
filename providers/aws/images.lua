--- Images by the name of their family: debian-12 is the newest image that Debian has put up for it.

local api = require("api")

local M = {}

--- Who puts images up, and how they are named; %s is the architecture. Owners as the distributions give them:
--- wiki.debian.org/Cloud/AmazonEC2Image, ubuntu.com (Canonical), docs.aws.amazon.com (Amazon Linux).
M.FAMILIES = {
  { name = "debian-12", owner = "136693071363", pattern = "debian-12-%s-*", arch = { x86_64 = "amd64" } },
  { name = "debian-13", owner = "136693071363", pattern = "debian-13-%s-*", arch = { x86_64 = "amd64" } },
  { name = "ubuntu-22.04", owner = "099720109477", pattern = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-%s-server-*",
    arch = { x86_64 = "amd64" } },
  { name = "ubuntu-24.04", owner = "099720109477",
    pattern = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-%s-server-*", arch = { x86_64 = "amd64" } },
  { name = "amazon-linux-2023", owner = "137112412989", pattern = "al2023-ami-2023.*-%s", arch = {} },
}

local function family_of(name)
  for _, family in ipairs(M.FAMILIES) do
    if family.name == name then
      return family
    end
  end
end

--- The architecture a plan runs: x86_64 or arm64.
function M.architecture(ctx, plan)
  return ctx.cached("architecture of " .. plan, function()
    local result, e = api.ec2(ctx, "DescribeInstanceTypes", { InstanceTypes = { plan } })
    if not result then
      return nil, e:wrap("plan '%s'", plan)
    end
    local found = (result.InstanceTypes or {})[1]
    for _, architecture in ipairs(found and found.ProcessorInfo
      and found.ProcessorInfo.SupportedArchitectures or {}) do
      if architecture == "x86_64" or architecture == "arm64" then
        return architecture
      end
    end
    return "x86_64"
  end)
end

--- The newest image of a family, or nil.
function M.newest(ctx, family, architecture)
  local images, e = api.describe(ctx, "DescribeImages", "Images", {
    name = family.pattern:format(family.arch[architecture] or architecture),
    architecture = architecture, state = "available",
  }, { Owners = { family.owner } })
  if not images then
    return nil, e
  end
  table.sort(images, function(a, b)
    if a.CreationDate ~= b.CreationDate then
      return (a.CreationDate or "") > (b.CreationDate or "")
    end
    return a.ImageId < b.ImageId
  end)
  return images[1]
end

--- The image that a name stands for: an id, or a family.
function M.resolve(ctx, name, plan)
  local family = family_of(name)
  if not family and not name:find("^ami%-") then
    local names = {}
    for i, one in ipairs(M.FAMILIES) do
      names[i] = one.name
    end
    return nil, ctx.error("invalid", ("image '%s' is none that prov knows at AWS"):format(name), {
      hint = "it is the id of an image (ami-...), or one of " .. table.concat(names, ", "),
    })
  end
  local architecture
  if family then
    local e
    architecture, e = M.architecture(ctx, plan)
    if not architecture then
      return nil, e
    end
  end
  return ctx.cached(("image %s %s"):format(name, architecture or ""), function()
    local found, failure
    if family then
      found, failure = M.newest(ctx, family, architecture)
    else
      local images
      images, failure = api.describe(ctx, "DescribeImages", "Images", { ["image-id"] = name })
      found = images and images[1]
    end
    if not found then
      return nil, failure or ctx.error("notfound", ("there is no image '%s' in this region%s"):format(name,
        architecture and " for " .. architecture or ""))
    end
    return found
  end)
end

return M
