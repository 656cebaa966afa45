--- Gateways: to the internet, for a whole network; and for servers without a public address (NAT), in a subnet.

local api = require("api")
local kind = require("kind")
local places = require("places")

local M = {}

-- To the internet --------------------------------------------------------------------------------

local function network_of(gateway)
  for _, attachment in ipairs(gateway.Attachments or {}) do
    if attachment.State ~= "detached" and attachment.State ~= "detaching" then
      return attachment.VpcId
    end
  end
end

local function internet_state(_, gateway, known)
  local vpc = network_of(gateway)
  return {
    id = gateway.InternetGatewayId, name = api.tag(gateway.Tags, "Name"), type = "internet",
    network = vpc or known.network and "", labels = api.labels(gateway.Tags),
  }
end

local internet = kind.body({
  what = "internet gateway", operation = "DescribeInternetGateways", field = "InternetGateways",
  id = "InternetGatewayId", filter = "internet-gateway-id", type = "internet-gateway", state = internet_state,
  not_ours = function(gateway)
    return api.tag(gateway.Tags, api.PART) ~= nil
  end,
})
M.internet = internet

--- Attaches a gateway to its network, when it is not.
local function attached(ctx, id, want)
  local vpc, e = places.vpc(ctx, want.network)
  if not vpc then
    return nil, e
  end
  local ok
  ok, e = api.steady(ctx, function()
    local gateway, failure = internet.must(ctx, id)
    if not gateway or network_of(gateway) == vpc then
      return gateway and true, failure
    end
    return api.ec2(ctx, "AttachInternetGateway", { InternetGatewayId = id, VpcId = vpc })
  end)
  if not ok then
    return nil, e
  end
  local gateway
  gateway, e = internet.must(ctx, id)
  return gateway and internet_state(ctx, gateway, want), e
end

function internet.create(ctx, want)
  local gateway, e = internet.make(ctx, want, "CreateInternetGateway", {}, "InternetGateway")
  if gateway then
    gateway, e = internet.seen(ctx, gateway.InternetGatewayId)
  end
  if not gateway then
    return nil, e
  end
  return attached(ctx, gateway.InternetGatewayId, want)
end

function internet.update(ctx, id, want)
  local gateway, e = internet.retag(ctx, id, want)
  if not gateway then
    return nil, e
  end
  return attached(ctx, id, want)
end

function internet.delete(ctx, id)
  local gateway, e = internet.object(ctx, id)
  if not gateway then
    return not e or nil, e
  end
  local vpc = network_of(gateway)
  local ok = true
  if vpc then
    ok, e = api.delete_held(ctx, function()
      return api.away(ctx, "DetachInternetGateway", { InternetGatewayId = id, VpcId = vpc })
    end, { ["vpc-id"] = vpc })
  end
  if not ok then
    return nil, e
  end
  return api.delete_held(ctx, function()
    return api.away(ctx, "DeleteInternetGateway", { InternetGatewayId = id })
  end, {})
end

--- All of them; that of the default network is AWS's.
local list = internet.list
function internet.list(ctx)
  local found, e = list(ctx)
  local vpcs
  if found then
    vpcs, e = api.describe(ctx, "DescribeVpcs", "Vpcs", { ["is-default"] = "true" })
  end
  if not vpcs then
    return nil, e
  end
  for _, gateway in ipairs(found) do
    local known = ctx.recorded_of and ctx.recorded_of(gateway.id)
    if vpcs[1] and gateway.network == vpcs[1].VpcId and not known then
      gateway.not_ours = true
    end
  end
  return found
end

-- NAT --------------------------------------------------------------------------------------------

local function nat_state(_, gateway, known)
  local address = (gateway.NatGatewayAddresses or {})[1] or {}
  return {
    id = gateway.NatGatewayId, name = api.tag(gateway.Tags, "Name"), type = "nat",
    network = known.network and gateway.VpcId, subnet = gateway.SubnetId,
    address = known.address and address.AllocationId, labels = api.labels(gateway.Tags),
  }
end

local nat = kind.body({
  what = "NAT gateway", operation = "DescribeNatGateways", field = "NatGateways", id = "NatGatewayId",
  filter = "nat-gateway-id", type = "natgateway", state = nat_state,
  is_gone = function(gateway)
    return gateway.State == "deleted" or gateway.State == "deleting" or gateway.State == "failed"
  end,
})
M.nat = nat

function nat.create(ctx, want)
  local gateway, e = nat.make(ctx, want, "CreateNatGateway", {
    ClientToken = ctx.key, SubnetId = want.subnet, AllocationId = want.address,
    ConnectivityType = want.address and "public" or "private",
  }, "NatGateway")
  if not gateway then
    return nil, e
  end
  local id = gateway.NatGatewayId
  gateway, e = nat.wait(ctx, id, function(one)
    if one and one.State == "available" then
      return one
    elseif one and one.State ~= "pending" then
      return ctx.fail("failed", "the NAT gateway %s is %s: %s", id, one.State, one.FailureMessage or "")
    end
  end, { timeout = 900 })
  return gateway and nat_state(ctx, gateway, want), e
end

function nat.delete(ctx, id)
  local ok, e = api.away(ctx, "DeleteNatGateway", { NatGatewayId = id })
  if not ok then
    return nil, e
  end
  return nat.wait(ctx, id, function(gateway)
    -- Until then it holds its address and its subnet.
    return not gateway or gateway.State == "deleted" or gateway.State == "failed" or nil
  end, { name = "NAT gateway gone", timeout = 900 })
end

kind.guarded(internet)
kind.guarded(nat)

return M
