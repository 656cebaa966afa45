--- Load balancers: services, targets, networks. Targets are healthy when their servers run.

local actions = require("prov.simulate.hetzner.actions")
local addresses = require("prov.simulate.hetzner.addresses")
local catalog = require("prov.simulate.hetzner.catalog")
local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")
local lists = require("prov.simulate.hetzner.lists")
local network = require("prov.simulate.hetzner.networks").network
local resource = require("prov.simulate.hetzner.resource")
local world = require("prov.simulate.world")

local NONE = world.NONE
local primary_ip = addresses.primary_ip
local PORT = { type = "int", min = 1, max = 65535 }

local function with(field, more)
  local out = {}
  for name, value in pairs(field) do
    out[name] = value
  end
  for name, value in pairs(more) do
    out[name] = value
  end
  return out
end

local REQUIRED_PORT = with(PORT, { required = true })

local HEALTH = {
  type = "record",
  open = true,
  fields = {
    protocol = { type = "enum", one_of = { "tcp", "http" } },
    port = PORT,
    interval = { type = "int", min = 3, max = 60 },
    timeout = { type = "int", min = 1, max = 60 },
    retries = { type = "int", min = 0, max = 5 },
    http = {
      type = "record",
      open = true,
      fields = {
        domain = { type = "string" },
        path = { type = "string" },
        response = { type = "string" },
        status_codes = { type = "list", of = { type = "string" } },
        tls = { type = "bool" },
      },
    },
  },
}

local HTTP = {
  type = "record",
  open = true,
  fields = {
    certificates = { type = "list", of = { type = "int" } },
    cookie_lifetime = { type = "int" },
    timeout_idle = { type = "int" },
    cookie_name = { type = "string" },
    redirect_http = { type = "bool" },
    sticky_sessions = { type = "bool" },
  },
}

local PROTOCOL = { type = "enum", one_of = { "tcp", "http", "https" } }

local SERVICE = {
  protocol = with(PROTOCOL, { required = true }),
  listen_port = PORT,
  destination_port = PORT,
  proxyprotocol = { type = "bool" },
  health_check = HEALTH,
  http = HTTP,
}

local TARGET = {
  type = { type = "enum", one_of = { "server", "label_selector", "ip" }, required = true },
  server = { type = "record", fields = { id = { type = "int", required = true } }, open = true },
  label_selector = { type = "record", fields = { selector = { type = "string", required = true } }, open = true },
  ip = { type = "record", fields = { ip = { type = "ip", required = true } }, open = true },
  use_private_ip = { type = "bool" },
}

local ALGORITHM = { type = "enum", one_of = { "round_robin", "least_connections" } }

local balancer = {
  kind = "load_balancer",
  plural = "load_balancers",
  protection = { "delete" },
  update = kit.update_schema(),
  actions = {},
}

-- ---- Views ----

local function health_of(object, server)
  return kit.map(object.services, function(service)
    local status = server == nil and "unknown" or server.state == "running" and "healthy" or "unhealthy"
    return { listen_port = service.listen_port, status = status }
  end)
end

local function target_view(w, object, target)
  local out = { type = target.type }
  if target.type == "server" then
    out.server = { id = target.server.id }
    out.use_private_ip = target.use_private_ip or false
    out.health_status = health_of(object, w:get("server", target.server.id))
  elseif target.type == "ip" then
    out.ip = { ip = target.ip.ip }
    out.health_status = health_of(object)
  else
    local test = lists.selector(target.label_selector.selector)
    out.label_selector = { selector = target.label_selector.selector }
    out.use_private_ip = target.use_private_ip or false
    out.targets = data.list({})
    for _, server in ipairs(w:list("server")) do
      if test(server.labels) then
        table.insert(out.targets, {
          type = "server",
          server = { id = server.id },
          use_private_ip = target.use_private_ip or false,
          health_status = health_of(object, server),
        })
      end
    end
  end
  return out
end

local function service_view(service)
  local check, http = service.health_check, service.http
  return {
    protocol = service.protocol,
    listen_port = service.listen_port,
    destination_port = service.destination_port,
    proxyprotocol = service.proxyprotocol,
    health_check = {
      protocol = check.protocol,
      port = check.port,
      interval = check.interval,
      timeout = check.timeout,
      retries = check.retries,
      http = check.http and {
        domain = kit.maybe(check.http.domain),
        path = check.http.path,
        response = check.http.response or "",
        status_codes = check.http.status_codes or data.list({ "2??", "3??" }),
        tls = check.http.tls or false,
      } or nil,
    },
    http = http and {
      certificates = kit.map(http.certificates),
      cookie_lifetime = http.cookie_lifetime or 300,
      timeout_idle = http.timeout_idle or 60,
      cookie_name = http.cookie_name or "HCLBSTICKY",
      redirect_http = http.redirect_http or false,
      sticky_sessions = http.sticky_sessions or false,
    } or nil,
  }
