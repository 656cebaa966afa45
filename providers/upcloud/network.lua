--- Private networks, each with one IPv4 range.

local api = require("api")

local function yes(v)
  return v and "yes" or "no"
end

local function body(ctx, want, key)
  return {
    name = api.name(ctx, want),
    zone = want.zone or ctx.config.zone,
    router = want.router,
    labels = api.labels(ctx, want.labels, key),
    ip_networks = { ip_network = ctx.json.list({ {
      family = "IPv4",
      address = want.cidr,
      gateway = want.gateway,
      dhcp = yes(want.dhcp),
      dhcp_default_route = yes(want.default_route),
      dhcp_dns = want.dns[1] and want.dns or nil,
    } }) },
  }
end

return require("labelled").of({
  path = "/network",
  one = { "network" },
  many = { "networks", "network" },
  change = "put",
  is_ours = function(network)
    return network.type == "private"
  end,
  body = body,
  changed = function(ctx, want, key)
    local sent = body(ctx, want, key)
    sent.zone = nil
    sent.router = want.router or ctx.json.null
    return sent
  end,
  state = function(ctx, network)
    local range = type(network.ip_networks) == "table" and network.ip_networks.ip_network[1] or {}
    return {
      id = network.uuid,
      name = network.name,
      cidr = range.address,
      zone = network.zone,
      router = network.router,
      gateway = range.gateway,
      dhcp = range.dhcp == "yes",
      default_route = range.dhcp_default_route == "yes",
      dns = ctx.json.list(range.dhcp_dns or {}),
      labels = (api.from_labels(network.labels)),
    }
  end,
})
