--- Load balancers and listeners of Elastic Load Balancing, version 2. Nothing balances.

local data = require("core.data")
local elb = require("prov.simulate.aws.elb")
local groups = require("prov.simulate.aws.groups")
local interfaces = require("prov.simulate.aws.interfaces")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  balancer = { refs = { vpc = "vpc", ["subnets[]"] = "subnet", ["groups[]"] = "group" }, quota = 50 },
  listener = { refs = { balancer = "balancer", ["forwards[]"] = "target_group" } },
}

-- Load balancers ---------------------------------------------------------------------------------

local function zones_view(call, balancer)
  local out = data.list({})
  for i, id in ipairs(balancer.subnets) do
    local subnet = call.w:get("subnet", id)
    local addresses = data.list({})
    if balancer.allocations and balancer.allocations[id] then
      local address = call.w:get("address", balancer.allocations[id])
      addresses[1] = { AllocationId = balancer.allocations[id], IpAddress = address and address.ip }
    end
    out[i] = { SubnetId = id, ZoneName = subnet and subnet.zone, LoadBalancerAddresses = addresses }
  end
  return out
end

local function balancer_view(call, balancer)
  return {
    LoadBalancerArn = balancer.id, LoadBalancerName = balancer.name, DNSName = balancer.dns, Scheme = balancer.scheme,
    CanonicalHostedZoneId = "Z00000000SIMULATED", CreatedTime = kit.time(balancer.created), VpcId = balancer.vpc,
    State = { Code = balancer.state }, Type = balancer.type, AvailabilityZones = zones_view(call, balancer),
    SecurityGroups = (balancer.type == "application" or #balancer.groups > 0) and balancer.groups or nil,
    IpAddressType = "ipv4",
  }
end

function operations.DescribeLoadBalancers(call, p)
  local list, e = elb.asked_for(call, "balancer", p.LoadBalancerArns, p.Names)
  if not list then
    return nil, e
  end
  return elb.page(call, p, "LoadBalancers", list, balancer_view)
end

--- The subnets of a request, of one VPC, each in a zone of its own; and their addresses.
local function subnets_of(call, p, type_name)
  local ids, allocations = data.list({}), {}
  for _, id in ipairs(p.Subnets or {}) do
    ids[#ids + 1] = id
  end
  for _, mapping in ipairs(p.SubnetMappings or {}) do
    ids[#ids + 1] = mapping.SubnetId
    allocations[mapping.SubnetId or ""] = mapping.AllocationId
  end
  local vpc, zones = nil, {}
  for _, id in ipairs(ids) do
    local subnet = call.w:get("subnet", id)
    if not kit.is_here(call, subnet) then
      return kit.refuse("SubnetNotFound", "The subnet ID '%s' does not exist", id)
    elseif vpc and vpc ~= subnet.vpc then
      return kit.refuse("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", vpc)
    elseif zones[subnet.zone] then
      return kit.refuse("InvalidConfigurationRequest",
        "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
    end
    vpc, zones[subnet.zone] = subnet.vpc, true
  end
  if #ids < (type_name == "network" and 1 or 2) then
    return kit.refuse("ValidationError", type_name == "network" and "At least one subnet must be specified"
      or "At least two subnets in two different Availability Zones must be specified")
  end
  return { ids = ids, vpc = vpc, allocations = next(allocations) and allocations or nil }
end

--- Takes an interface of a load balancer away, in a while.
local function withdraw(call, interface)
  interfaces.release(call, interface)
  call.w:later(interface, kit.TIMES.balancer_gone, "gone")
end

--- The interfaces of a load balancer: one in each of its subnets.
local function place(call, balancer)
  local there = {}
  for _, interface in ipairs(call.w:holders(balancer, "interface")) do
    there[interface.subnet] = not interface.next and interface or nil
  end
  for _, id in ipairs(balancer.subnets) do
    local address = balancer.allocations and balancer.allocations[id]
    if not there[id] then
      local public = balancer.scheme == "internet-facing"
      local made, e = interfaces.make(call, call.w:get("subnet", id), {
        groups = balancer.groups, description = "ELB " .. balancer.path, managed = "amazon-elb", in_use = true,
        type = balancer.type == "network" and "network_load_balancer" or nil, balancer = balancer.id,
        public_ip = public and not address and call.w.world:ipv4() or nil,
        attachment = { id = kit.id(call, "ela-attach-"), index = 1, state = "attached", owner = "amazon-elb",
          at = call.w.world:now() },
      })
      if not made then
        return nil, e
      elseif address and call.w:get("address", address) then
        interfaces.associate(call, call.w:get("address", address), made)
      end
    end
    there[id] = nil
  end
  for _, interface in pairs(there) do
    withdraw(call, interface)
  end
  return true
end

local function same_balancer(a, b)
  return a.type == b.type and a.scheme == b.scheme and data.encode(a.subnets) == data.encode(b.subnets)
end

local function check_groups(call, vpc, ids)
  local out, e = groups.check(call, vpc, ids)
  if not out then
    return kit.refuse("InvalidSecurityGroup", "%s", e.msg)
  end
  return out
end

--- What a load balancer is to be.
local function wanted_balancer(call, p)
  local type_name, scheme = p.Type or "application", p.Scheme or "internet-facing"
  local ok, e = elb.check_name(p.Name)
  if not ok then
    return nil, e
  elseif type_name ~= "application" and type_name ~= "network" then
    return kit.refuse("ValidationError", "The load balancer type '%s' is not one of application, network", type_name)
  elseif p.Name:find("^internal%-") then
    return kit.refuse("ValidationError", "The load balancer name '%s' cannot begin with 'internal-'", p.Name)
  end
  local where
  where, e = subnets_of(call, p, type_name)
  if not where then
    return nil, e
  elseif scheme == "internet-facing" and #call.w:holders(call.w:get("vpc", where.vpc), "gateway") == 0 then
    return kit.refuse("InvalidSubnet", "VPC %s has no internet gateway", where.vpc)
  end
  local ids = data.list({})
  if type_name == "application" or #(p.SecurityGroups or {}) > 0 then
    ids, e = check_groups(call, where.vpc, p.SecurityGroups)
    if not ids then
      return nil, e
    end
  end
  local labels
  labels, e = kit.labels(p.Tags)
  if not labels then
    return nil, e
  end
  return {
    name = p.Name, type = type_name, scheme = scheme, subnets = where.ids, vpc = where.vpc, groups = ids,
    labels = labels,
    allocations = where.allocations, attributes = {}, state = "provisioning",
  }
end

function operations.CreateLoadBalancer(call, p)
  local wanted, e = wanted_balancer(call, p)
  if not wanted then
    return nil, e
  end
  local there = elb.named(call, "balancer", p.Name, true)
  if there and same_balancer(there, wanted) then
    return { LoadBalancers = data.list({ balancer_view(call, there) }) }
  elseif there then
    return kit.refuse("DuplicateLoadBalancerName", "A load balancer with the same name '%s' exists, but with different "
      .. "settings", p.Name)
  end
  local hex, network = call.w.world:hex(16), wanted.type == "network"
  wanted.path = ("%s/%s/%s"):format(network and "net" or "app", p.Name, hex)
  wanted.id = elb.arn_of(call, "loadbalancer/" .. wanted.path)
  wanted.dns = ("%s%s-%s.%s.amazonaws.com"):format(wanted.scheme == "internal" and "internal-" or "", p.Name,
    network and hex or tonumber(hex:sub(1, 8), 16), network and "elb." .. call.region or call.region .. ".elb")
  local balancer
  balancer, e = elb.add(call, "balancer", wanted)
  if not balancer then
    return nil, e
  end
  local ok
  ok, e = place(call, balancer)
  if not ok then
    return nil, e
  end
  call.w:later(balancer, kit.TIMES.balancer, { state = call.fails and "failed" or "active" })
  return { LoadBalancers = data.list({ balancer_view(call, balancer) }) }
end

--- What is not there is deleted, too.
function operations.DeleteLoadBalancer(call, p)
  local balancer = elb.get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return
  elseif balancer.attributes["deletion_protection.enabled"] == "true" then
    return kit.refuse("OperationNotPermitted",
      "Load balancer '%s' cannot be deleted because deletion protection is enabled",
      balancer.id)
  end
  for _, listener in ipairs(call.w:holders(balancer, "listener")) do
    call.w:remove(listener)
  end
  for _, interface in ipairs(call.w:holders(balancer, "interface")) do
    withdraw(call, interface)
  end
  call.w:remove(balancer)
end

operations.DescribeLoadBalancerAttributes, operations.ModifyLoadBalancerAttributes =
  elb.attribute_operations("balancer", "LoadBalancerArn")

function operations.SetSecurityGroups(call, p)
  local balancer, e = elb.get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return nil, e
  elseif balancer.type == "network" and #balancer.groups == 0 then
    return kit.refuse("InvalidConfigurationRequest", "You cannot set security groups on a load balancer that was made "
      .. "without")
  end
  local ids
  ids, e = check_groups(call, balancer.vpc, p.SecurityGroups)
  if not ids then
    return nil, e
  end
  call.w:change(balancer, { groups = ids })
  for _, interface in ipairs(call.w:holders(balancer, "interface")) do
    call.w:change(interface, { groups = data.list({ table.unpack(ids) }) })
  end
  return { SecurityGroupIds = ids }
end

function operations.SetSubnets(call, p)
  local balancer, e = elb.get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return nil, e
  end
  local where
  where, e = subnets_of(call, p, balancer.type)
  if not where then
    return nil, e
  elseif where.vpc ~= balancer.vpc then
    return kit.refuse("InvalidSubnet", "The subnets are in VPC %s, the load balancer is in %s", where.vpc, balancer.vpc)
  end
  call.w:change(balancer, { subnets = where.ids, allocations = where.allocations or kit.NONE })
  local ok
  ok, e = place(call, balancer)
  if not ok then
    return nil, e
  end
  return { AvailabilityZones = zones_view(call, balancer), IpAddressType = "ipv4" }
end

-- Listeners --------------------------------------------------------------------------------------

local function listener_view(_, listener)
  return {
    ListenerArn = listener.id, LoadBalancerArn = listener.balancer, Port = listener.port, Protocol = listener.protocol,
    Certificates = listener.certificates, SslPolicy = listener.policy, DefaultActions = listener.actions,
  }
end

function operations.DescribeListeners(call, p)
  local list, e = elb.asked_for(call, "listener", p.ListenerArns)
  if not list then
    return nil, e
  end
  if p.LoadBalancerArn then
    local balancer
    balancer, e = elb.get(call, "balancer", p.LoadBalancerArn)
    if not balancer then
      return nil, e
    end
    list = call.w:holders(balancer, "listener")
  elseif #(p.ListenerArns or {}) == 0 then
    return kit.refuse("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
  end
  return elb.page(call, p, "Listeners", list, listener_view)
end

--- The actions of a listener as they are shown, and the target groups they lead to.
local function actions_of(call, given)
  local out, forwards = data.list({}), data.list({})
  for i, action in ipairs(given or {}) do
    local shown = {}
    for key, value in pairs(action) do
      shown[key] = value
    end
    if action.Type == "forward" then
      local tuples = action.ForwardConfig and action.ForwardConfig.TargetGroups or {}
      if action.TargetGroupArn then
        tuples = { { TargetGroupArn = action.TargetGroupArn, Weight = 1 } }
      end
      for _, tuple in ipairs(tuples) do
        local group, e = elb.get(call, "target_group", tuple.TargetGroupArn)
        if not group then
          return nil, e
        end
        forwards[#forwards + 1] = group.id
      end
      shown.TargetGroupArn = #forwards == 1 and forwards[1] or nil
      shown.ForwardConfig = { TargetGroups = data.list(tuples), TargetGroupStickinessConfig = { Enabled = false } }
    end
    out[i] = shown
  end
  if #out == 0 then
    return kit.refuse("ValidationError", "A default action must be specified")
  end
  return out, nil, forwards
end

local ALLOWED = {
  application = { HTTP = true, HTTPS = true }, network = { TCP = true, TLS = true, UDP = true, TCP_UDP = true },
}

local function check_listener(call, balancer, fields, self)
  if not ALLOWED[balancer.type][fields.protocol or ""] then
    return kit.refuse("ValidationError", "Listener protocol '%s' is not valid for %s load balancers",
      tostring(fields.protocol), balancer.type)
  elseif not fields.port or fields.port < 1 or fields.port > 65535 then
    return kit.refuse("ValidationError", "A port between 1 and 65535 must be specified")
  elseif (fields.protocol == "HTTPS" or fields.protocol == "TLS") and #(fields.certificates or {}) == 0 then
    return kit.refuse("CertificateNotFound", "A certificate must be specified for %s listeners", fields.protocol)
  end
  for _, other in ipairs(call.w:holders(balancer, "listener")) do
    if other.id ~= self and other.port == fields.port then
      return kit.refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'",
        balancer.id)
    end
  end
  return true
end

local POLICY = { HTTPS = "ELBSecurityPolicy-2016-08", TLS = "ELBSecurityPolicy-2016-08" }

function operations.CreateListener(call, p)
  local balancer, e = elb.get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return nil, e
  end
  local actions, why, forwards = actions_of(call, p.DefaultActions)
  if not actions then
    return nil, why
  end
  local fields = {
    balancer = balancer.id, port = p.Port, protocol = p.Protocol, certificates = p.Certificates, actions = actions,
    forwards = forwards, policy = p.SslPolicy or POLICY[p.Protocol],
  }
  local ok
  ok, e = check_listener(call, balancer, fields)
  if not ok then
    return nil, e
  end
  fields.labels, e = kit.labels(p.Tags)
  if not fields.labels then
    return nil, e
  end
  fields.id = elb.arn_of(call, ("listener/%s/%s"):format(balancer.path, call.w.world:hex(16)))
  local listener
  listener, e = elb.add(call, "listener", fields)
  if not listener then
    return nil, e
  end
  return { Listeners = data.list({ listener_view(call, listener) }) }
end

function operations.ModifyListener(call, p)
  local listener, e = elb.get(call, "listener", p.ListenerArn)
  if not listener then
    return nil, e
  end
  local protocol = p.Protocol or listener.protocol
  local fields = {
    port = p.Port or listener.port, protocol = protocol,
    certificates = p.Certificates or POLICY[protocol] and listener.certificates,
    policy = p.SslPolicy or POLICY[protocol] and (listener.policy or POLICY[protocol]),
  }
  local ok
  ok, e = check_listener(call, call.w:get("balancer", listener.balancer), fields, listener.id)
  if not ok then
    return nil, e
  end
  if p.DefaultActions then
    local actions, why, forwards = actions_of(call, p.DefaultActions)
    if not actions then
      return nil, why
    end
    fields.actions, fields.forwards = actions, forwards
  end
  fields.certificates, fields.policy = fields.certificates or kit.NONE, fields.policy or kit.NONE
  call.w:change(listener, fields)
  return { Listeners = data.list({ listener_view(call, listener) }) }
end

function operations.DeleteListener(call, p)
  local listener, e = elb.get(call, "listener", p.ListenerArn)
  if not listener then
    return nil, e
  end
  call.w:remove(listener)
end

-- Tags -------------------------------------------------------------------------------------------

local function of_arn(call, arn)
  local kind = arn:find(":targetgroup/", 1, true) and "target_group" or arn:find(":listener/", 1, true) and "listener"
    or "balancer"
  return elb.get(call, kind, arn)
end

local function each_tagged(call, p, change)
  if #(p.ResourceArns or {}) == 0 or #p.ResourceArns > 20 then
    return kit.refuse("ValidationError", "Between 1 and 20 resources must be specified")
  end
  for _, arn in ipairs(p.ResourceArns) do
    local object, e = of_arn(call, arn)
    if not object then
      return nil, e
    end
    local ok
    ok, e = change(object)
    if not ok then
      return nil, e
    end
  end
  return true
end

function operations.DescribeTags(call, p)
  local out = data.list({})
  local ok, e = each_tagged(call, p, function(object)
    out[#out + 1] = { ResourceArn = object.id, Tags = kit.tags(object.labels) }
    return true
  end)
  if not ok then
    return nil, e
  end
  return { TagDescriptions = out }
end

function operations.AddTags(call, p)
  local _, e = each_tagged(call, p, function(object)
    local labels, why = kit.labels(p.Tags, object.labels)
    if not labels then
      return nil, why
    end
    return call.w:change(object, { labels = labels })
  end)
  return nil, e
end

function operations.RemoveTags(call, p)
  local _, e = each_tagged(call, p, function(object)
    local labels = kit.labels({}, object.labels)
    for _, key in ipairs(p.TagKeys or {}) do
      labels[key] = nil
    end
    return call.w:change(object, { labels = labels })
  end)
  return nil, e
end

return M
