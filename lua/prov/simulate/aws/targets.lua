--- Target groups of Elastic Load Balancing, and the targets in them. A target is healthy when its instance runs.

local data = require("core.data")
local elb = require("prov.simulate.aws.elb")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

M.kinds = { target_group = { quota = 3000 } }

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
  local list, e = elb.asked_for(call, "target_group", p.TargetGroupArns, p.Names)
  if not list then
    return nil, e
  end
  if p.LoadBalancerArn then
    local balancer
    balancer, e = elb.get(call, "balancer", p.LoadBalancerArn)
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
  return elb.page(call, p, "TargetGroups", list, target_group_view)
end

local HTTP = { HTTP = true, HTTPS = true }
local PROTOCOLS = { HTTP = true, HTTPS = true, TCP = true, TLS = true, UDP = true, TCP_UDP = true }

--- What a health check is, changed by a request.
local function check_of(p, check)
  local protocol = p.HealthCheckProtocol or check.protocol
  local http = HTTP[protocol]
  local out = {
    protocol = protocol, port = p.HealthCheckPort or check.port,
    path = http and (p.HealthCheckPath or check.path or "/") or nil,
    interval = p.HealthCheckIntervalSeconds or check.interval, timeout = p.HealthCheckTimeoutSeconds or check.timeout,
    healthy = p.HealthyThresholdCount or check.healthy, unhealthy = p.UnhealthyThresholdCount or check.unhealthy,
    codes = http and (p.Matcher and p.Matcher.HttpCode or check.codes or "200") or nil,
  }
  if out.interval < 5 or out.interval > 300 then
    return kit.refuse("ValidationError", "Health check interval must be between 5 and 300")
  elseif out.timeout < 2 or out.timeout > 120 or out.timeout >= out.interval then
    return kit.refuse("ValidationError", "Health check timeout '%d' must be smaller than the interval '%d'",
      out.timeout, out.interval)
  elseif out.healthy < 2 or out.healthy > 10 or out.unhealthy < 2 or out.unhealthy > 10 then
    return kit.refuse("ValidationError", "Health check thresholds must be between 2 and 10")
  elseif not PROTOCOLS[protocol] then
    return kit.refuse("ValidationError", "The health check protocol '%s' is not valid", tostring(protocol))
  end
  return out
end

function operations.CreateTargetGroup(call, p)
  local ok, e = elb.check_name(p.Name)
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
  local there = elb.named(call, "target_group", p.Name, true)
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
  group, e = elb.add(call, "target_group", {
    id = elb.arn_of(call, ("targetgroup/%s/%s"):format(p.Name, call.w.world:hex(16))), name = p.Name,
    protocol = p.Protocol, port = p.Port, vpc = p.VpcId, check = check, labels = labels,
    version = http and (p.ProtocolVersion or "HTTP1") or nil,
    target_type = p.TargetType or "instance", attributes = {}, targets = data.list({}),
  })
  if not group then
    return nil, e
  end
  return { TargetGroups = data.list({ target_group_view(call, group) }) }
end

function operations.ModifyTargetGroup(call, p)
  local group, e = elb.get(call, "target_group", p.TargetGroupArn)
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
  local group = elb.get(call, "target_group", p.TargetGroupArn)
  if not group then
    return
  elseif #call.w:holders(group, "listener") > 0 then
    return kit.refuse("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", group.id)
  end
  call.w:remove(group)
end

operations.DescribeTargetGroupAttributes, operations.ModifyTargetGroupAttributes =
  elb.attribute_operations("target_group", "TargetGroupArn")

-- Targets ----------------------------------------------------------------------------------------

local function same_target(group, a, b)
  return a.id == b.Id and a.port == (b.Port or group.port)
end

function operations.RegisterTargets(call, p)
  local group, e = elb.get(call, "target_group", p.TargetGroupArn)
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
      return kit.refuse("InvalidTarget",
        "The following targets are not in a running state and cannot be registered: '%s'",
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
  local group, e = elb.get(call, "target_group", p.TargetGroupArn)
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
    return { State = "unused", Reason = "Target.NotInUse",
      Description = "Target group is not configured to receive traffic "
      .. "from the load balancer" }
  end
  local instance = call.w:get("instance", target.id)
  if group.target_type == "instance" and not (instance and instance.state == "running") then
    return { State = "unused", Reason = "Target.InvalidState", Description = "Target is in the stopped state" }
  elseif call.w.world:now() - target.at < kit.TIMES.boot then
    return { State = "initial", Reason = "Elb.RegistrationInProgress",
      Description = "Target registration is in progress" }
  end
  return { State = "healthy" }
end

function operations.DescribeTargetHealth(call, p)
  local group, e = elb.get(call, "target_group", p.TargetGroupArn)
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

return M