end

--- A load balancer has one address of the IPv6 network.
local function public_ip(w, object, kind)
  local ip = primary_ip.of(w, object, kind)
  local shown = primary_ip.view(w, ip)
  local address = ip.ip:gsub("/64$", "1")
  return {
    id = ip.id,
    ip = address,
    blocked = false,
    dns_ptr = shown.dns_ptr[1] and shown.dns_ptr[1].dns_ptr or data.null,
  }
end

function balancer.view(w, object)
  return {
    id = object.id,
    name = object.name,
    labels = object.labels,
    load_balancer_type = catalog.load_balancer_type(w, w:get("load_balancer_type", object.plan)),
    location = catalog.location_named(w, object.zone),
    algorithm = { type = object.algorithm },
    services = kit.map(object.services, service_view),
    targets = kit.map(object.targets, function(target)
      return target_view(w, object, target)
    end),
    public_net = { enabled = object.public, ipv4 = public_ip(w, object, "ipv4"), ipv6 = public_ip(w, object, "ipv6") },
    private_net = kit.map(object.nets, function(net)
      return { network = net.network, ip = net.ip }
    end),
    protection = resource.protection(object, { "delete" }),
    included_traffic = 20 << 40,
    ingoing_traffic = 0,
    outgoing_traffic = 0,
    created = kit.time(object.created),
  }
end

-- ---- Services and targets ----

local DEFAULT_PORT = { http = 80, https = 443 }

--- A service as it is kept: what is not given has the API's default.
local function new_service(w, body)
  local port = body.listen_port or DEFAULT_PORT[body.protocol]
  if not port then
    return kit.invalid("listen_port", "is required for tcp")
  end
  local http = body.protocol ~= "tcp" and (body.http or {}) or nil
  if body.protocol == "https" and not (http.certificates and http.certificates[1]) then
    return kit.invalid("http.certificates", "is required for https")
  end
  for _, id in ipairs(http and http.certificates or {}) do
    if not w:get("certificate", id) then
      return kit.absent("certificate", id)
    end
  end
  local to = body.destination_port or DEFAULT_PORT[body.protocol] and 80 or port
  local check = body.health_check or {}
  local protocol = check.protocol or (body.protocol == "tcp" and "tcp" or "http")
  return {
    protocol = body.protocol,
    listen_port = port,
    destination_port = to,
    proxyprotocol = body.proxyprotocol or false,
    http = http,
    health_check = {
      protocol = protocol,
      port = check.port or to,
      interval = check.interval or 15,
      timeout = check.timeout or 10,
      retries = check.retries or 3,
      http = protocol == "http" and with({ path = "/" }, check.http or {}) or nil,
    },
  }
end

local function service_at(object, port)
  for i, service in ipairs(object.services) do
    if service.listen_port == port then
      return service, i
    end
  end
end

local function add_service(w, object, body)
  local service, e = new_service(w, body)
  if not service then
    return nil, e
  elseif service_at(object, service.listen_port) then
    return kit.refuse(422, "source_port_already_used", "port %d is already in use", service.listen_port)
  elseif #object.services >= w:get("load_balancer_type", object.plan).max_services then
    return kit.refuse(403, "resource_limit_exceeded", "the load balancer has as many services as it can")
  end
  table.insert(object.services, service)
  return true
end

--- What two targets of one thing have in common.
local function target_key(target)
  if target.type == "server" then
    return target.server and "server " .. target.server.id
  elseif target.type == "ip" then
    return target.ip and "ip " .. target.ip.ip
  end
  return target.label_selector and "selector " .. target.label_selector.selector
end

local function target_at(object, key)
  for i, target in ipairs(object.targets) do
    if target_key(target) == key then
      return i
    end
  end
end

--- Why a server cannot be a target; nil when it can.
local function server_refused(w, object, target)
  local server = w:get("server", target.server.id)
  if not server then
    return kit.absent("server", target.server.id)
  elseif not target.use_private_ip then
    for _, one in ipairs(w:holders(server, "primary_ip")) do
      if one.type == "ipv4" then
        return true
      end
    end
    return kit.refuse(422, "missing_ipv4", "server '%s' has no public IPv4 address", server.name)
  elseif not object.nets[1] then
    return kit.refuse(422, "load_balancer_not_attached_to_network", "load balancer is not attached to a network")
  elseif not network.row(server, object.nets[1].network) then
    return kit.refuse(422, "server_not_attached_to_network", "server '%s' is not attached to the same network",
      server.name)
  end
  return true
