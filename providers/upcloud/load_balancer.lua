--- Load balancers: a frontend and a backend for each service, the targets as static members of every backend.

local api = require("api")
local labelled = require("labelled")

--- The address of a target, that of a server in the network of the load balancer.
local function address_of(ctx, want, target)
  if not target.server then
    return target.ip or ctx.fail("invalid", "a target names neither a server nor an address")
  end
  local server, e = api.call(ctx, "get", "/server/" .. target.server, nil, "server")
  if not server then
    return nil, e
  end
  for _, one in ipairs(server.networking.interfaces.interface) do
    if one.type == "private" and (not want.network or one.network == want.network) then
      return one.ip_addresses.ip_address[1].address
    end
  end
  return ctx.fail("invalid", "server %s has no address in the network of the load balancer", target.server)
end

local function addresses_of(ctx, want)
  return ctx.each(want.targets, function(target)
    return address_of(ctx, want, target)
  end)
end

local function members(ctx, want, addresses, port)
  local out = {}
  for i, target in ipairs(want.targets) do
    out[i] = {
      name = target.server or "ip-" .. addresses[i]:gsub("[.:]", "-"), -- says whose address it is
      type = "static",
      ip = addresses[i],
      port = port,
      weight = 100,
      max_sessions = 1000,
      enabled = true,
    }
  end
  return ctx.json.list(out)
end

local function properties(service)
  local check = service.check
  return {
    health_check_type = check.protocol,
    health_check_url = check.protocol == "http" and check.path or nil,
    health_check_expected_status = check.protocol == "http" and check.expect or nil,
    health_check_interval = math.floor(check.interval),
    health_check_rise = check.rise,
    health_check_fall = check.retries,
  }
end

local function parts(ctx, want)
  local frontends, backends = {}, {}
  local addresses, e = addresses_of(ctx, want)
  if not addresses then
    return nil, e
  end
  for i, service in ipairs(want.services) do
    local list = members(ctx, want, addresses, service.port or service.listen)
    local name = ("%s-%d"):format(service.protocol, service.listen)
    backends[i] = { name = name, members = list, properties = properties(service) }
    frontends[i] = {
      name = name,
      mode = service.protocol,
      port = service.listen,
      default_backend = name,
      networks = want.public and ctx.json.list({ { name = "public" } }) or ctx.json.list({ { name = "private" } }),
    }
  end
  return { frontends = ctx.json.list(frontends), backends = ctx.json.list(backends) }
end

local function changed(ctx, want, key)
  local sent, e = parts(ctx, want)
  if not sent then
    return nil, e
  end
  sent.name = api.name(ctx, want)
  sent.plan = want.plan
  sent.configured_status = "started"
  sent.labels = api.labels(ctx, want.labels, key)
  sent.resolvers = ctx.json.list({})
  return sent
end

local function services_of(ctx, balancer)
  local backends, services = {}, {}
  for _, one in ipairs(balancer.backends or {}) do
    backends[one.name] = one
  end
  for i, one in ipairs(balancer.frontends or {}) do
    local backend = backends[one.default_backend] or {}
    local member, check = (backend.members or {})[1], backend.properties or {}
    services[i] = {
      protocol = one.mode,
      listen = one.port,
      port = member and member.port ~= one.port and member.port or nil,
      check = {
        protocol = check.health_check_type or "tcp",
        path = check.health_check_url or "/",
        interval = check.health_check_interval or 10,
        expect = check.health_check_expected_status or 200,
        rise = check.health_check_rise or 3,
        retries = check.health_check_fall or 3,
      },
    }
  end
  return ctx.json.list(services)
end

--- The targets, by the names of the members; without a service there is nothing that tells.
local function targets_of(ctx, balancer)
  local backend = balancer.backends and balancer.backends[1]
  if not backend then
    return api.recorded(ctx, balancer.uuid).targets
  end
  local out = {}
  for i, member in ipairs(backend.members or {}) do
    out[i] = member.name:match("^%x+%-%x+%-%x+%-%x+%-%x+$") and { server = member.name } or { ip = member.ip }
  end
  return ctx.json.list(out)
end

local function public_ip(balancer)
  for _, node in ipairs(balancer.nodes or {}) do
    for _, network in ipairs(node.networks or {}) do
      for _, address in ipairs(network.type == "public" and network.ip_addresses or {}) do
        if address.listen then
          return address.address
        end
      end
    end
  end
end

local function state_of(ctx, balancer)
  local network, is_public
  for _, one in ipairs(balancer.networks or {}) do
    if one.type == "private" then
      network = one.uuid
    else
      is_public = true
    end
  end
  return {
    id = balancer.uuid,
    name = balancer.name,
    plan = balancer.plan,
    zone = balancer.zone,
    network = network,
    public = is_public or false,
    services = services_of(ctx, balancer),
    targets = targets_of(ctx, balancer),
    labels = (api.from_labels(balancer.labels)),
    hostname = balancer.dns_name,
    ip = public_ip(balancer),
  }
end

return labelled.of({
  path = "/load-balancer",
  one = {},
  many = {},
  paged = true,
  change = "put",
  state = state_of,
  body = function(ctx, want, key)
    local sent, e = changed(ctx, want, key)
    if not sent then
      return nil, e
    end
    local networks = {}
    if want.public then
      networks[1] = { name = "public", type = "public", family = "IPv4" }
    end
    if want.network then
      networks[#networks + 1] = { name = "private", type = "private", family = "IPv4", uuid = want.network }
    end
    sent.networks, sent.zone = ctx.json.list(networks), want.zone or ctx.config.zone
    return sent
  end,
  changed = changed,
  ready = function(ctx, balancer)
    local ok, e = ctx.watch("load balancer", balancer.uuid, {
      read = function()
        local list, failure = labelled.paged(ctx, "/load-balancer")
        return list and api.by_uuid(list), failure
      end,
      done = function(one)
        return one and one.operational_state == "running" or nil
      end,
      batch = 10000,
      every = ctx.config.poll_every,
      max = ctx.config.poll_every * 5,
      timeout = 1800,
    })
    if not ok then
      return nil, e
    end
    return api.call(ctx, "get", "/load-balancer/" .. balancer.uuid)
  end,
})
