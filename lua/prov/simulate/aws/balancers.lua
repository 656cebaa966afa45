--- Elastic Load Balancing, version 2: load balancers, listeners, target groups. Nothing balances: a target is healthy when
-- its instance runs.

local data = require("core.data")
local describe = require("prov.simulate.aws.describe")
local groups = require("prov.simulate.aws.groups")
local interfaces = require("prov.simulate.aws.interfaces")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = {
  balancer = { refs = { vpc = "vpc", ["subnets[]"] = "subnet", ["groups[]"] = "group" }, quota = 50 },
  target_group = { quota = 3000 },
  listener = { refs = { balancer = "balancer", ["forwards[]"] = "target_group" } },
}

local ABSENT = {
  balancer = { "LoadBalancerNotFound", "Load balancers '%s' not found" },
  target_group = { "TargetGroupNotFound", "Target groups '%s' not found" },
  listener = { "ListenerNotFound", "Listeners '%s' not found" },
}

local function absent(kind, arn)
  return kit.refuse(ABSENT[kind][1], ABSENT[kind][2], tostring(arn))
end

local function get(call, kind, arn)
  if not arn then
    return kit.refuse("ValidationError", "The ARN is missing")
  end
  local object = call.w:get(kind, arn)
  if not kit.is_here(call, object) then
    return absent(kind, arn)
  end
  return object
end

local function named(call, kind, name, actual)
  for _, object in ipairs(describe.all(call, kind, actual)) do
    if object.name == name then
      return object
    end
  end
end

local function arn_of(call, text)
  return ("arn:aws:elasticloadbalancing:%s:%s:%s"):format(call.region, kit.ACCOUNT, text)
end

local function add(call, kind, fields)
  fields.region = call.region
  return call.w:add(kind, fields)
end

