-- Servers with an address on the internet (`public`), and the firewalls of providers that have them.

local ports = require("prov.validate.ports")
local range = require("prov.validate.range")

-- Ports of what must not be asked by everybody.
local INNER = {
  [2379] = "etcd",
  [2380] = "etcd",
  [3306] = "MySQL",
  [5432] = "PostgreSQL",
  [6379] = "Redis",
  [9090] = "Prometheus",
  [9100] = "node-exporter",
  [9200] = "Elasticsearch",
  [11211] = "memcached",
  [27017] = "MongoDB",
}

local function is_world(cidr)
  local found = range.parse(cidr)
  return found ~= nil and found.bits == 0
end

--- True when a server may have the labels of a selector; one with more than equalities may fit any.
local function may_select(ctx, selector, server)
  local labels = ctx:map(server.args.labels)
  for part in (ctx:known(selector) or ""):gmatch("[^,]+") do
    local name, wanted = part:match("^%s*([%w./_-]+)%s*==?%s*([%w._-]+)%s*$")
    local is = name and ctx:known(labels[name])
    if name and (labels[name] == nil or is ~= nil and is ~= wanted) then
      return false
    end
  end
  return true
end

--- The firewalls of each server, by address: those that name it or select it, and those that it names.
local function firewalls(ctx)
  return ctx:once("firewalls", function()
    local out = {}
    local function add(server, firewall)
      out[server.address] = out[server.address] or {}
      table.insert(out[server.address], firewall)
    end
    for _, firewall in ipairs(ctx:resources("firewall")) do
      for _, server in ipairs(ctx:targets(firewall.args.servers)) do
        add(server, firewall)
      end
      for _, selector in ipairs(ctx:list(firewall.args.selectors)) do
        for _, server in ipairs(ctx:resources("server")) do
          if server.provider == firewall.provider and may_select(ctx, selector, server) then
            add(server, firewall)
          end
        end
      end
    end
    for _, server in ipairs(ctx:resources("server")) do
      for _, firewall in ipairs(server.args.firewalls and ctx:targets(server.args.firewalls) or {}) do
        add(server, firewall)
      end
    end
    return out
  end)
end

--- Calls fn for each port, or range such as "8000-8010", that a rule lets in.
local function each_rule(ctx, firewall, fn)
  for i, rule in ipairs(ctx:list(firewall.args.rules)) do
    for at, port in ipairs(ctx:map(rule).direction ~= "out" and ctx:list(ctx:map(rule).ports) or {}) do
      fn(port, rule, { "rules", i, "ports", at })
    end
  end
end

--- True when `port` is what a rule says, or in its range.
local function covers(port, said)
  local first, last = tostring(said):match("^(%d+)%-(%d+)$")
  return said == port or first ~= nil and tonumber(first) <= port and port <= tonumber(last)
end

--- The lowest port of INNER that a rule says or has in its range, or nil.
local function inner_port(said)
  local lowest
  for port in pairs(INNER) do
    lowest = covers(port, said) and math.min(lowest or port, port) or lowest
  end
  return lowest
end

--- The source that is everybody, or nil. Where none is named it is anybody.
local function world_source(ctx, rule)
  if rule.sources == nil then
    return "everybody"
  end
  for _, source in ipairs(ctx:list(rule.sources)) do
    source = ctx:known(source)
    if is_world(source) then
      return source
    end
  end
end

local function lets_in(ctx, list, port)
  for _, firewall in ipairs(list) do
    local found = false
    each_rule(ctx, firewall, function(one)
      found = found or covers(port, one)
    end)
    for _, rule in ipairs(ctx:list(firewall.args.rules)) do -- one without ports is of all
      rule = ctx:map(rule)
      found = found or rule.ports == nil and rule.direction ~= "out" and (rule.protocol or "tcp") ~= "icmp"
    end
    if found then
      return true
    end
  end
  return false
end

