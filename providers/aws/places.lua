--- Networks by what an infra says: a VPC, one of its subnets, or nothing, which is the default VPC of the account.

local api = require("api")

local M = {}

--- The VPC that AWS has made for everybody.
local function default_vpc(ctx)
  return ctx.cached("default VPC", function()
    local vpcs, e = api.describe(ctx, "DescribeVpcs", "Vpcs", { ["is-default"] = "true" })
    if not vpcs then
      return nil, e
    elseif not vpcs[1] then
      return nil, ctx.error("invalid", "this region has no default VPC", { hint = "say which network: network" })
    end
    return vpcs[1].VpcId
  end)
end

--- The subnet of an id.
local function subnet(ctx, id)
  local subnets, e = api.describe(ctx, "DescribeSubnets", "Subnets", { ["subnet-id"] = id })
  if not subnets then
    return nil, e
  end
  return subnets[1] or nil, not subnets[1] and ctx.error("notfound", ("there is no subnet %s"):format(id)) or nil
end

--- The VPC of a network or subnet.
---@param id? string vpc-... or subnet-...
---@return string? vpc, prov.Err?
function M.vpc(ctx, id)
  if not id then
    return default_vpc(ctx)
  elseif id:find("^subnet%-") then
    local found, e = subnet(ctx, id)
    return found and found.VpcId, e
  end
  return id
end

--- The subnets of a network: the one named, or all of a VPC, in an order that stays.
---@param id? string
---@param zone? string only those there
---@return table[]? subnets, prov.Err?
function M.subnets(ctx, id, zone)
  if id and id:find("^subnet%-") then
    local found, e = subnet(ctx, id)
    return found and { found }, e
  end
  local vpc, e = M.vpc(ctx, id)
  if not vpc then
    return nil, e
  end
  local subnets
  subnets, e = api.describe(ctx, "DescribeSubnets", "Subnets", { ["vpc-id"] = vpc, ["availability-zone"] = zone })
  if not subnets then
    return nil, e
  end
  table.sort(subnets, function(a, b)
    local mine, other = api.tag(a.Tags, api.PART) ~= nil, api.tag(b.Tags, api.PART) ~= nil
    if mine ~= other then
      return mine -- the one that came with the network
    end
    return a.AvailabilityZone .. a.CidrBlock < b.AvailabilityZone .. b.CidrBlock
  end)
  return subnets
end

local function choose(ctx, id, zone)
  local subnets, e = M.subnets(ctx, id, zone)
  if not subnets then
    return nil, e
  elseif not subnets[1] then
    return nil, ctx.error("invalid", ("the network %s has no subnet%s"):format(id or "by default",
      zone and " in " .. zone or ""), { hint = "make one: subnet, with network, cidr and zone" })
  elseif zone and subnets[1].AvailabilityZone ~= zone then
    return ctx.fail("invalid", "the subnet %s is in %s, not in %s", subnets[1].SubnetId, subnets[1].AvailabilityZone,
      zone)
  end
  return subnets[1]
end

--- The subnet that something is put into; all servers of a network ask for the same one.
---@return table? subnet, prov.Err?
function M.subnet(ctx, id, zone)
  return ctx.cached(("subnet of %s in %s"):format(id or "", zone or ""), function()
    return choose(ctx, id, zone)
  end)
end

return M
