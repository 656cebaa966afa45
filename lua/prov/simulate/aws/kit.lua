--- What all of the simulated AWS has in common: errors, ids, times, tags, lookups, ranges.

local cloud = require("prov.simulate.cloud")
local data = require("core.data")
local err = require("prov.err")
local ipam = require("prov.machine.ipam")

local M = {}

--- In the fields of a change: the field goes.
M.NONE = cloud.NONE

--- The account that all is of.
M.ACCOUNT = "123456789012"

--- How long things take, in milliseconds of the world.
M.TIMES = {
  boot = 8000, stop = 10000, terminate = 12000, forgotten = 3600000, volume = 2000, attach = 1000, detach = 2000,
  snapshot = 15000, image = 20000, modify = 30000, nat = 20000, nat_gone = 30000, balancer = 20000,
  balancer_gone = 5000, token = 86400000, dns = 30000,
}

--- Statuses of errors that are not 400.
local STATUS = {
  AuthFailure = 401, UnauthorizedOperation = 403, DryRunOperation = 412, InternalError = 500,
}

--- Refuses a request.
---@param code string of AWS
---@param fmt string
---@return nil, prov.Err
function M.refuse(code, fmt, ...)
  return nil, err.new("failed", fmt:format(...), { wire = { status = STATUS[code] or 400, code = code } })
end

--- Kinds: how ids begin, what tags call them, what is said when one is not there.
M.KINDS = {
  instance = { "i-", "instance", "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist" },
  vpc = { "vpc-", "vpc", "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist" },
  subnet = { "subnet-", "subnet", "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist" },
  gateway = {
    "igw-", "internet-gateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist",
  },
  route_table = { "rtb-", "route-table", "InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist" },
  group = { "sg-", "security-group", "InvalidGroup.NotFound", "The security group '%s' does not exist" },
  interface = {
    "eni-", "network-interface", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist",
  },
  volume = { "vol-", "volume", "InvalidVolume.NotFound", "The volume '%s' does not exist." },
  snapshot = { "snap-", "snapshot", "InvalidSnapshot.NotFound", "The snapshot '%s' does not exist." },
  address = {
    "eipalloc-", "elastic-ip", "InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist",
  },
  key = { "key-", "key-pair", "InvalidKeyPair.NotFound", "The key pair '%s' does not exist" },
  placement_group = {
    "pg-", "placement-group", "InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.",
  },
  image = { "ami-", "image", "InvalidAMIID.NotFound", "The image id '[%s]' does not exist" },
  acl = { "acl-", "network-acl", "InvalidNetworkAclID.NotFound", "The networkAcl ID '%s' does not exist" },
  nat = { "nat-", "natgateway", "NatGatewayNotFound", "NatGateway %s was not found" },
}

--- What answers say of a thing that is not there.
---@param kind string
---@param id string
---@return nil, prov.Err
function M.absent(kind, id)
  local known = M.KINDS[kind]
  if not tostring(id):find("^" .. known[1]:gsub("%-", "%%-") .. "%x+$") and known[3]:find("ID%.NotFound$") then
    return M.refuse(known[3]:gsub("NotFound", "Malformed"), 'Invalid id: "%s" (expecting "%s...")', id, known[1])
  end
  return M.refuse(known[3], known[4], id)
end

--- True for what is of the region a request is for.
function M.is_here(call, object)
  return object ~= nil and (object.region == nil or object.region == call.region)
end

--- The object with an id.
---@param call prov.simulate.Call
---@param kind string
---@param id? string
---@return prov.simulate.Object?, prov.Err?
function M.get(call, kind, id)
  if id == nil or id == "" then
    return M.missing(M.KINDS[kind][2]:gsub("%-(%l)", string.upper) .. "Id")
  end
  local object = call.w:get(kind, id)
  if not M.is_here(call, object) then
    return M.absent(kind, id)
  end
  return object
end

--- The object that a request with a ClientToken has made, whether reads see it by now or not.
function M.made(call, kind, id)
  local object = call.w:actual(kind, id)
  if not object then
    return M.absent(kind, id)
  end
  return object
end

--- Refuses because a parameter is not there.
function M.missing(name)
  return M.refuse("MissingParameter", "The request must contain the parameter %s", name)
end

--- Refuses the value of a parameter.
function M.invalid(name, value, more)
  return M.refuse("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", tostring(value), name,
    more or "")
end

--- An id that nobody has.
function M.id(call, prefix)
  return prefix .. "0" .. call.w.world:hex(16)
end

--- World milliseconds as AWS counts time.
function M.time(ms)
  return ms and ms / 1000
end

-- Tags -------------------------------------------------------------------------------------------