return {
  {
    id = "firewall-missing",
    severity = "warning",
    applies = { "server" },
    instances = true,
    summary = "A server on the internet has no firewall",
    doc = "All its services are open to everybody. Looks at servers with `public: true` of providers that "
      .. "have firewalls.",
    bad = "servers:\n  web: { public: true, taskservs: { nginx: {} } }\n",
    good = [[
servers:
  web: { public: true, taskservs: { nginx: {} } }
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [80] }] }
]],
    about = function(ctx, server)
      local resources = ctx:declaration(server).resources
      return resources and resources.firewall
    end,
    check = function(ctx, server)
      if server.args.public == true and not firewalls(ctx)[server.address] then
        ctx:report(server, {
          path = { "public" },
          message = "it has an address on the internet and no firewall",
          hint = "declare one under 'firewalls' with this server in its 'servers'",
        })
      end
    end,
  },
  {
    id = "firewall-blocks",
    severity = "warning",
    applies = { "host" },
    instances = true,
    summary = "A firewall keeps out a web service of its server",
    doc = "nginx or haproxy listens on a port that no rule lets in.",
    bad = [[
servers:
  web: { public: true, taskservs: { nginx: { port: 8080 } } }
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [80] }] }
]],
    good = [[
servers:
  web: { public: true, taskservs: { nginx: { port: 8080 } } }
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [8080] }] }
]],
    check = function(ctx, server)
      local list = server.args.public == true and firewalls(ctx)[server.address]
      for _, taskserv in ipairs(list and ctx:services(server) or {}) do
        local web = taskserv.name == "nginx" or taskserv.name == "haproxy"
        for _, one in ipairs(web and ports.of(ctx, taskserv) or {}) do
          if not lets_in(ctx, list, one.port) then
            ctx:report(taskserv, {
              path = one.path,
              message = ("no firewall of %s lets port %d in"):format(server.address, one.port),
              hint = ("add %d to the ports of a rule"):format(one.port),
              related = { list[1] },
            })
          end
        end
      end
    end,
  },
  {
    id = "ssh-open",
    severity = "warning",
    applies = { "firewall" },
    summary = "SSH is open to the whole internet",
    doc = "Bots try passwords and old holes there all day. Let in the addresses you work from.",
    bad = [[
servers:
  web: { public: true }
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [22], sources: [0.0.0.0/0] }] }
]],
    good = [[
servers:
  web: { public: true }
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [22], sources: [198.51.100.0/24] }] }
]],
    check = function(ctx, firewall)
      each_rule(ctx, firewall, function(port, rule, path)
        if covers(22, port) and world_source(ctx, rule) then
          ctx:report(firewall, {
            path = path,
            message = "SSH is open to " .. world_source(ctx, rule),
            hint = "name the networks you work from in 'sources'",
          })
        end
      end)
    end,
  },
  {
    id = "inner-port-open",
    severity = "error",
    applies = { "firewall" },
    summary = "A database or metrics port is open to the whole internet",
    doc = "Databases, etcd, caches and exporters are for the servers of the same system. The list of "
      .. "ports: 2379, 2380, 3306, 5432, 6379, 9090, 9100, 9200, 11211, 27017.",
    bad = [[
servers:
  db: { public: true }
firewalls:
  db: { servers: ["${server.db}"], rules: [{ ports: [5432] }] }
]],
    good = [[
servers:
  db: { public: true }
firewalls:
  db: { servers: ["${server.db}"], rules: [{ ports: [5432], sources: [10.0.0.0/24] }] }
]],
    check = function(ctx, firewall)
      each_rule(ctx, firewall, function(said, rule, path)
        local port = inner_port(said)
        if port and world_source(ctx, rule) then
          ctx:report(firewall, {
            path = path,
            message = ("port %d (%s) is open to %s"):format(port, INNER[port], world_source(ctx, rule)),
            hint = "name the networks of its clients in 'sources'",
          })
        end
      end)
    end,
  },
  {
    id = "firewall-empty",
    severity = "warning",
    applies = { "firewall" },
    summary = "A firewall protects no server",
    doc = "It does nothing until servers are named in it.",
    bad = "firewalls:\n  web: { rules: [{ ports: [80] }] }\n",
    good = [[
servers:
  web: {}
firewalls:
  web: { servers: ["${server.web}"], rules: [{ ports: [80] }] }
]],
    check = function(ctx, firewall)
      local used = ctx:list(firewall.args.servers)[1] or ctx:list(firewall.args.selectors)[1]
      for _, list in pairs(used == nil and firewalls(ctx) or {}) do
        for _, one in ipairs(list) do
          used = used or one == firewall
        end
      end
      if used == nil then
        ctx:report(firewall, { message = "it protects no server", hint = "name them in 'servers'" })
      end
    end,
  },
  {
    id = "http-only",
    severity = "note",
    applies = { "host" },
    summary = "A server on the internet speaks only plain HTTP",
    doc = "Who is between can read and change it. A frontend in mode tcp on 443 hands TLS through to its backends.",
    bad = [[
servers:
  lb: { public: true, taskservs: { haproxy: { listen: 80, backends: [10.0.0.5] } } }
]],
    good = [[
servers:
  lb:
    public: true
    taskservs:
      haproxy:
        listen: 443
        mode: tcp
        backends: [10.0.0.5]
        backend_port: 443
]],
    check = function(ctx, server)
      local plain, secure
      for _, taskserv in ipairs(server.args.public == true and ctx:services(server) or {}) do
        for _, one in
          ipairs((taskserv.name == "nginx" or taskserv.name == "haproxy") and ports.of(ctx, taskserv) or {})
        do
          secure = secure or one.port == 443 or one.port == 8443
          plain = plain or { taskserv, one.path }
        end
      end
      if plain and not secure then
        ctx:report(plain[1], {
          path = plain[2],
          message = "it serves plain HTTP to the internet, and nothing here serves HTTPS",
          hint = "let a frontend in mode tcp listen on 443, or put a load balancer with TLS in front",
        })
      end
    end,
  },
}
