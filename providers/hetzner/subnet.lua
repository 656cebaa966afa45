--- Subnets. The API gives them no id: a subnet is known by its network and its range, "4711-10.0.1.0/24".

local api = require("api")
local common = require("common")

local M = {}

local function parts(ctx, id)
  local network, cidr = id:match("^(%d+)%-(.+)$")
  if not network then
    error(ctx.error("invalid", ("'%s' is no id of a subnet: it is such as 4711-10.0.1.0/24"):format(id)))
  end
  return math.tointeger(tonumber(network)), cidr
end

local function state(ctx, network, subnet, recorded)
  local zone = subnet.network_zone
  if recorded.zone and recorded.zone ~= zone and common.network_zone(ctx, recorded.zone) == zone then
    zone = recorded.zone
  end
  return {
    id = ("%s-%s"):format(tostring(network.id), subnet.ip_range),
    network = tostring(network.id),
    cidr = subnet.ip_range,
    zone = zone,
    type = subnet.type,
    vswitch = subnet.vswitch_id,
    gateway = subnet.gateway ~= "" and subnet.gateway or nil,
  }
end

local function look(ctx, number, cidr, recorded)
  local network, e = api.get(ctx, ("/networks/%d"):format(number), "network")
  if not network then
    return nil, e
  end
  for _, subnet in ipairs(network.subnets or {}) do
    if subnet.ip_range == cidr then
      return state(ctx, network, subnet, recorded)
    end
  end
end

function M.read(ctx, id)
  local number, cidr = parts(ctx, id)
  return look(ctx, number, cidr, common.words(ctx))
end

--- By what was to be made: nothing of the key can be written on a subnet.
function M.find(ctx)
  local want = ctx.want
  if not want then
    return ctx.fail("unsupported", "a subnet is found by its network and range only")
  end
  return look(ctx, api.number(ctx, want.network, "network"), want.cidr, want)
end

function M.list(ctx)
  local networks, e = api.all(ctx, "/networks", "networks")
  if not networks then
    return nil, e
  end
  local out = {}
  for _, network in ipairs(networks) do
    for _, subnet in ipairs(network.subnets or {}) do
      local id = ("%s-%s"):format(tostring(network.id), subnet.ip_range)
      local recorded = ctx.recorded_of and ctx.recorded_of(id)
      local one = state(ctx, network, subnet, recorded or {})
      one.not_ours = not recorded and subnet.ip_range == network.ip_range or nil -- `subnet` of the network is it
      out[#out + 1] = one
    end
  end
  return out
end

function M.create(ctx, want)
  local zone, e = common.network_zone(ctx, want.zone or ctx.config.zone)
  if not zone then
    return nil, e
  end
  local number = api.number(ctx, want.network, "network")
  local ok
  ok, e = api.act(ctx, ("/networks/%d/actions/add_subnet"):format(number), {
    type = want.type, ip_range = want.cidr, network_zone = zone, vswitch_id = want.vswitch,
  })
  if not ok then
    return nil, e
  end
  ctx.adopt(("%d-%s"):format(number, want.cidr))
  return ctx.poll({ every = 0.5, timeout = 15 }, function() -- it may not be seen at once
    return look(ctx, number, want.cidr, want)
  end)
end

function M.delete(ctx, id)
  local number, cidr = parts(ctx, id)
  local there, e = look(ctx, number, cidr, {})
  if not there then
    return e == nil or nil, e
  end
  return api.act(ctx, ("/networks/%d/actions/delete_subnet"):format(number), { ip_range = cidr })
end

return M