--- Checks tags and gives them as a map.
---@param list { Key: string, Value: string? }[]
---@param into? table<string, string> the tags there are
---@return table<string, string>?, prov.Err?
function M.labels(list, into)
  local out, count = {}, 0
  for key, value in pairs(into or {}) do
    out[key] = value
  end
  for _, tag in ipairs(list or {}) do
    local key = tag.Key or ""
    if key == "" or utf8.len(key) == nil or utf8.len(key) > 127 then
      return M.refuse("InvalidParameterValue", "Tag key must be between 1 and 127 characters")
    elseif key:lower():find("^aws:") then
      return M.refuse("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    elseif #(tag.Value or "") > 255 * 4 or (utf8.len(tag.Value or "") or 256) > 255 then
      return M.refuse("InvalidParameterValue", "Tag value exceeds the maximum length of 255 characters")
    end
    out[key] = tag.Value or ""
  end
  for _ in pairs(out) do
    count = count + 1
  end
  if count > 50 then
    return M.refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
  end
  return out
end

--- The tags that a creation gives to things of a type.
---@param p table parameters with TagSpecifications
---@param kind string
---@param others? table<string, boolean> types that are taken as well, of other things made with it
---@return table<string, string>?, prov.Err?
function M.specified(p, kind, others)
  local type_name, out = M.KINDS[kind][2], {}
  for _, one in ipairs(p.TagSpecifications or {}) do
    if one.ResourceType == type_name then
      local e
      out, e = M.labels(one.Tags, out)
      if not out then
        return nil, e
      end
    elseif not (others and others[one.ResourceType or ""]) then
      return M.refuse("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.",
        tostring(one.ResourceType))
    end
  end
  return out
end

--- Tags as answers show them.
function M.tags(labels)
  local out = data.list({})
  for i, key in ipairs(data.keys(labels or {})) do
    out[i] = { Key = key, Value = labels[key] }
  end
  return out
end

-- Creation ---------------------------------------------------------------------------------------

--- Adds an object with an id of its kind, in the region of the request. Its name is its tag Name.
---@param call prov.simulate.Call
---@param kind string
---@param fields table
---@return prov.simulate.Object?, prov.Err?
function M.add(call, kind, fields)
  fields.id = fields.id or M.id(call, M.KINDS[kind][1])
  fields.region = call.region
  fields.labels = fields.labels or {}
  fields.name = fields.name or fields.labels.Name
  return call.w:add(kind, fields)
end

--- Does what a request with a ClientToken asks for, once: the same token gives what was made then.
---@param call prov.simulate.Call
---@param p table parameters
---@param make fun(): any, prov.Err? makes it, and gives what stands for it: an id
---@param seen fun(made: any): table?, prov.Err? the answer
---@return table?, prov.Err?
function M.once(call, p, make, seen)
  local token = p.ClientToken ~= "" and p.ClientToken or nil
  if token and #token > 64 then
    return M.invalid("ClientToken", token, "It has more than 64 characters.")
  end
  local id = token and ("%s/%s/%s"):format(call.region, call.action, token)
  local asked = token and data.encode(p)
  local before = id and call.w:actual("token", id)
  if before and before.asked ~= asked then
    return M.refuse("IdempotentParameterMismatch",
      "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
  elseif before then
    return seen(before.made)
  end
  local made, e = make()
  if not made then
    return nil, e
  end
  if id then
    local object = call.w:add("token", { id = id, asked = asked, made = made })
    call.w:later(object, M.TIMES.token, "gone")
  end
  return seen(made)
end

-- Ranges and addresses ---------------------------------------------------------------------------

--- A range, with its first address when another one of it was named, as AWS takes it.
---@param text any
---@return table?, prov.Err?
function M.range(text, name, widest, narrowest)
  local ip, prefix = tostring(text):match("^([%d.]+)/(%d+)$")
  local number = ip and ipam.parse(ip)
  prefix = math.tointeger(prefix)
  if not number or prefix > 32 then
    return M.refuse("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.",
      tostring(text), name)
  end
  local first = number & ~((1 << (32 - prefix)) - 1)
  local range, e = ipam.network(("%s/%d"):format(ipam.format(first), prefix), widest or 0, narrowest or 32)
  if not range then
    return nil, e
  end
  return range
end

--- A free address of a subnet, or the wanted one. The first four and the last are AWS's.
---@param call prov.simulate.Call
---@param subnet prov.simulate.Object
---@param wanted? string
---@return string?, prov.Err?
function M.private_address(call, subnet, wanted)
  local taken = {}
  for _, interface in ipairs(call.w:holders(subnet, "interface")) do
    taken[interface.ip] = interface.id
  end
  local range = ipam.network(subnet.cidr, 16, 28)
  for number = range.first, range.first + 3 do
    taken[ipam.format(number)] = "AWS"
  end
  local ip, e = ipam.allocate(range, taken, wanted)
  if ip then
    return ip
  elseif not wanted then
    return M.refuse("InsufficientFreeAddressesInSubnet", "There are no free addresses in subnet '%s'.", subnet.id)
  elseif e.code == "conflict" then
    return M.refuse("InvalidIPAddress.InUse", "Address %s is in use.", wanted)
  end
  return M.refuse("InvalidParameterValue", "Address %s does not fall within the subnet's address range", wanted)
end

--- How many addresses of a subnet are free.
function M.free_addresses(call, subnet)
  local range = ipam.network(subnet.cidr, 16, 28)
  return range.last - range.first + 1 - 5 - #call.w:holders(subnet, "interface")
end

--- A hardware address that nobody has.
function M.mac(call)
  local n = call.w.world:number("mac")
  return ("0a:%02x:%02x:%02x:%02x:%02x"):format(n >> 32 & 255, n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255)
end

--- The part of host names that tells the region.
local function domain(region)
  return region == "us-east-1" and "compute-1" or region .. ".compute"
end

--- The name of a public address.
function M.public_name(region, ip)
  return ip and ("ec2-%s.%s.amazonaws.com"):format(ip:gsub("%.", "-"), domain(region)) or ""
end

--- The name of a private address.
function M.private_name(region, ip)
  local where = region == "us-east-1" and "ec2.internal" or region .. ".compute.internal"
  return ("ip-%s.%s"):format(ip:gsub("%.", "-"), where)
end

return M
