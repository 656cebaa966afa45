--- Load balancers, with their services and targets.

local api = require("api")
local common = require("common")

local function check_to_api(ctx, service, check)
  local is_http = (check.protocol or (service.protocol == "tcp" and "tcp" or "http")) == "http"
  local out = {
    protocol = is_http and "http" or "tcp",
    port = check.port or service.port or service.listen,
    interval = math.tointeger(check.interval or 15) or math.ceil(check.interval),
    timeout = math.tointeger(check.timeout or 10) or math.ceil(check.timeout),
    retries = check.retries or 3,
  }
  if is_http then
    local codes = ctx.json.list({})
    table.move(check.status or { "2??", "3??" }, 1, #(check.status or { 1, 2 }), 1, codes)
    out.http = {
      path = check.path or "/", domain = check.domain or ctx.json.null, -- must be there, be it null
      status_codes = codes, tls = check.tls or false,
    }
  end
  return out
end

local function service_to_api(ctx, service)
  local out = {
    protocol = service.protocol,
    listen_port = service.listen,
    destination_port = service.port or service.listen,
    proxyprotocol = service.proxyprotocol or false,
    health_check = check_to_api(ctx, service, service.check or {}),
  }
  if service.protocol ~= "tcp" then
    out.http = {
      certificates = service.certificates and api.numbers(ctx, service.certificates, "certificate") or nil,
      redirect_http = service.redirect_http or nil,
      sticky_sessions = service.sticky or false,
    }
  end
  return out
end

--- The services in the API's words, by the port they listen on.
local function services_to_api(ctx, services)
  local out = ctx.json.list({})
  for i, service in ipairs(services or {}) do
    out[i] = service_to_api(ctx, service)
  end
  table.sort(out, function(a, b)
    return a.listen_port < b.listen_port
  end)
  return out
end

--- The API's services in the form of services_to_api.
local function seen_services(ctx, services)
  local out = ctx.json.list({})
  for i, service in ipairs(services or {}) do
    local check, http = service.health_check or {}, service.http
    local one = {
      protocol = service.protocol, listen_port = service.listen_port, destination_port = service.destination_port,
      proxyprotocol = service.proxyprotocol or false,
      health_check = {
        protocol = check.protocol, port = check.port, interval = check.interval, timeout = check.timeout,
        retries = check.retries,
      },
    }
    if check.http and check.protocol == "http" then
      one.health_check.http = {
        path = check.http.path,
        domain = check.http.domain ~= "" and check.http.domain or ctx.json.null,
        status_codes = ctx.json.list(check.http.status_codes or {}), tls = check.http.tls or false,
      }
    end
    if http and service.protocol ~= "tcp" then
      local certificates = http.certificates and #http.certificates > 0 and ctx.json.list(http.certificates) or nil
      one.http = {
        certificates = certificates, redirect_http = http.redirect_http or nil,
        sticky_sessions = http.sticky_sessions or false,
      }
    end
    out[i] = one
  end
  table.sort(out, function(a, b)
    return a.listen_port < b.listen_port
  end)
  return out
end

local function told_services(ctx, services)
  local out = ctx.json.list({})
  for i, service in ipairs(services) do
    local check, http = service.health_check, service.http or {}
    local page = check.http or {}
    out[i] = {
      protocol = service.protocol, listen = service.listen_port, port = service.destination_port,
      proxyprotocol = service.proxyprotocol or nil, sticky = http.sticky_sessions or nil,
      redirect_http = http.redirect_http, certificates = http.certificates,
      check = {
        protocol = check.protocol, port = check.port, interval = check.interval, timeout = check.timeout,
        retries = check.retries, path = page.path, domain = page.domain ~= ctx.json.null and page.domain or nil,
        status = page.status_codes, tls = page.tls,
      },
    }
  end
  return out
end

--- Targets in the API's words; `private` is for those that do not say.
local function targets_to_api(ctx, targets, private)
  local out = ctx.json.list({})
  for _, target in ipairs(targets or {}) do
    local via = target.private
    if via == nil then
      via = private
    end
    if target.server then
      out[#out + 1] = {
        type = "server", server = { id = api.number(ctx, target.server, "server") }, use_private_ip = via,
      }
    elseif target.labels then
      out[#out + 1] = { type = "label_selector", label_selector = { selector = target.labels }, use_private_ip = via }
    else
      out[#out + 1] = { type = "ip", ip = { ip = target.ip } }
    end
  end
  return out
end

local function seen_targets(ctx, targets)
  local out = ctx.json.list({})
  for _, target in ipairs(targets or {}) do
    local one = { type = target.type }
    if target.type == "ip" then
      one.ip = { ip = target.ip and target.ip.ip }
    else
      one.use_private_ip = target.use_private_ip or false
      one.server = target.type == "server" and target.server and { id = target.server.id } or nil
      one.label_selector = target.type == "label_selector" and target.label_selector
        and { selector = target.label_selector.selector } or nil
    end
    out[#out + 1] = one
  end
  return out
end

local function told_targets(ctx, targets)
  local out = ctx.json.list({})
  for i, target in ipairs(targets) do
    out[i] = {
      server = target.server and tostring(target.server.id), ip = target.ip and target.ip.ip,
      labels = target.label_selector and target.label_selector.selector, private = target.use_private_ip,
    }
  end
  return out
end

--- Lists of things in one order, to compare.
local function sorted(ctx, list)
  local out = ctx.json.list({})
  for i, item in ipairs(list) do
    out[i] = assert(ctx.json.encode(item))
  end
  table.sort(out)
  return out
end

local function state(ctx, lb, recorded)
  local net, public = (lb.private_net or {})[1], lb.public_net or {}
  local targets = seen_targets(ctx, lb.targets)
  return {
    id = tostring(lb.id),
    name = lb.name,
    plan = lb.load_balancer_type and lb.load_balancer_type.name,
    zone = common.zone(lb),
    network = net and tostring(net.network),
    private_ip = net and net.ip,
    public = public.enabled or false,
    algorithm = lb.algorithm and lb.algorithm.type,
    labels = api.own_labels(lb.labels),
    protected = lb.protection and lb.protection.delete or false,
    services = common.echo(ctx, recorded.services, function(services)
      return services_to_api(ctx, services)
    end, seen_services(ctx, lb.services), function(services)
      return told_services(ctx, services)
    end),
    targets = common.echo(ctx, recorded.targets, function(wanted)
      return sorted(ctx, targets_to_api(ctx, wanted, net ~= nil))
    end, sorted(ctx, targets), function()
      return told_targets(ctx, targets)
    end),
    ip = public.ipv4 and public.ipv4.ip,
    ip6 = public.ipv6 and public.ipv6.ip,
  }
end

local body = common.body({
  path = "/load_balancers", list = "load_balancers", field = "load_balancer", what = "load balancer", state = state,
})

local M = { read = body.read, find = body.find, list = body.list, delete = body.delete }

local function change_network(ctx, id, want, lb)
  local net = (lb.private_net or {})[1]
  local is = net and tostring(net.network)
  if want.network == nil and (ctx.applied or {}).network == nil then
    return true
  elseif want.network == is and (not want.private_ip or want.private_ip == net.ip) then
    return true
  elseif net then
    local ok, e = body.act(ctx, id, "detach_from_network", { network = net.network })
    if not ok then
      return nil, e
    end
  end
  if not want.network then
    return true
  end
  return body.act(ctx, id, "attach_to_network", {
    network = api.number(ctx, want.network, "network"), ip = want.private_ip,
  })
end

local function change_services(ctx, id, want, lb)
  local is, wanted, present = {}, {}, {}
  for _, service in ipairs(seen_services(ctx, lb.services)) do
    is[service.listen_port] = service
  end
  for _, service in ipairs(services_to_api(ctx, want.services)) do
    wanted[service.listen_port] = service
    present[#present + 1] = service
  end
  for port in pairs(is) do
    if not wanted[port] then
      local ok, e = body.act(ctx, id, "delete_service", { listen_port = port })
      if not ok then
        return nil, e
      end
    end
  end
  return common.each(present, function(service)
    local before = is[service.listen_port]
    if before and common.equal(ctx, before, service) then
      return true
    end
    return body.act(ctx, id, before and "update_service" or "add_service", service)
  end)
end

--- Targets and the ways to them, in an order that the API takes: a target needs its way when it is added, and a way
--- is not taken from targets that use it.
local function change_ways(ctx, id, want, lb)
  local away, add = common.difference(ctx, seen_targets(ctx, lb.targets),
    targets_to_api(ctx, want.targets, want.network ~= nil))
  local is_public = lb.public_net and lb.public_net.enabled or false
  return api.steps(function()
    return api.unless(is_public or not want.public, body.act, ctx, id, "enable_public_interface")
  end, function()
    return common.each(away, function(target)
      target.use_private_ip = nil
      return body.act(ctx, id, "remove_target", target)
    end)
  end, function()
    return change_network(ctx, id, want, lb)
  end, function()
    return common.each(add, function(target)
      return body.act(ctx, id, "add_target", target)
    end)
  end, function()
    return api.unless(want.public or not is_public, body.act, ctx, id, "disable_public_interface")
  end)
end

local function change(ctx, id, want, lb)
  return api.steps(function()
    return change_services(ctx, id, want, lb)
  end, function()
    return change_ways(ctx, id, want, lb)
  end, function()
    return body.protect(ctx, id, want, lb)
  end)
end

function M.create(ctx, want)
  local services = services_to_api(ctx, want.services)
  local id, e = body.make(ctx, want, {
    load_balancer_type = want.plan,
    location = want.zone or ctx.config.zone,
    algorithm = { type = want.algorithm },
    public_interface = want.public,
    network = want.network and not want.private_ip and api.number(ctx, want.network, "network") or nil,
    services = #services > 0 and services or nil,
  })
  if not id then
    return nil, e
  end
  local ok
  ok, e = body.finish(ctx, id, function(lb)
    return change(ctx, id, want, lb)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

function M.update(ctx, id, want)
  local lb, e = body.present(ctx, id)
  if not lb then
    return nil, e
  end
  local ok
  ok, e = api.steps(function()
    return body.rename(ctx, id, want, lb)
  end, function()
    local same = want.plan == (lb.load_balancer_type or {}).name
    return api.unless(same, body.act, ctx, id, "change_type", { load_balancer_type = want.plan })
  end, function()
    local same = want.algorithm == (lb.algorithm or {}).type
    return api.unless(same, body.act, ctx, id, "change_algorithm", { type = want.algorithm })
  end, function()
    return change(ctx, id, want, lb)
  end)
  if not ok then
    return nil, e
  end
  return body.seen(ctx, id, want)
end

return M
