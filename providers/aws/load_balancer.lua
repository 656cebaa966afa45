--- Load balancers: for http and https one of ELB's application load balancers, for tcp a network load balancer. With
--- it come a listener and a target group for each service; they carry the key of the load balancer in their names,
--- so that none is lost when something breaks off.

local api = require("api")
local kind = require("kind")
local places = require("places")

local PROTOCOLS = { tcp = "TCP", http = "HTTP", https = "HTTPS" }
local ALGORITHMS = { round_robin = "round_robin", least_connections = "least_outstanding_requests" }

local M = {}

-- Looking ----------------------------------------------------------------------------------------

local function all(ctx, operation, field, params)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  return client:all("elbv2", operation, params, field)
end

--- The same, where "not found" is an empty list.
local function some(ctx, operation, field, params)
  local found, e = all(ctx, operation, field, params)
  if not found and e.code == "notfound" then
    return {}
  end
  return found, e
end

local function tags_of(ctx, arns)
  local out = {}
  for first = 1, #arns, 20 do -- the most there are in one question
    local result, e = api.elb(ctx, "DescribeTags",
      { ResourceArns = table.move(arns, first, math.min(first + 19, #arns), 1, {}) })
    if not result then
      return nil, e
    end
    for _, one in ipairs(result.TagDescriptions or {}) do
      out[one.ResourceArn] = one.Tags or {}
    end
  end
  return out
end

--- The load balancer of an id; nil alone when it is certainly gone.
local function object(ctx, id)
  for look = 1, 2 do
    local found, e = some(ctx, "DescribeLoadBalancers", "LoadBalancers", { LoadBalancerArns = { id } })
    if not found then
      return nil, e
    elseif found[1] then
      return found[1]
    elseif look == 1 then
      ctx.sleep(ctx.config.poll / 2)
    end
  end
end

--- How names of the target groups of a key begin.
local function prefix_of(ctx)
  return ("p-%s-"):format(ctx.key)
end

--- Those of a load balancer, and those that its key made and that are not on it (yet, or any more).
local function groups_of(ctx, id)
  local groups, e = some(ctx, "DescribeTargetGroups", "TargetGroups", { LoadBalancerArn = id })
  if not groups or not ctx.key then
    return groups, e
  end
  local others
  others, e = all(ctx, "DescribeTargetGroups", "TargetGroups", {})
  if not others then
    return nil, e
  end
  local there = {}
  for _, group in ipairs(groups) do
    there[group.TargetGroupArn] = true
  end
  for _, group in ipairs(others) do
    if not there[group.TargetGroupArn] and group.TargetGroupName:sub(1, #prefix_of(ctx)) == prefix_of(ctx) then
      groups[#groups + 1] = group
    end
  end
  return groups
end

--- The ids or addresses in a target group, without those that are leaving.
local function members_of(ctx, group)
  local result, e = api.elb(ctx, "DescribeTargetHealth", { TargetGroupArn = group.TargetGroupArn })
  if not result then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(result.TargetHealthDescriptions or {}) do
    if not one.TargetHealth or one.TargetHealth.State ~= "draining" then
      out[#out + 1] = one.Target.Id
    end
  end
  table.sort(out)
  return out
end

--- Listeners and their target groups by port, and the members of all groups.
local function parts_of(ctx, id)
  local listeners, e = some(ctx, "DescribeListeners", "Listeners", { LoadBalancerArn = id })
  if not listeners then
    return nil, e
  end
  local groups
  groups, e = groups_of(ctx, id)
  if not groups then
    return nil, e
  end
  local by_arn, by_port, by_name = {}, {}, {}
  for _, group in ipairs(groups) do
    by_arn[group.TargetGroupArn], by_name[group.TargetGroupName] = group, group
  end
  for _, listener in ipairs(listeners) do
    local action = (listener.DefaultActions or {})[1] or {}
    by_port[listener.Port] = { listener = listener, group = by_arn[action.TargetGroupArn] }
  end
  return { by_port = by_port, groups = groups, by_name = by_name }
end

-- What is there, in our words --------------------------------------------------------------------

local function check_of(group)
  return {
    protocol = (group.HealthCheckProtocol or ""):lower(),
    port = math.tointeger(tonumber(group.HealthCheckPort)),
    path = group.HealthCheckPath,
    interval = group.HealthCheckIntervalSeconds,
    timeout = group.HealthCheckTimeoutSeconds,
    retries = group.UnhealthyThresholdCount,
  }
end

local function certificates_of(listener)
  local out = {}
  for i, certificate in ipairs(listener.Certificates or {}) do
    out[i] = certificate.CertificateArn
  end
  return out
end

--- True when a service is as it is wanted; what it does not say may be anything.
local function is_as_wanted(ctx, service, part)
  if not part or not part.group or part.listener.Protocol ~= PROTOCOLS[service.protocol]
      or part.group.Port ~= (service.port or service.listen) then
    return false
  end
  local check = check_of(part.group)
  for field, v in pairs(service.check or {}) do
    if check[field] ~= v then
      return false
    end
  end
  return not service.certificates or api.equal(ctx, service.certificates, certificates_of(part.listener))
end

--- The services: the known ones that are as they should be, as they are written, and then the rest.
local function services_of(ctx, parts, known)
  local out, told, ports = ctx.json.list({}), {}, {}
  for _, service in ipairs(known.services or {}) do
    if is_as_wanted(ctx, service, parts.by_port[service.listen]) then
      out[#out + 1], told[service.listen] = service, true
    end
  end
  for port in pairs(parts.by_port) do
    ports[#ports + 1] = port
  end
  table.sort(ports)
  for _, port in ipairs(ports) do
    local part = parts.by_port[port]
    if not told[port] then
      out[#out + 1] = {
        protocol = part.listener.Protocol:lower(), listen = port, port = part.group and part.group.Port,
        check = part.group and check_of(part.group) or nil,
      }
    end
  end
  return out
end

local function ids_of(targets)
  local out = {}
  for i, target in ipairs(targets or {}) do
    out[i] = target.server or target.ip
  end
  table.sort(out)
  return out
end

--- The targets: those of the first group that has not what is wanted, for all should have the same.
local function targets_of(ctx, parts, known)
  local wanted = ids_of(known.targets)
  for _, part in pairs(parts.by_port) do
    if part.group then
      local members, e = members_of(ctx, part.group)
      if not members then
        return nil, e
      elseif not api.equal(ctx, ctx.json.list(members), ctx.json.list(wanted)) then
        local out = ctx.json.list({})
        for i, id in ipairs(members) do
          out[i] = id:find("^i%-") and { server = id } or { ip = id }
        end
        return out
      end
    end
  end
  return known.targets
end

local function state(ctx, lb, known)
  local parts, e = parts_of(ctx, lb.LoadBalancerArn)
  if not parts then
    return nil, e
  end
  local tags
  tags, e = tags_of(ctx, { lb.LoadBalancerArn })
  if not tags then
    return nil, e
  end
  local targets
  targets, e = targets_of(ctx, parts, known)
  if e then
    return nil, e
  end
  return {
    id = lb.LoadBalancerArn,
    name = lb.LoadBalancerName,
    network = known.network or lb.VpcId,
    subnets = known.subnets,
    public = lb.Scheme == "internet-facing",
    firewalls = known.firewalls and api.in_order(ctx, known.firewalls, lb.SecurityGroups or {}) or nil,
    services = services_of(ctx, parts, known),
    targets = targets,
    algorithm = known.algorithm,
    protected = known.protected,
    labels = api.labels(tags[lb.LoadBalancerArn]),
    hostname = lb.DNSName,
  }
end

function M.read(ctx, id)
  local lb, e = object(ctx, id)
  if not lb then
    return nil, e
  end
  return state(ctx, lb, ctx.recorded or {})
end

local function name_of(ctx, want)
  return (api.name_of(ctx, want):gsub("[^%w]", "-"):sub(1, 32):gsub("^%-+", ""):gsub("%-+$", ""))
end

--- The load balancer of a name, when it carries the key.
local function by_key(ctx, key, name)
  local found, e = some(ctx, "DescribeLoadBalancers", "LoadBalancers", { Names = { name } })
  if not found or not found[1] then
    return nil, e
  end
  local tags
  tags, e = tags_of(ctx, { found[1].LoadBalancerArn })
  if not tags then
    return nil, e
  end
  return api.tag(tags[found[1].LoadBalancerArn], api.KEY) == key and found[1] or nil
end

function M.find(ctx, key)
  local lb, e = by_key(ctx, key, name_of(ctx, ctx.want or {}))
  if not lb then
    return nil, e
  end
  return state(ctx, lb, ctx.want or {})
end

function M.list(ctx)
  local found, e = all(ctx, "DescribeLoadBalancers", "LoadBalancers", {})
  if not found then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, lb in ipairs(found) do
    out[i], e = state(ctx, lb, ctx.recorded_of and ctx.recorded_of(lb.LoadBalancerArn) or {})
    if not out[i] then
      return nil, e
    end
  end
  return out
end

-- Making -----------------------------------------------------------------------------------------

local function is_network(want)
  return (want.services[1] or {}).protocol == "tcp"
end

local function target_type(ctx, want)
  local found
  for _, target in ipairs(want.targets or {}) do
    local this = target.server and "instance" or "ip"
    if found and found ~= this then
      return ctx.fail("invalid", "the targets of a load balancer at AWS are all servers, or all addresses")
    end
    found = this
  end
  return found or "instance"
end

--- The subnets to stand in: one in each zone.
local function subnets_of(ctx, want)
  if want.subnets and #want.subnets > 0 then
    return want.subnets
  end
  local subnets, e = places.subnets(ctx, want.network)
  if not subnets then
    return nil, e
  end
  local out, zones = {}, {}
  for _, subnet in ipairs(subnets) do
    if not zones[subnet.AvailabilityZone] then
      zones[subnet.AvailabilityZone] = true
      out[#out + 1] = subnet.SubnetId
    end
  end
  if #out < (is_network(want) and 1 or 2) then
    return nil, ctx.error("invalid", "AWS wants a load balancer for http in two zones, and the network has "
      .. (#out == 1 and "subnets in one only" or "no subnet"), {
      hint = "a network with subnet: false, and a subnet in each of two zones",
    })
  end
  return out
end

local function group_name(ctx, service)
  return ("%s%d-%d-%s"):format(prefix_of(ctx), service.listen, service.port or service.listen,
    service.protocol == "tcp" and "t" or "h")
end

--- The fields of a health check that a request has.
local function check_request(service)
  local check = service.check or {}
  return {
    HealthCheckProtocol = check.protocol and check.protocol:upper(), HealthCheckPath = check.path,
    HealthCheckPort = check.port and tostring(check.port), HealthCheckIntervalSeconds = check.interval,
    HealthCheckTimeoutSeconds = check.timeout, UnhealthyThresholdCount = check.retries,
    HealthyThresholdCount = check.retries,
  }
end

--- The target group of a service, made or changed as it is wanted.
local function ensure_group(ctx, lb, want, service, parts)
  local name = group_name(ctx, service)
  local group, e = parts.by_name[name], nil
  local request = check_request(service)
  if group then
    local check, differs = check_of(group), false
    for field, v in pairs(service.check or {}) do
      differs = differs or check[field] ~= v
    end
    if differs then
      request.TargetGroupArn = group.TargetGroupArn
      local ok
      ok, e = api.elb(ctx, "ModifyTargetGroup", request)
      if not ok then
        return nil, e
      end
    end
  else
    local of
    of, e = target_type(ctx, want)
    if not of then
      return nil, e
    end
    request.Name, request.VpcId, request.TargetType = name, lb.VpcId, of
    request.Protocol, request.Port = service.protocol == "tcp" and "TCP" or "HTTP", service.port or service.listen
    request.Tags = api.tags(ctx, name, want.labels, ctx.key)
    group, e = api.made(ctx, function()
      local answer, failure = api.elb(ctx, "CreateTargetGroup", request)
      return answer and answer.TargetGroups[1], failure
    end, function()
      local found, failure = some(ctx, "DescribeTargetGroups", "TargetGroups", { Names = { name } })
      return found and found[1], failure
    end)
  end
  if group and want.algorithm then
    local ok
    ok, e = api.elb(ctx, "ModifyTargetGroupAttributes", { TargetGroupArn = group.TargetGroupArn,
      Attributes = { { Key = "load_balancing.algorithm.type", Value = ALGORITHMS[want.algorithm] } } })
    if not ok then
      return nil, e
    end
  end
  return group, e
end

local function ensure_members(ctx, want, group)
  local members, e = members_of(ctx, group)
  if not members then
    return nil, e
  end
  local wanted = ids_of(want.targets)
  for operation, ids in pairs({ RegisterTargets = api.minus(wanted, members),
    DeregisterTargets = api.minus(members, wanted) }) do
    if #ids > 0 then
      local targets = {}
      for i, id in ipairs(ids) do
        targets[i] = { Id = id }
      end
      local ok
      ok, e = api.elb(ctx, operation, { TargetGroupArn = group.TargetGroupArn, Targets = targets })
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

local function ensure_listener(ctx, lb, service, part, group)
  local listener = part and part.listener
  local request = {
    Protocol = PROTOCOLS[service.protocol], Port = service.listen,
    DefaultActions = { { Type = "forward", TargetGroupArn = group.TargetGroupArn } },
  }
  for _, certificate in ipairs(service.certificates or {}) do
    request.Certificates = request.Certificates or {}
    table.insert(request.Certificates, { CertificateArn = certificate })
  end
  if not listener then
    request.LoadBalancerArn = lb.LoadBalancerArn
    local ok, e = api.elb(ctx, "CreateListener", request)
    if not ok and api.code(e) == "DuplicateListener" then -- of a try nobody answered
      return true
    end
    return ok, e
  end
  local same = listener.Protocol == request.Protocol and part.group
    and part.group.TargetGroupArn == group.TargetGroupArn
    and (not service.certificates or api.equal(ctx, service.certificates, certificates_of(listener)))
  if same then
    return true
  end
  request.ListenerArn = listener.ListenerArn
  return api.elb(ctx, "ModifyListener", request)
end

local function delete_group(ctx, group, patience)
  return api.patient(ctx, { ResourceInUse = true }, patience, function()
    return api.away(ctx, "DeleteTargetGroup", { TargetGroupArn = group.TargetGroupArn }, "elbv2")
  end)
end

--- Makes listeners, groups and targets what they should be.
local function arrange_once(ctx, lb, want)
  local parts, e = parts_of(ctx, lb.LoadBalancerArn)
  if not parts then
    return nil, e
  end
  local used, ports, ok = {}, {}, true
  for _, service in ipairs(want.services) do
    local group
    group, e = ensure_group(ctx, lb, want, service, parts)
    ok = group
    for _, step in ipairs({ function()
      return ensure_members(ctx, want, group)
    end, function()
      return ensure_listener(ctx, lb, service, parts.by_port[service.listen], group)
    end }) do
      if ok then
        ok, e = step()
      end
    end
    if not ok then
      return nil, e
    end
    used[group.TargetGroupArn], ports[service.listen] = true, true
  end
  for port, part in pairs(parts.by_port) do
    if ok and not ports[port] then
      ok, e = api.away(ctx, "DeleteListener", { ListenerArn = part.listener.ListenerArn }, "elbv2")
    end
  end
  for _, group in ipairs(parts.groups) do
    if ok and not used[group.TargetGroupArn] then
      ok, e = delete_group(ctx, group, 60)
    end
  end
  return ok and true, e
end

local function arrange(ctx, lb, want)
  return api.steady(ctx, function()
    return arrange_once(ctx, lb, want)
  end)
end

local function protect(ctx, id, on)
  return api.elb(ctx, "ModifyLoadBalancerAttributes", { LoadBalancerArn = id,
    Attributes = { { Key = "deletion_protection.enabled", Value = tostring(on) } } })
end

local function active(ctx, id)
  return ctx.watch("load balancer", id, {
    read = function(ids)
      local found, e = some(ctx, "DescribeLoadBalancers", "LoadBalancers", { LoadBalancerArns = ids })
      if not found then
        return nil, e
      end
      local by_id = {}
      for _, lb in ipairs(found) do
        by_id[lb.LoadBalancerArn] = lb
      end
      return by_id
    end,
    done = function(lb)
      local code = lb and lb.State and lb.State.Code
      if code == "active" or code == "active_impaired" then
        return lb
      elseif code == "failed" then
        return ctx.fail("failed", "the load balancer could not be made: %s", lb.State.Reason or "")
      end
    end,
    batch = 1, every = ctx.config.poll, max = 15, timeout = 1200,
  })
end

function M.create(ctx, want)
  local subnets, e = subnets_of(ctx, want)
  if not subnets then
    return nil, e
  end
  local lb
  lb, e = api.made(ctx, function()
    local answer, failure = api.elb(ctx, "CreateLoadBalancer", {
      Name = name_of(ctx, want), Subnets = subnets, Type = is_network(want) and "network" or "application",
      Scheme = want.public and "internet-facing" or "internal",
      SecurityGroups = want.firewalls and #want.firewalls > 0 and want.firewalls or nil,
      Tags = api.tags(ctx, api.name_of(ctx, want), want.labels, ctx.key),
    })
    return answer and answer.LoadBalancers[1], failure
  end, function()
    return by_key(ctx, ctx.key, name_of(ctx, want))
  end)
  if not lb then
    return nil, e
  end
  ctx.adopt(lb.LoadBalancerArn)
  lb, e = active(ctx, lb.LoadBalancerArn)
  local ok
  if lb then
    ok, e = arrange(ctx, lb, want)
  end
  if ok and want.protected then
    ok, e = protect(ctx, lb.LoadBalancerArn, true)
  end
  return ok and state(ctx, lb, want), e
end

local function retag(ctx, id, want)
  local tags, e = tags_of(ctx, { id })
  if not tags then
    return nil, e
  end
  local set, away = api.tag_changes(ctx, want, tags[id])
  local ok = true
  if #set > 0 then
    ok, e = api.elb(ctx, "AddTags", { ResourceArns = { id }, Tags = set })
  end
  if ok and #away > 0 then
    local keys = {}
    for i, one in ipairs(away) do
      keys[i] = one.Key
    end
    ok, e = api.elb(ctx, "RemoveTags", { ResourceArns = { id }, TagKeys = keys })
  end
  return ok, e
end

function M.update(ctx, id, want)
  local applied = ctx.applied or {}
  local lb, e = object(ctx, id)
  if not lb then
    return nil, e or ctx.error("notfound", "there is no load balancer " .. id)
  end
  local ok
  ok, e = retag(ctx, id, want)
  if ok and want.firewalls and not api.equal(ctx, want.firewalls, applied.firewalls) then
    ok, e = api.elb(ctx, "SetSecurityGroups", { LoadBalancerArn = id, SecurityGroups = want.firewalls })
  end
  if ok then
    ok, e = arrange(ctx, lb, want)
  end
  if ok and (want.protected or false) ~= (applied.protected or false) then
    ok, e = protect(ctx, id, want.protected or false)
  end
  if not ok then
    return nil, e
  end
  lb, e = object(ctx, id)
  return lb and state(ctx, lb, want), e
end

--- Whether it is protected; false also when it is gone.
local function is_protected(ctx, id)
  local result, e = api.elb(ctx, "DescribeLoadBalancerAttributes", { LoadBalancerArn = id })
  if not result and e.code ~= "notfound" then
    return nil, e
  end
  for _, attribute in ipairs(result and result.Attributes or {}) do
    if attribute.Key == "deletion_protection.enabled" then
      return attribute.Value == "true"
    end
  end
  return false
end

--- The load balancer goes last: as long as it is there, an apply that comes after a kill finds what goes with it.
function M.delete(ctx, id)
  local protected, e = is_protected(ctx, id)
  if protected == nil then
    return nil, e
  elseif protected then
    return nil, ctx.error("conflict", ("load balancer %s is protected"):format(id),
      { hint = "set 'protected: false' and apply that first" })
  end
  local parts
  parts, e = parts_of(ctx, id)
  if not parts then
    return nil, e
  end
  for _, part in pairs(parts.by_port) do
    local ok
    ok, e = api.away(ctx, "DeleteListener", { ListenerArn = part.listener.ListenerArn }, "elbv2")
    if not ok then
      return nil, e
    end
  end
  for _, group in ipairs(parts.groups) do
    local ok
    ok, e = delete_group(ctx, group, ctx.config.patience)
    if not ok then
      return nil, e
    end
  end
  return api.away(ctx, "DeleteLoadBalancer", { LoadBalancerArn = id }, "elbv2")
end

M.object = object

return kind.guarded(M)
