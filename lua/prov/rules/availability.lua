-- What stops when one server stops.

local ports = require("prov.validate.ports")
local range = require("prov.validate.range")

--- How many members a list names; nil when that is known only after apply.
local function members_of(ctx, list)
  local n = 0
  for _, entry in ipairs(ctx:list(list)) do
    local targets = ctx:targets(entry)
    if not targets[1] and ctx:known(entry) == nil then
      return nil
    end
    n = n + math.max(1, #targets)
  end
  return n
end

--- The servers and plain addresses each list of backends of a load balancer names: calls fn(servers, plain, path).
local function each_pool(ctx, taskserv, fn)
  local pools = { { record = taskserv.args, path = {} } }
  for name, one in pairs(ctx:map(taskserv.args.frontends)) do
    pools[#pools + 1] = { record = ctx:map(one), path = { "frontends", name } }
  end
  for _, pool in ipairs(pools) do
    local servers, plain, seen = {}, 0, {}
    for _, entry in ipairs(ctx:list(pool.record.backends)) do
      local targets = ctx:targets(entry)
      plain = plain + (targets[1] and 0 or 1)
      for _, server in ipairs(targets) do
        if server.kind == "server" and not seen[server] then
          seen[server] = true
          servers[#servers + 1] = server
        end
      end
    end
    pool.path[#pool.path + 1] = "backends"
    fn(servers, plain, pool.path)
  end
end

local function check_members(ctx, taskserv)
  local named, unknown = {}, false
  for _, entry in ipairs(ctx:list(taskserv.args.members)) do
    for _, server in ipairs(ctx:targets(entry)) do
      named[server.address] = true
    end
    local address = ctx:known(entry)
    named[address or ""] = true
    unknown = unknown or address == nil and not ctx:targets(entry)[1]
  end
  local server = ctx:server(taskserv)
  local own = ctx:known(server.args.ip)
  if next(named) == nil or unknown or named[server.address] or own and named[own] then
    return
  end
  for address in pairs(named) do
    if range.address(address) and own == nil then
      return -- it may get this one
    end
  end
  ctx:report(taskserv, {
    path = { "members" },
    message = ("the members do not name %s itself"):format(server.address),
    hint = "members lists every server of the cluster, the same list on each",
  })
end

local function check_zones(ctx)
  local groups, order = {}, {}
  for _, server in ipairs(ctx.counted.server or {}) do
    local zone = ctx:known(server.args.zone)
    if zone then
      local base = server.kind .. "." .. server.name
      local group = groups[base]
      if not group then
        group = { zone = zone, n = 0, first = server }
        groups[base], order[#order + 1] = group, group
      end
      group.n = group.n + 1
      group.mixed = group.mixed or zone ~= group.zone
    end
  end
  for _, group in ipairs(order) do
    local zones = ctx:list(ctx:catalog(group.first).zones)
    if group.n > 1 and not group.mixed and #zones > 1 then
      ctx:report(group.first, {
        path = { "zone" },
        message = ("all %d are in the zone %s"):format(group.n, group.zone),
        hint = ("for_each over zones spreads them; there are %d"):format(#zones),
      })
    end
  end
end

local function check_primaries(ctx)
  local copied = {}
  for _, taskserv in ipairs(ctx:taskservs("postgres")) do
    for _, server in ipairs(ctx:targets(taskserv.args.primary)) do
      copied[server.address] = true
    end
  end
  for _, taskserv in ipairs(ctx:taskservs("postgres")) do
    if taskserv.args.role == "primary" and not copied[taskserv.server] then
      ctx:report(taskserv, {
        path = { "role" },
        message = "it is a primary, and no standby copies it",
        hint = "a standby: role: standby, primary: ${" .. taskserv.server .. ".ip}; or role: single",
      })
    end
  end
end

local function check_alone(ctx)
  local balancers = ctx:taskservs("haproxy")
  if #balancers ~= 1 then
    return
  end
  each_pool(ctx, balancers[1], function(servers, plain, path)
    if #servers + plain > 1 then
      ctx:report(balancers[1], {
        path = path,
        message = "all requests go through this one load balancer",
        hint = "a second one behind the same name or a floating address takes over when it stops",
      })
    end
  end)
end

return {
  {
    id = "etcd-even",
    severity = "warning",
    applies = { "taskserv.etcd" },
    summary = "An etcd cluster has an even number of members",
    doc = "A majority must be up: 4 members bear the loss of one, as 3 do, and 2 bear none.",
    bad = [[
servers:
  etcd: { count: 2, taskservs: { etcd: { members: "${server.etcd.ip}" } } }
]],
    good = [[
servers:
  etcd: { count: 3, taskservs: { etcd: { members: "${server.etcd.ip}" } } }
]],
    check = function(ctx, taskserv)
      local n = members_of(ctx, taskserv.args.members)
      if n and n > 0 and n % 2 == 0 then
        ctx:report(taskserv, {
          path = { "members" },
          message = ("%d members bear the loss of %d, as %d would"):format(n, (n - 1) // 2, n - 1),
          hint = "3, 5 or 7 members",
        })
      end
    end,
  },
  {
    id = "etcd-members",
    severity = "error",
    applies = { "taskserv.etcd" },
    instances = true,
    summary = "An etcd server is not among the members it is told",
    doc = "Installing it ends with an error.",
    bad = [[
servers:
  a: { taskservs: { etcd: { members: ["${server.b.ip}", "${server.c.ip}", "${server.d.ip}"] } } }
  b: {}
  c: {}
  d: {}
]],
    good = [[
servers:
  a: { taskservs: { etcd: { members: ["${server.a.ip}", "${server.b.ip}", "${server.c.ip}"] } } }
  b: {}
  c: {}
]],
    check = check_members,
  },
  {
    id = "backend-single",
    severity = "warning",
    applies = { "taskserv.haproxy" },
    summary = "A load balancer has one backend",
    doc = "When that server stops, all does. With one there is nothing to balance.",
    bad = [[
servers:
  web: { taskservs: { nginx: {} } }
  lb: { taskservs: { haproxy: { backends: ["${server.web.ip}"] } } }
]],
    good = [[
servers:
  web: { count: 2, taskservs: { nginx: {} } }
  lb: { taskservs: { haproxy: { backends: "${server.web.ip}" } } }
]],
    check = function(ctx, taskserv)
      each_pool(ctx, taskserv, function(servers, plain, path)
        if #servers + plain == 1 then
          ctx:report(taskserv, {
            path = path,
            message = "it has one backend: when that stops, all does",
            hint = "count: 2 on the backend's server",
            related = { servers[1] },
          })
        end
      end)
    end,
  },
  {
    id = "backend-none",
    severity = "warning",
    applies = { "taskserv.haproxy" },
    summary = "A load balancer has no backend",
    doc = "Every request gets 503.",
    bad = "servers:\n  lb: { taskservs: { haproxy: {} } }\n",
    good = "servers:\n  lb: { taskservs: { haproxy: { backends: [10.0.0.5, 10.0.0.6] } } }\n",
    check = function(ctx, taskserv)
      for _, one in ipairs(ports.of(ctx, taskserv)) do
        if ctx:list(one.record.backends)[1] == nil and one.record.backends ~= nil then
          ctx:report(taskserv, {
            path = table.move(one.path, 1, #one.path - 1, 1, {}),
            message = ("port %d has no backends"):format(one.port),
            hint = "backends: ${server.web.ip}",
          })
        end
      end
    end,
  },
  {
    id = "backend-left-out",
    severity = "warning",
    applies = { "taskserv.haproxy" },
    summary = "A load balancer leaves out instances of a counted server",
    doc = "It names some instances one by one, and the count has grown since.",
    bad = [[
servers:
  web: { count: 3, taskservs: { nginx: {} } }
  lb: { taskservs: { haproxy: { backends: ["${server.web[1].ip}", "${server.web[2].ip}"] } } }
]],
    good = [[
servers:
  web: { count: 3, taskservs: { nginx: {} } }
  lb: { taskservs: { haproxy: { backends: "${server.web.ip}" } } }
]],
    check = function(ctx, taskserv)
      each_pool(ctx, taskserv, function(servers, _, path)
        local named, bases, order = {}, {}, {}
        for _, server in ipairs(servers) do
          named[server] = true
          if server.key ~= nil and not bases[server.name] then
            bases[server.name], order[#order + 1] = true, server
          end
        end
        for _, one in ipairs(order) do
          for _, server in ipairs(ctx:instances(one)) do
            if not named[server] then
              ctx:report(taskserv, {
                path = path,
                message = server.address .. " is left out",
                hint = ("${server.%s.ip} means all of them"):format(one.name),
                related = { server },
              })
              break
            end
          end
        end
      end)
    end,
  },
  {
    id = "balancer-single",
    severity = "note",
    applies = { "infra" },
    summary = "There is one load balancer",
    doc = "Its backends may be many: when it stops, all does.",
    bad = [[
servers:
  web: { count: 2, taskservs: { nginx: {} } }
  lb: { taskservs: { haproxy: { backends: "${server.web.ip}" } } }
]],
    good = [[
servers:
  web: { count: 2, taskservs: { nginx: {} } }
  lb: { count: 2, taskservs: { haproxy: { backends: "${server.web.ip}" } } }
]],
    check = check_alone,
  },
  {
    id = "zone-single",
    severity = "note",
    applies = { "infra" },
    summary = "All instances of a server are in one zone",
    doc = "When the zone fails, all do. Looks at providers whose catalog has more than one zone.",
    bad = "servers:\n  web: { count: 3, zone: demo-1 }\n",
    good = 'servers:\n  web: { for_each: [demo-1, demo-2, demo-3], zone: "${key}" }\n',
    check = check_zones,
  },
  {
    id = "primary-alone",
    severity = "warning",
    applies = { "infra" },
    summary = "A PostgreSQL primary has no standby",
    doc = "It keeps what standbys would need, and nothing takes over when it is lost.",
    bad = [[
servers:
  db:
    taskservs:
      postgres: { role: primary, listen: "*", allow: [10.0.0.0/24], replication_password: sepia-otter-flange-41 }
]],
    good = "servers:\n  db: { taskservs: { postgres: { role: single } } }\n",
    check = check_primaries,
  },
}
