--- Subnets of a VPC. Each stands in one zone.

local api = require("api")
local kind = require("kind")
local places = require("places")

--- AWS's router in a range: its first address.
local function gateway(cidr)
  local a, b, c, d = (cidr or ""):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)/")
  return a and ("%d.%d.%d.%d"):format(a, b, c, d + 1)
end

local function state(_, subnet, known)
  return {
    id = subnet.SubnetId,
    name = api.tag(subnet.Tags, "Name"),
    network = known.network or subnet.VpcId,
    cidr = subnet.CidrBlock,
    zone = subnet.AvailabilityZone,
    labels = api.labels(subnet.Tags),
    gateway = gateway(subnet.CidrBlock),
  }
end

local M = kind.body({
  what = "subnet", operation = "DescribeSubnets", field = "Subnets", id = "SubnetId", filter = "subnet-id",
  type = "subnet", state = state,
  not_ours = function(subnet)
    return subnet.DefaultForAz or api.tag(subnet.Tags, api.PART) ~= nil
  end,
})

M.gateway = gateway

function M.create(ctx, want)
  local vpc, e = places.vpc(ctx, want.network)
  if not vpc then
    return nil, e
  end
  local subnet
  subnet, e = M.make(ctx, want, "CreateSubnet", { VpcId = vpc, CidrBlock = want.cidr,
    AvailabilityZone = want.zone or ctx.config.zone }, "Subnet")
  if not subnet then
    return nil, e
  end
  subnet, e = M.seen(ctx, subnet.SubnetId)
  return subnet and state(ctx, subnet, want), e
end

function M.delete(ctx, id)
  return api.delete_held(ctx, function()
    return api.away(ctx, "DeleteSubnet", { SubnetId = id })
  end, { ["subnet-id"] = id })
end

return kind.guarded(M)