end

local function add_target(w, object, body)
  local key = target_key(body)
  if not key then
    return kit.invalid(body.type, "is required")
  elseif target_at(object, key) then
    return kit.refuse(422, "target_already_defined", "the target is already defined")
  elseif body.type == "label_selector" and not lists.selector(body.label_selector.selector) then
    return kit.invalid("label_selector", "is not a valid label selector")
  elseif #object.targets >= w:get("load_balancer_type", object.plan).max_targets then
    return kit.refuse(403, "resource_limit_exceeded", "the load balancer has as many targets as it can")
  end
  if body.type == "server" then
    local ok, e = server_refused(w, object, body)
    if not ok then
      return nil, e
    end
  end
  table.insert(object.targets, {
    type = body.type,
    server = body.server and { id = body.server.id },
    ip = body.ip and { ip = body.ip.ip },
    label_selector = body.label_selector and { selector = body.label_selector.selector },
    use_private_ip = body.use_private_ip,
  })
  return true
end

-- ---- Creation ----

local CREATE = {
  name = kit.NAME,
  load_balancer_type = { type = "any", required = true },
  location = { type = "any" },
  network_zone = { type = "string" },
  network = { type = "int" },
  algorithm = { type = "record", fields = { type = ALGORITHM }, open = true },
  public_interface = { type = "bool", default = true },
  public_net = {
    type = "record",
    open = true,
    fields = { ipv4 = { type = "int" }, ipv6 = { type = "int" } },
    default = {},
  },
  services = { type = "list", of = { type = "record", fields = SERVICE, open = true } },
  targets = { type = "list", of = { type = "record", fields = TARGET, open = true } },
  labels = kit.LABELS,
}

local function find_location(w, body)
  if body.location then
    local location = kit.named(w, "location", body.location)
    if not location then
      return kit.invalid("location", "is not a location")
    end
    return location
  end
  for _, location in ipairs(w:list("location")) do
    if location.network_zone == body.network_zone then
      return location
    end
  end
  return kit.invalid(body.network_zone and "network_zone" or "location", body.network_zone and "is not a network zone"
    or "is required when no network zone is given")
end

local function give_ips(w, object, wanted)
  for _, kind in ipairs({ "ipv4", "ipv6" }) do
    local given, e = primary_ip.given(w, object.zone, kind, wanted[kind])
    if given then
      w:change(given, { balancer = object.id })
    elseif given == false then
      given, e = primary_ip.add(w, { type = kind, zone = object.zone, balancer = object.id, auto_delete = true })
    end
    if not given then
      return nil, e
    end
  end
  return true
end

--- Adds what the body says beside the load balancer itself.
local function furnish(w, object, body)
  local given, why = give_ips(w, object, body.public_net)
  if not given then
    return nil, why
  end
  if body.network then
    local net = w:get("network", body.network)
    if not net then
      return kit.absent("network", body.network)
    end
    local row, e = network.attachment(w, object, net)
    if not row then
      return nil, e
    end
    table.insert(object.nets, row)
  end
  for _, service in ipairs(body.services or {}) do
    local ok, e = add_service(w, object, service)
    if not ok then
      return nil, e
    end
  end
  for _, target in ipairs(body.targets or {}) do
    local ok, e = add_target(w, object, target)
    if not ok then
      return nil, e
    end
  end
  return true
end

function balancer.create(call)
  local w = call.w
  local body, e = kit.body(call, CREATE)
  local location, object, ok
  local plan = body and kit.named(w, "load_balancer_type", body.load_balancer_type)
  if body and not plan then
    return kit.invalid("load_balancer_type", "is not a load balancer type")
  elseif body then
    location, e = find_location(w, body)
  end
  if location then
    object, e = w:add("load_balancer", {
      name = body.name,
      plan = plan.id,
      zone = location.name,
      algorithm = body.algorithm and body.algorithm.type or "round_robin",
      public = body.public_interface,
      services = data.list({}),
      targets = data.list({}),
      nets = data.list({}),
      labels = body.labels or {},
    })
  end
  if object then
    ok, e = furnish(w, object, body)
  end
  if not ok then
    return nil, e
  end
  local action = actions.begin(call, "create_load_balancer", {
    on = { object },
    lock = { object },
    failed = { { object, "gone" } },
  })
  return 201, { load_balancer = balancer.view(w, object), action = actions.view(w, action) }