--- The objects a request names by ARN or name; all when it names none.
local function asked_for(call, kind, arns, names)
  local out = {}
  for _, arn in ipairs(arns or {}) do
    local object, e = get(call, kind, arn)
    if not object then
      return nil, e
    end
    out[#out + 1] = object
  end
  for _, name in ipairs(names or {}) do
    local object = named(call, kind, name)
    if not object then
      return kind == "balancer" and kit.refuse("LoadBalancerNotFound", "Load balancers '[%s]' not found", name)
        or kit.refuse("TargetGroupNotFound", "One or more target groups not found")
    end
    out[#out + 1] = object
  end
  if #(arns or {}) == 0 and #(names or {}) == 0 then
    return describe.all(call, kind)
  end
  return out
end

--- A page of views, in the form of this service: Marker, PageSize, NextMarker.
local function page(call, p, field, objects, view)
  local rows = {}
  for i, object in ipairs(objects) do
    rows[i] = { view(call, object), object }
  end
  if p.PageSize and (p.PageSize < 1 or p.PageSize > 400) then
    return kit.refuse("ValidationError", "PageSize must be between 1 and 400")
  end
  local first = 1
  while p.Marker and rows[first] and rows[first][2].seq <= (math.tointeger(tonumber(p.Marker)) or 0) do
    first = first + 1
  end
  local last = math.min(#rows, first + (p.PageSize or 400) - 1)
  local out = data.list({})
  for i = first, last do
    out[#out + 1] = rows[i][1]
  end
  return { [field] = out, NextMarker = last < #rows and tostring(rows[last][2].seq) or nil }
end

local function check_name(name)
  if not name or #name < 1 or #name > 32 or name:find("[^%w-]") or name:find("^%-") or name:find("%-$") then
    return kit.refuse("ValidationError", "The load balancer or target group name '%s' cannot be longer than '32' characters, "
      .. "can only contain characters that are alphanumeric characters and hyphens(-), and cannot begin or end with a "
      .. "hyphen", tostring(name))
  end
  return true
end

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
  local list, e = asked_for(call, "balancer", p.LoadBalancerArns, p.Names)
  if not list then
    return nil, e
  end
  return page(call, p, "LoadBalancers", list, balancer_view)
end

local ATTRIBUTES = {
  application = {
    ["deletion_protection.enabled"] = "false", ["access_logs.s3.enabled"] = "false", ["access_logs.s3.bucket"] = "",
    ["access_logs.s3.prefix"] = "", ["idle_timeout.timeout_seconds"] = "60", ["routing.http2.enabled"] = "true",
    ["routing.http.drop_invalid_header_fields.enabled"] = "false", ["load_balancing.cross_zone.enabled"] = "true",
    ["routing.http.xff_client_port.enabled"] = "false", ["routing.http.preserve_host_header.enabled"] = "false",
    ["routing.http.xff_header_processing.mode"] = "append", ["client_keep_alive.seconds"] = "3600",
    ["routing.http.desync_mitigation_mode"] = "defensive", ["waf.fail_open.enabled"] = "false",
    ["routing.http.x_amzn_tls_version_and_cipher_suite.enabled"] = "false",
  },
  network = {
    ["deletion_protection.enabled"] = "false", ["access_logs.s3.enabled"] = "false", ["access_logs.s3.bucket"] = "",
    ["access_logs.s3.prefix"] = "", ["load_balancing.cross_zone.enabled"] = "false",
    ["dns_record.client_routing_policy"] = "any_availability_zone",
  },
  target_group = {
    ["deregistration_delay.timeout_seconds"] = "300", ["stickiness.enabled"] = "false", ["stickiness.type"] = "lb_cookie",
    ["stickiness.lb_cookie.duration_seconds"] = "86400", ["slow_start.duration_seconds"] = "0",
    ["load_balancing.algorithm.type"] = "round_robin", ["load_balancing.cross_zone.enabled"] = "use_load_balancer_configuration",
    ["preserve_client_ip.enabled"] = "true", ["proxy_protocol_v2.enabled"] = "false",
    ["stickiness.app_cookie.cookie_name"] = "", ["stickiness.app_cookie.duration_seconds"] = "86400",
    ["deregistration_delay.connection_termination.enabled"] = "false",
  },
}

local function attributes_view(object)
  local usual, out = ATTRIBUTES[object.type] or ATTRIBUTES.target_group, data.list({})
  for i, key in ipairs(data.keys(usual)) do
    out[i] = { Key = key, Value = object.attributes[key] or usual[key] }
  end
  return out
end

local function change_attributes(call, object, given)
  local usual = ATTRIBUTES[object.type] or ATTRIBUTES.target_group
  call.w:touch(object)
  for _, one in ipairs(given or {}) do
    if not usual[one.Key] then
      return kit.refuse("InvalidConfigurationRequest", "Attribute '%s' is not recognized", tostring(one.Key))
    end
    object.attributes[one.Key] = one.Value or ""
  end
  return { Attributes = attributes_view(object) }
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

--- The interfaces of a load balancer: one in each of its subnets.
local function place(call, balancer)
  local there = {}
  for _, interface in ipairs(describe.all(call, "interface")) do
    if interface.balancer == balancer.id then
      there[interface.subnet] = interface
    end
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
    interfaces.release(call, interface)
    call.w:later(interface, kit.TIMES.balancer_gone, "gone")
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
  local ok, e = check_name(p.Name)
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
    name = p.Name, type = type_name, scheme = scheme, subnets = where.ids, vpc = where.vpc, groups = ids, labels = labels,
    allocations = where.allocations, attributes = {}, state = "provisioning",
  }
end

function operations.CreateLoadBalancer(call, p)
  local wanted, e = wanted_balancer(call, p)
  if not wanted then
    return nil, e
  end
  local there = named(call, "balancer", p.Name, true)
  if there and same_balancer(there, wanted) then
    return { LoadBalancers = data.list({ balancer_view(call, there) }) }
  elseif there then
    return kit.refuse("DuplicateLoadBalancerName", "A load balancer with the same name '%s' exists, but with different "
      .. "settings", p.Name)
  end
  local hex, network = call.w.world:hex(16), wanted.type == "network"
  wanted.path = ("%s/%s/%s"):format(network and "net" or "app", p.Name, hex)
  wanted.id = arn_of(call, "loadbalancer/" .. wanted.path)
  wanted.dns = ("%s%s-%s.%s.amazonaws.com"):format(wanted.scheme == "internal" and "internal-" or "", p.Name,
    network and hex or tonumber(hex:sub(1, 8), 16), network and "elb." .. call.region or call.region .. ".elb")
  local balancer
  balancer, e = add(call, "balancer", wanted)
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
  local balancer = get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return
  elseif balancer.attributes["deletion_protection.enabled"] == "true" then
    return kit.refuse("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled",
      balancer.id)
  end
  for _, listener in ipairs(call.w:holders(balancer, "listener")) do
    call.w:remove(listener)
  end
  for _, interface in ipairs(describe.all(call, "interface")) do
    if interface.balancer == balancer.id then
      interfaces.release(call, interface)
      call.w:later(interface, kit.TIMES.balancer_gone, "gone")
    end
  end
  call.w:remove(balancer)
end

function operations.DescribeLoadBalancerAttributes(call, p)
  local balancer, e = get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return nil, e
  end
  return { Attributes = attributes_view(balancer) }
end

function operations.ModifyLoadBalancerAttributes(call, p)
  local balancer, e = get(call, "balancer", p.LoadBalancerArn)
  if not balancer then
    return nil, e
  end
  return change_attributes(call, balancer, p.Attributes)
end

function operations.SetSecurityGroups(call, p)
  local balancer, e = get(call, "balancer", p.LoadBalancerArn)
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
  for _, interface in ipairs(describe.all(call, "interface")) do
    if interface.balancer == balancer.id then
      call.w:change(interface, { groups = data.list({ table.unpack(ids) }) })
    end
  end
  return { SecurityGroupIds = ids }
end

function operations.SetSubnets(call, p)
  local balancer, e = get(call, "balancer", p.LoadBalancerArn)
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

-- Target groups ----------------------------------------------------------------------------------

--- The load balancers whose listeners lead to a target group.
local function balancers_of(call, group)
  local out, seen = data.list({}), {}
  for _, listener in ipairs(call.w:holders(group, "listener")) do
    if not seen[listener.balancer] then
      out[#out + 1], seen[listener.balancer] = listener.balancer, true
    end
  end
  return out
end

local function target_group_view(call, group)
  local check = group.check
  return {
    TargetGroupArn = group.id, TargetGroupName = group.name, Protocol = group.protocol, Port = group.port,
    ProtocolVersion = group.version, VpcId = group.vpc, TargetType = group.target_type, IpAddressType = "ipv4",
    LoadBalancerArns = balancers_of(call, group), HealthCheckProtocol = check.protocol, HealthCheckPort = check.port,
    HealthCheckEnabled = true, HealthCheckPath = check.path, HealthCheckIntervalSeconds = check.interval,
    HealthCheckTimeoutSeconds = check.timeout, HealthyThresholdCount = check.healthy,
    UnhealthyThresholdCount = check.unhealthy, Matcher = check.codes and { HttpCode = check.codes } or nil,
  }
end

function operations.DescribeTargetGroups(call, p)
  local list, e = asked_for(call, "target_group", p.TargetGroupArns, p.Names)
  if not list then
    return nil, e
  end
  if p.LoadBalancerArn then
    local balancer
    balancer, e = get(call, "balancer", p.LoadBalancerArn)
    if not balancer then
      return nil, e
    end
    local mine = {}
    for _, group in ipairs(list) do
      for _, arn in ipairs(balancers_of(call, group)) do
        mine[#mine + 1] = arn == balancer.id and group or nil
      end
    end
    list = mine
  end
  return page(call, p, "TargetGroups", list, target_group_view)
end

local HTTP = { HTTP = true, HTTPS = true }
local PROTOCOLS = { HTTP = true, HTTPS = true, TCP = true, TLS = true, UDP = true, TCP_UDP = true }

--- What a health check is, changed by a request.
local function check_of(p, check)
  local protocol = p.HealthCheckProtocol or check.protocol
  local http = HTTP[protocol]
  local out = {
    protocol = protocol, port = p.HealthCheckPort or check.port, path = http and (p.HealthCheckPath or check.path or "/") or nil,
    interval = p.HealthCheckIntervalSeconds or check.interval, timeout = p.HealthCheckTimeoutSeconds or check.timeout,
    healthy = p.HealthyThresholdCount or check.healthy, unhealthy = p.UnhealthyThresholdCount or check.unhealthy,
    codes = http and (p.Matcher and p.Matcher.HttpCode or check.codes or "200") or nil,
  }
  if out.interval < 5 or out.interval > 300 then
    return kit.refuse("ValidationError", "Health check interval must be between 5 and 300")
  elseif out.timeout < 2 or out.timeout > 120 or out.timeout >= out.interval then
    return kit.refuse("ValidationError", "Health check timeout '%d' must be smaller than the interval '%d'", out.timeout,
      out.interval)
  elseif out.healthy < 2 or out.healthy > 10 or out.unhealthy < 2 or out.unhealthy > 10 then
    return kit.refuse("ValidationError", "Health check thresholds must be between 2 and 10")
  elseif not PROTOCOLS[protocol] then
    return kit.refuse("ValidationError", "The health check protocol '%s' is not valid", tostring(protocol))
  end
  return out
end

function operations.CreateTargetGroup(call, p)
  local ok, e = check_name(p.Name)
  if not ok then
    return nil, e
  elseif not PROTOCOLS[p.Protocol or ""] then
    return kit.refuse("ValidationError", "The protocol '%s' is not valid", tostring(p.Protocol))
  elseif not p.Port or p.Port < 1 or p.Port > 65535 then
    return kit.refuse("ValidationError", "A port between 1 and 65535 must be specified")
  elseif not kit.is_here(call, call.w:get("vpc", p.VpcId or "")) then
    return kit.refuse("ValidationError", "The VPC ID '%s' is not found", tostring(p.VpcId))
  end
  local http = HTTP[p.Protocol]
  local check
  check, e = check_of(p, {
    protocol = http and p.Protocol or "TCP", port = "traffic-port", interval = 30, timeout = http and 5 or 10,
    healthy = 5, unhealthy = 2,
  })
  if not check then
    return nil, e
  end
  local there = named(call, "target_group", p.Name, true)
  if there and there.protocol == p.Protocol and there.port == p.Port and there.vpc == p.VpcId
    and data.encode(there.check) == data.encode(check) then
    return { TargetGroups = data.list({ target_group_view(call, there) }) }
  elseif there then
    return kit.refuse("DuplicateTargetGroupName", "A target group with the same name '%s' exists, but with different "
      .. "settings", p.Name)
  end
  local labels
  labels, e = kit.labels(p.Tags)
  if not labels then
    return nil, e
  end
  local group
  group, e = add(call, "target_group", {
    id = arn_of(call, ("targetgroup/%s/%s"):format(p.Name, call.w.world:hex(16))), name = p.Name, protocol = p.Protocol,
    port = p.Port, vpc = p.VpcId, version = http and (p.ProtocolVersion or "HTTP1") or nil, check = check, labels = labels,
    target_type = p.TargetType or "instance", attributes = {}, targets = data.list({}),
  })
  if not group then
    return nil, e
  end
  return { TargetGroups = data.list({ target_group_view(call, group) }) }
end

function operations.ModifyTargetGroup(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  local check
  check, e = check_of(p, group.check)
  if not check then
    return nil, e
  end
  call.w:change(group, { check = check })
  return { TargetGroups = data.list({ target_group_view(call, group) }) }
end

function operations.DeleteTargetGroup(call, p)
  local group = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return
  elseif #call.w:holders(group, "listener") > 0 then
    return kit.refuse("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", group.id)
  end
  call.w:remove(group)
end

function operations.DescribeTargetGroupAttributes(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  return { Attributes = attributes_view(group) }
end

function operations.ModifyTargetGroupAttributes(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  return change_attributes(call, group, p.Attributes)
end

-- Targets ----------------------------------------------------------------------------------------

local function same_target(group, a, b)
  return a.id == b.Id and a.port == (b.Port or group.port)
end

function operations.RegisterTargets(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  call.w:touch(group)
  for _, target in ipairs(p.Targets or {}) do
    local instance = call.w:get("instance", target.Id or "")
    if group.target_type == "instance" and not kit.is_here(call, instance) then
      return kit.refuse("InvalidTarget", "The following targets are not in the target group VPC or do not exist: '%s'",
        tostring(target.Id))
    elseif group.target_type == "instance" and instance.state ~= "running" and instance.state ~= "pending" then
      return kit.refuse("InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'",
        target.Id)
    end
    local there = false
    for _, one in ipairs(group.targets) do
      there = there or same_target(group, one, target)
    end
    if not there then
      table.insert(group.targets, { id = target.Id, port = target.Port or group.port, at = call.w.world:now() })
    end
  end
end

function operations.DeregisterTargets(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  call.w:touch(group)
  for _, target in ipairs(p.Targets or {}) do
    for i = #group.targets, 1, -1 do
      local one = group.targets[i]
      if one.id == target.Id and (not target.Port or one.port == target.Port) then
        table.remove(group.targets, i)
      end
    end
  end
end

local function health_of(call, group, target, used)
  if not used then
    return { State = "unused", Reason = "Target.NotInUse", Description = "Target group is not configured to receive traffic "
      .. "from the load balancer" }
  end
  local instance = call.w:get("instance", target.id)
  if group.target_type == "instance" and not (instance and instance.state == "running") then
    return { State = "unused", Reason = "Target.InvalidState", Description = "Target is in the stopped state" }
  elseif call.w.world:now() - target.at < kit.TIMES.boot then
    return { State = "initial", Reason = "Elb.RegistrationInProgress", Description = "Target registration is in progress" }
  end
  return { State = "healthy" }
end

function operations.DescribeTargetHealth(call, p)
  local group, e = get(call, "target_group", p.TargetGroupArn)
  if not group then
    return nil, e
  end
  local out, used = data.list({}), #call.w:holders(group, "listener") > 0
  for _, target in ipairs(group.targets) do
    local wanted = #(p.Targets or {}) == 0
    for _, one in ipairs(p.Targets or {}) do
      wanted = wanted or same_target(group, target, one)
    end
    if wanted then
      out[#out + 1] = {
        Target = { Id = target.id, Port = target.port }, TargetHealth = health_of(call, group, target, used),
        HealthCheckPort = group.check.port == "traffic-port" and tostring(target.port) or group.check.port,
      }
    end
  end
  return { TargetHealthDescriptions = out }
end

-- Listeners --------------------------------------------------------------------------------------

local function listener_view(_, listener)
  return {
    ListenerArn = listener.id, LoadBalancerArn = listener.balancer, Port = listener.port, Protocol = listener.protocol,
    Certificates = listener.certificates, SslPolicy = listener.policy, DefaultActions = listener.actions,
  }
end

function operations.DescribeListeners(call, p)
  local list, e = asked_for(call, "listener", p.ListenerArns)
  if not list then
    return nil, e
  end
  if p.LoadBalancerArn then
    local balancer
    balancer, e = get(call, "balancer", p.LoadBalancerArn)
    if not balancer then
      return nil, e
    end
    list = call.w:holders(balancer, "listener")
  elseif #(p.ListenerArns or {}) == 0 then
    return kit.refuse("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
  end
  return page(call, p, "Listeners", list, listener_view)
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
        local group, e = get(call, "target_group", tuple.TargetGroupArn)
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
  local balancer, e = get(call, "balancer", p.LoadBalancerArn)
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
  fields.id = arn_of(call, ("listener/%s/%s"):format(balancer.path, call.w.world:hex(16)))
  local listener
  listener, e = add(call, "listener", fields)
  if not listener then
    return nil, e
  end
  return { Listeners = data.list({ listener_view(call, listener) }) }
end

function operations.ModifyListener(call, p)
  local listener, e = get(call, "listener", p.ListenerArn)
  if not listener then
    return nil, e
  end
  local protocol = p.Protocol or listener.protocol
  local fields = {
    port = p.Port or listener.port, protocol = protocol, certificates = p.Certificates or POLICY[protocol] and listener.certificates,
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
  local listener, e = get(call, "listener", p.ListenerArn)
  if not listener then
    return nil, e
  end
  call.w:remove(listener)
end

-- Tags -------------------------------------------------------------------------------------------

local function of_arn(call, arn)
  local kind = arn:find(":targetgroup/", 1, true) and "target_group" or arn:find(":listener/", 1, true) and "listener"
    or "balancer"
  return get(call, kind, arn)
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
