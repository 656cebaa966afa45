-- Address ranges of networks, and fixed addresses of servers in them.

local range = require("prov.validate.range")

-- What a network keeps for itself: its first address, its gateway, its last address.
local KEPT = 3

local NONE = {} -- never changed

--- The ranges of all networks that are known now: list of { node, range }.
local function ranges(ctx)
  return ctx:once("network ranges", function()
    local out = {}
    for _, node in ipairs(ctx:resources("network")) do
      local found = range.parse(ctx:known(node.args.cidr))
      if found then
        out[#out + 1] = { node = node, range = found }
      end
    end
    return out
  end)
end

--- The networks a server with a fixed address is in, when they are known: calls fn(address, network, range).
local function placed(ctx, server, fn)
  local text = ctx:known(server.args.ip)
  local address = range.address(text)
  for _, network in ipairs(address and ctx:networks(server) or {}) do
    local found = range.parse(ctx:known(network.args.cidr))
    if found and #found.first == #address then
      fn(address, network, found)
    end
  end
end

local function check_overlap(ctx)
  local by_provider = {}
  for _, one in ipairs(ranges(ctx)) do
    local list = by_provider[one.node.provider] or {}
    by_provider[one.node.provider] = list
    list[#list + 1] = one
  end
  for _, list in pairs(by_provider) do
    table.sort(list, function(a, b)
      if a.range.first ~= b.range.first then
        return #a.range.first < #b.range.first or #a.range.first == #b.range.first and a.range.first < b.range.first
      end
      return a.node.address < b.node.address
    end)
    local widest
    for _, one in ipairs(list) do
      if widest and range.overlap(widest.range, one.range) then
        ctx:report(one.node, {
          path = { "cidr" },
          message = ("%s shares addresses with %s of %s"):format(
            one.range.text,
            widest.range.text,
            widest.node.address
          ),
          hint = "give each network a range of its own",
          related = { widest.node },
          related_path = { "cidr" },
        })
      end
      if not widest or #widest.range.last ~= #one.range.last or one.range.last > widest.range.last then
        widest = one
      end
    end
  end
end

--- What networks are used for: how many servers are in each, and the addresses of all that something needs.
local function usage(ctx)
  return ctx:once("network usage", function()
    local servers, used = {}, {}
    for _, list in ipairs({ ctx:resources(), ctx:taskservs() }) do
      for _, node in ipairs(list) do
        for _, need in ipairs(node.needs) do
          used[need] = true
        end
        for _, network in ipairs(node.kind == "server" and ctx:networks(node) or NONE) do
          servers[network] = (servers[network] or 0) + 1
          used[network.address] = true
        end
      end
    end
    return { servers = servers, used = used }
  end)
end

local function check_small(ctx)
  for _, one in ipairs(ranges(ctx)) do
    local room, n = one.range.size - KEPT, usage(ctx).servers[one.node] or 0
    if n > room then
      ctx:report(one.node, {
        path = { "cidr" },
        message = ("%s has room for %d servers, %d are in it"):format(one.range.text, math.max(room, 0), n),
        hint = "a shorter prefix makes a network larger: /24 has room for 253",
      })
    end
  end
end

local function check_unused(ctx)
  for _, node in ipairs(ctx:resources("network")) do
    if not usage(ctx).used[node.address] then
      ctx:report(node, { message = "nothing is in this network", hint = "take it out, or refer to it" })
    end
  end
end

local function check_duplicate(ctx)
  local seen = {}
  for _, server in ipairs(ctx:having("server", "ip")) do
    placed(ctx, server, function(address, network)
      local key = network.address .. " " .. address
      if seen[key] and seen[key] ~= server then
        ctx:report(server, {
          path = { "ip" },
          message = ("%s is also the address of %s"):format(range.text(address), seen[key].address),
          hint = "leave ip out to get the next free one; with count, make it depend on ${index}",
          related = { seen[key] },
          related_path = { "ip" },
        })
      end
      seen[key] = seen[key] or server
    end)
  end
end

local function has_ip(ctx, server)
  return ctx:schema(server).ip
end

local function has(list, item)
  for _, one in ipairs(list) do
    if one == item then
      return true
    end
  end
  return false
end

--- Servers that a taskserv refers to but that are in none of the networks of its own server.
local function check_unreachable(ctx, taskserv)
  local server = ctx:server(taskserv)
  local networks = ctx:networks(server)
  if not networks[1] or server.args.public then
    return
  end
  for field, v in next, taskserv.args do
    for _, target in ipairs(ctx:targets(v)) do
      local shared, elsewhere = target.kind ~= "server" or target.args.public, nil
      for _, network in ipairs(target.kind == "server" and ctx:networks(target) or {}) do
        shared, elsewhere = shared or has(networks, network), network.address
      end
      if not shared and elsewhere then
        ctx:report(taskserv, {
          path = { field },
          message = ("%s is in %s, this server is in %s: they do not reach each other"):format(
            target.address,
            elsewhere,
            networks[1].address
          ),
          hint = "put both into one network",
          related = { target },
          related_path = { "network" },
        })
      end
    end
  end
end

return {
  {
    id = "network-overlap",
    severity = "error",
    applies = { "infra" },
    summary = "Two networks of a provider share addresses",
    doc = "Traffic for a shared address goes to one of the two, and they can never be joined.",
    bad = "networks:\n  lan: { cidr: 10.0.0.0/16 }\n  dmz: { cidr: 10.0.8.0/24 }\n",
    good = "networks:\n  lan: { cidr: 10.0.0.0/16 }\n  dmz: { cidr: 10.1.8.0/24 }\n",
    check = check_overlap,
  },
  {
    id = "network-host-bits",
    severity = "error",
    applies = { "network" },
    summary = "A range is not written with its first address",
    doc = "10.0.0.7/24 is an address with its prefix, not a range; clouds refuse it, or take another range "
      .. "than was meant.",
    bad = "networks:\n  lan: { cidr: 10.0.0.7/24 }\n",
    good = "networks:\n  lan: { cidr: 10.0.0.0/24 }\n",
    check = function(ctx, network)
      local found = range.parse(ctx:known(network.args.cidr))
      if found and found.address ~= found.first then
        ctx:report(network, {
          path = { "cidr" },
          message = ("%s is an address inside of a range, which begins at %s"):format(
            found.text,
            range.text(found.first)
          ),
          hint = "write " .. range.canonical(found),
          fix = { { path = { "cidr" }, value = range.canonical(found) } },
        })
      end
    end,
  },
  {
    id = "network-small",
    severity = "error",
    applies = { "infra" },
    summary = "A network has fewer addresses than servers",
    doc = "Three addresses of a range are not for servers: the first, the gateway and the last.",
    bad = [[
networks:
  lan: { cidr: 10.0.0.0/29 }
servers:
  web: { count: 6, network: "${network.lan}" }
]],
    good = [[
networks:
  lan: { cidr: 10.0.0.0/28 }
servers:
  web: { count: 6, network: "${network.lan}" }
]],
    check = check_small,
  },
  {
    id = "network-public-range",
    severity = "warning",
    applies = { "network" },
    summary = "A private network has a range of the internet",
    doc = "Hosts that have these addresses on the internet cannot be reached from inside of it.",
    bad = "networks:\n  lan: { cidr: 20.1.0.0/16 }\n",
    good = "networks:\n  lan: { cidr: 172.20.0.0/16 }\n",
    check = function(ctx, network)
      local found = range.parse(ctx:known(network.args.cidr))
      if found and not range.inside(found, range.PRIVATE) and not range.touches(found, range.SPECIAL) then
        ctx:report(network, {
          path = { "cidr" },
          message = found.text .. " is a range of the internet",
          hint = "private ranges are in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fc00::/7",
        })
      end
    end,
  },
  {
    id = "network-special-range",
    severity = "error",
    applies = { "network" },
    summary = "A network has a range that no network can have",
    doc = "Loopback, link-local, multicast and reserved addresses are not routed.",
    bad = "networks:\n  lan: { cidr: 169.254.10.0/24 }\n",
    good = "networks:\n  lan: { cidr: 192.168.10.0/24 }\n",
    check = function(ctx, network)
      local found = range.parse(ctx:known(network.args.cidr))
      local special = found and range.touches(found, range.SPECIAL)
      if special then
        ctx:report(network, {
          path = { "cidr" },
          message = ("%s touches %s, which is reserved"):format(found.text, special.text),
          hint = "private ranges are in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fc00::/7",
        })
      end
    end,
  },
  {
    id = "network-unused",
    severity = "warning",
    applies = { "infra" },
    summary = "Nothing is in a network",
    doc = "It is made, and may cost, for nothing; or a server has forgotten its reference.",
    bad = "networks:\n  lan: { cidr: 10.0.0.0/24 }\nservers:\n  web: {}\n",
    good = [[
networks:
  lan: { cidr: 10.0.0.0/24 }
servers:
  web: { network: "${network.lan}" }
]],
    check = check_unused,
  },
  {
    id = "address-outside",
    severity = "error",
    applies = { "server" },
    summary = "A server's fixed address is not in its network",
    doc = "The server is refused, or has an address that nobody reaches.",
    bad = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.lan}", ip: 10.78.0.9 }\n',
    good = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.lan}", ip: 10.77.0.9 }\n',
    about = has_ip,
    check = function(ctx, server)
      placed(ctx, server, function(address, network, found)
        if not range.contains(found, address) then
          ctx:report(server, {
            path = { "ip" },
            message = ("%s is not in %s of %s"):format(range.text(address), found.text, network.address),
            hint = "leave ip out to get the next free one",
            related = { network },
            related_path = { "cidr" },
          })
        end
      end)
    end,
  },
  {
    id = "address-reserved",
    severity = "error",
    applies = { "server" },
    summary = "A server has an address that the network keeps for itself",
    doc = "The first address is the network's, the second its gateway's, the last one reaches all.",
    bad = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.lan}", ip: 10.77.0.1 }\n',
    good = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.lan}", ip: 10.77.0.2 }\n',
    about = has_ip,
    check = function(ctx, server)
      placed(ctx, server, function(address, network, found)
        local what = address == found.first and "the network itself"
          or address == range.add(found.first, 1) and "the gateway"
          or #address == 4 and address == found.last and "all hosts (broadcast)"
        if what and range.contains(found, address) then
          ctx:report(server, {
            path = { "ip" },
            message = ("%s means %s in %s"):format(range.text(address), what, network.address),
            hint = ("%s is the first one for servers"):format(range.text(range.add(found.first, 2))),
          })
        end
      end)
    end,
  },
  {
    id = "address-duplicate",
    severity = "error",
    applies = { "infra" },
    summary = "Two servers have the same address in a network",
    doc = "One of the two is refused, or both answer at random. Instances of a count have the same fixed address.",
    bad = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { count: 2, network: "${network.lan}", ip: 10.77.0.9 }\n',
    good = "defaults: { provider: local }\nnetworks:\n  lan: { cidr: 10.77.0.0/24 }\nservers:\n"
      .. '  web: { count: 2, network: "${network.lan}", ip: "10.77.0.1${index}" }\n',
    check = check_duplicate,
  },
  {
    id = "network-unreachable",
    severity = "error",
    applies = { "taskserv" },
    summary = "A service uses a server in another network",
    doc = "Networks are isolated from each other: a load balancer in one does not reach its backends in another.",
    bad = "networks:\n  a: { cidr: 10.0.0.0/24 }\n  b: { cidr: 10.1.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.a}", taskservs: { nginx: {} } }\n'
      .. '  lb: { network: "${network.b}", taskservs: { haproxy: { backends: ["${server.web.ip}"] } } }\n',
    good = "networks:\n  a: { cidr: 10.0.0.0/24 }\nservers:\n"
      .. '  web: { network: "${network.a}", taskservs: { nginx: {} } }\n'
      .. '  lb: { network: "${network.a}", taskservs: { haproxy: { backends: ["${server.web.ip}"] } } }\n',
    check = check_unreachable,
  },
}