end

-- ---- Actions ----

--- An action that checks a body and changes the load balancer at once.
local function changing(command, schema, fn)
  return function(call, object)
    local body, e = kit.body(call, schema)
    local ok
    if body then
      ok, e = actions.unlocked(call.w, object)
    end
    if not ok then
      return nil, e
    end
    call.w:touch(object)
    ok, e = fn(call.w, object, body)
    if not ok then
      return nil, e
    end
    return actions.begin(call, command, { on = { object }, lock = { object } })
  end
end

local A = balancer.actions

A.add_service = changing("add_service", SERVICE, add_service)
A.add_target = changing("add_target", TARGET, add_target)

A.update_service = changing("update_service", with(SERVICE, { protocol = PROTOCOL, listen_port = REQUIRED_PORT }),
  function(w, object, body)
    local old, at = service_at(object, body.listen_port)
    if not old then
      return kit.refuse(404, "not_found", "service with listen port %d not found", body.listen_port)
    end
    local merged = with(old, body)
    merged.health_check = with(old.health_check, body.health_check or {})
    if body.health_check and body.health_check.http then
      merged.health_check.http = with(old.health_check.http or {}, body.health_check.http)
    end
    merged.http = (old.http or body.http) and with(old.http or {}, body.http or {})
    local service, e = new_service(w, merged)
    object.services[at] = service or old
    return service, e
  end)

A.delete_service = changing("delete_service", { listen_port = REQUIRED_PORT }, function(_, object, body)
  local _, at = service_at(object, body.listen_port)
  if not at then
    return kit.refuse(404, "not_found", "service with listen port %d not found", body.listen_port)
  end
  return table.remove(object.services, at)
end)

A.remove_target = changing("remove_target", TARGET, function(_, object, body)
  local at = target_at(object, target_key(body))
  if not at then
    return kit.refuse(404, "not_found", "target not found")
  end
  return table.remove(object.targets, at)
end)

A.change_algorithm = changing("change_algorithm", { type = with(ALGORITHM, { required = true }) },
  function(_, object, body)
    object.algorithm = body.type
    return true
  end)

A.change_type = changing("change_load_balancer_type", { load_balancer_type = { type = "any", required = true } },
  function(w, object, body)
    local plan = kit.named(w, "load_balancer_type", body.load_balancer_type)
    if not plan then
      return kit.invalid("load_balancer_type", "is not a load balancer type")
    elseif plan.max_targets < #object.targets or plan.max_services < #object.services then
      return kit.refuse(422, "invalid_load_balancer_type", "load balancer type '%s' does not fit", plan.name)
    end
    object.plan = plan.id
    return true
  end)

local ATTACH = { network = { type = "int", required = true }, ip = { type = "ip" }, ip_range = { type = "string" } }

A.attach_to_network = changing("attach_to_network", ATTACH,
  function(w, object, body)
    local net = w:get("network", body.network)
    if not net then
      return kit.absent("network", body.network)
    elseif object.nets[1] then
      return kit.refuse(422, "load_balancer_already_attached", "load balancer is already attached to a network")
    end
    local row, e = network.attachment(w, object, net, body)
    object.nets[1] = row
    return row, e
  end)

A.detach_from_network = changing("detach_from_network", { network = { type = "int", required = true } },
  function(_, object, body)
    local row, at = network.row(object, body.network)
    if not row then
      return kit.refuse(422, "load_balancer_not_attached_to_network", "load balancer is not attached to this network")
    end
    return table.remove(object.nets, at)
  end)

A.enable_public_interface = changing("enable_public_interface", {}, function(_, object)
  object.public = true
  return true
end)

A.disable_public_interface = changing("disable_public_interface", {}, function(_, object)
  if not object.nets[1] then
    return kit.refuse(422, "load_balancer_not_attached_to_network", "load balancer is not attached to a network")
  end
  for _, target in ipairs(object.targets) do
    if target.type ~= "ip" and not target.use_private_ip then
      return kit.refuse(422, "targets_without_use_private_ip", "load balancer has targets that use the public IP")
    end
  end
  object.public = false
  return true
end)

A.change_dns_ptr = addresses.set_holder_ptr

function balancer.delete(call, object)
  for _, one in ipairs(call.w:holders(object, "primary_ip")) do
    if one.auto_delete then
      call.w:remove(one)
    else
      call.w:change(one, { balancer = NONE })
    end
  end
  local action = actions.begin(call, "delete_load_balancer", { on = { object } })
  call.w:remove(object)
  return 201, { action = actions.view(call.w, action) }
end

return { balancer }
