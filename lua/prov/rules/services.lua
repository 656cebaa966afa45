-- Services as their recipes need them: platforms, versions, copies, sites.

local platform = require("prov.host.platform")

-- What the distributions have; the taskserv postgres installs no other.
local POSTGRES = {
  debian = { ["12"] = 15, ["13"] = 17 },
  ubuntu = { ["22.04"] = 14, ["24.04"] = 16 },
}
local OLDEST_POSTGRES = 14

--- The system an image holds by its name: "debian-12", "ubuntu-22.04-python".
local function system_of(ctx, taskserv)
  local image = tostring(ctx:known(ctx:server(taskserv).args.image) or "")
  local system = ctx:once("image " .. image, function()
    local id, version = image:match("^(%l+)%-([%d.]+)")
    return id and { id = id, version = version, like = {} } or false
  end)
  return system, image
end

--- Why a service does not run on a system, or false; asked once for each pair.
local function refusal(ctx, taskserv, system)
  local known = ctx:once(system, function()
    return {}
  end)
  local e = known[taskserv.name]
  if e == nil then
    e = platform.refusal(ctx:declaration(taskserv), system) or false
    known[taskserv.name] = e
  end
  return e
end

local function on(ctx, server, name)
  for _, taskserv in ipairs(ctx:services(server)) do
    if taskserv.name == name then
      return taskserv
    end
  end
end

local function check_incomplete(ctx, taskserv)
  local args = taskserv.args
  if args.role == "single" then
    return
  elseif args.role == "standby" and args.primary == nil then
    ctx:report(taskserv, {
      path = { "role" },
      message = "a standby needs the address of its primary",
      hint = "primary: ${server.db.ip}",
    })
  end
  if args.replication_password == nil then
    ctx:report(taskserv, {
      path = { "role" },
      message = ("a %s needs the password for replication"):format(args.role),
      hint = "replication_password, the same on the primary and its standbys",
    })
  end
end

local function check_refused(ctx, standby)
  for _, server in ipairs(ctx:targets(standby.args.primary)) do
    local primary = on(ctx, server, "postgres")
    if primary and standby.args.role == "standby" then
      local listen = ctx:known(primary.args.listen)
      local why, path
      if primary.args.role ~= "primary" then
        why, path = ("postgres on %s has the role %s"):format(server.address, primary.args.role), { "role" }
      elseif listen == "localhost" or listen == "127.0.0.1" then
        why, path = ("the primary on %s listens on localhost only"):format(server.address), { "listen" }
      elseif ctx:list(primary.args.allow)[1] == nil then
        why, path = ("the primary on %s lets nobody log in"):format(server.address), { "allow" }
      end
      if why then
        ctx:report(standby, {
          path = { "primary" },
          message = why .. ": this standby cannot copy it",
          hint = 'on the primary: role: primary, listen: "*", allow: [the standby\'s network]',
          related = { primary },
          related_path = path,
        })
      end
    end
  end
end

-- A copy, the field that names what it copies, and the field with the password of both.
local COPIES = { { "postgres", "primary", "replication_password" }, { "redis", "replica_of", "password" } }

local function each_copy(ctx, fn)
  for _, spec in ipairs(COPIES) do
    for _, copy in ipairs(ctx:taskservs(spec[1])) do
      for _, server in ipairs(ctx:targets(copy.args[spec[2]])) do
        if server.kind == "server" then
          fn(copy, server, on(ctx, server, spec[1]), spec)
        end
      end
    end
  end
end

local function check_duplicate_sites(ctx, taskserv)
  local seen = {}
  local sites = ctx:map(taskserv.args.sites)
  if next(sites) == nil then
    return
  end
  local names = {}
  for name in pairs(sites) do
    names[#names + 1] = name
  end
  table.sort(names)
  local function look(name, site, path)
    local key = ("%s on port %s"):format(ctx:known(site.server_name), ctx:known(site.port))
    if seen[key] then
      ctx:report(taskserv, {
        path = path,
        message = ("site '%s' answers for %s, as site '%s' does"):format(name, key, seen[key]),
        hint = "give each site a server_name or a port of its own",
      })
    end
    seen[key] = seen[key] or name
  end
  if not sites.default then
    look("default", taskserv.args, {})
  end
  for _, name in ipairs(names) do
    look(name, ctx:map(sites[name]), { "sites", name })
  end
end

local function check_frontends(ctx, taskserv)
  local seen, names = {}, {}
  local frontends = ctx:map(taskserv.args.frontends)
  for name in pairs(frontends) do
    names[#names + 1] = name
  end
  table.sort(names)
  local function look(name, one, path)
    local key = ("%s:%s"):format(ctx:known(one.address), ctx:known(one.listen))
    if seen[key] then
      ctx:report(taskserv, {
        path = path,
        message = ("frontend '%s' listens on %s, as '%s' does"):format(name, key, seen[key]),
        hint = "give each frontend a port of its own",
      })
    end
    seen[key] = seen[key] or name
  end
  if not frontends.main and (ctx:list(taskserv.args.backends)[1] ~= nil or #names == 0) then
    look("main", taskserv.args, { "listen" })
  end
  for _, name in ipairs(names) do
    look(name, ctx:map(frontends[name]), { "frontends", name, "listen" })
  end
  if taskserv.args.stats_port and seen["*:" .. taskserv.args.stats_port] then
    ctx:report(taskserv, {
      path = { "stats_port" },
      message = ("port %d is that of a frontend"):format(taskserv.args.stats_port),
      hint = "give the statistics another port",
    })
  end
end

local function each_site(ctx, taskserv, fn)
  fn(taskserv.args, {})
  for name, site in pairs(ctx:map(taskserv.args.sites)) do
    fn(ctx:map(site), { "sites", name })
  end
end

local function check_unwatched(ctx)
  local watched = {}
  local collectors = ctx:taskservs("prometheus")
  for _, taskserv in ipairs(collectors) do
    for _, server in ipairs(ctx:targets(taskserv.args)) do
      watched[server.address] = true
    end
    watched[taskserv.server] = true -- its own it may reach at 127.0.0.1
  end
  for _, exporter in ipairs(collectors[1] and ctx:taskservs("node-exporter") or {}) do
    if not watched[exporter.server] then
      ctx:report(exporter, {
        message = "no prometheus of this infra collects from it",
        hint = ("add ${%s.ip} to the targets of prometheus"):format(exporter.server),
        related = { collectors[1] },
      })
    end
  end
end

local PRIMARY = [[
servers:
  db:
    taskservs:
      postgres: { role: primary, listen: "*", allow: [10.0.0.0/24], replication_password: sepia-otter-flange-41 }
  copy:
    taskservs:
      postgres: { role: standby, primary: "${server.db.ip}", replication_password: sepia-otter-flange-41 }
]]

return {
  {
    id = "platform-unsupported",
    severity = "error",
    applies = { "taskserv" },
    summary = "A service does not run on the system of its server",
    doc = "Compares `platforms` of the service with the image of the server, where its name says what it holds.",
    bad = "servers:\n  node: { image: ubuntu-22.04, taskservs: { etcd: {} } }\n",
    good = "servers:\n  node: { image: ubuntu-24.04, taskservs: { etcd: {} } }\n",
    check = function(ctx, taskserv)
      local system = system_of(ctx, taskserv)
      local e = system and refusal(ctx, taskserv, system)
      if e and e.code == "unsupported" then
        ctx:report(taskserv, {
          message = e.msg,
          hint = "another image for the server",
          related = { ctx:server(taskserv) },
          related_path = { "image" },
        })
      end
    end,
  },
  {
    id = "postgres-version",
    severity = "error",
    applies = { "taskserv.postgres" },
    summary = "A version of PostgreSQL that the system of the server does not have",
    doc = "The packages are the distribution's: Debian 12 has 15, Debian 13 has 17, Ubuntu 22.04 has 14, "
      .. "24.04 has 16.",
    bad = "servers:\n  db: { image: debian-12, taskservs: { postgres: { version: 16 } } }\n",
    good = "servers:\n  db: { image: debian-12, taskservs: { postgres: { version: 15 } } }\n",
    check = function(ctx, taskserv)
      local system, image = system_of(ctx, taskserv)
      local has = system and (POSTGRES[system.id] or {})[system.version]
      local wanted = ctx:known(taskserv.args.version)
      if has and wanted and wanted ~= has then
        ctx:report(taskserv, {
          path = { "version" },
          message = ("%s has PostgreSQL %d, not %d"):format(image, has, wanted),
          hint = ("version: %d, or another image"):format(has),
          related = { ctx:server(taskserv) },
          related_path = { "image" },
        })
      end
    end,
  },
  {
    id = "postgres-old",
    severity = "warning",
    applies = { "taskserv.postgres" },
    summary = "A version of PostgreSQL that gets no more fixes",
    doc = "A major version is maintained for five years; 13 ended in November 2025.",
    bad = "servers:\n  db: { image: debian-11, taskservs: { postgres: { version: 13 } } }\n",
    good = "servers:\n  db: { image: debian-12, taskservs: { postgres: { version: 15 } } }\n",
    check = function(ctx, taskserv)
      local version = ctx:known(taskserv.args.version)
      if version and version < OLDEST_POSTGRES then
        ctx:report(taskserv, {
          path = { "version" },
          message = ("PostgreSQL %d is no longer maintained"):format(version),
          hint = "a newer image brings a newer one; dump and restore, or pg_upgrade",
        })
      end
    end,
  },
  {
    id = "postgres-unpinned",
    severity = "note",
    applies = { "taskserv.postgres" },
    summary = "The version of PostgreSQL is that of the image",
    doc = "Another image brings another major version, which does not read the files of the one before.",
    bad = "servers:\n  db: { taskservs: { postgres: {} } }\n",
    good = "servers:\n  db: { taskservs: { postgres: { version: 15 } } }\n",
    check = function(ctx, taskserv)
      local system = system_of(ctx, taskserv)
      local has = system and (POSTGRES[system.id] or {})[system.version]
      if taskserv.args.version == nil then
        ctx:report(taskserv, {
          message = "its version follows the image",
          hint = has and ("version: %d pins it"):format(has) or "set version",
          fix = has and { { path = { "version" }, value = has } },
        })
      end
    end,
  },
  {
    id = "init-services",
    severity = "error",
    applies = { "host" },
    instances = true,
    summary = "Services on a server whose first process starts none",
    doc = "`init: sshd` of the provider local runs SSH alone: installing a service there fails.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", init: sshd, taskservs: { nginx: {} } }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", taskservs: { nginx: {} } }
]],
    check = function(ctx, server)
      if server.args.init == "sshd" and ctx:services(server)[1] then
        ctx:report(server, {
          path = { "init" },
          message = "sshd as first process starts no services",
          hint = "init: systemd",
          fix = { { path = { "init" }, value = "systemd" } },
        })
      end
    end,
  },
  {
    id = "nesting-missing",
    severity = "error",
    applies = { "taskserv.containerd" },
    summary = "containerd on a local server that allows no containers inside",
    doc = "Servers of the provider local need `nesting: true` for it.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  node: { network: "${network.lan}", taskservs: { containerd: {} } }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  node: { network: "${network.lan}", nesting: true, taskservs: { containerd: {} } }
]],
    check = function(ctx, taskserv)
      local server = ctx:server(taskserv)
      if server.args.nesting == false then
        ctx:report(server, {
          message = "containerd does not run here without nesting",
          hint = "nesting: true",
          fix = { { path = { "nesting" }, value = true } },
          related = { taskserv },
        })
      end
    end,
  },
  {
    id = "nesting-unused",
    severity = "note",
    applies = { "host" },
    instances = true,
    summary = "A local server allows containers inside, and runs none",
    doc = "`nesting: true` gives the server more of the machine than it needs.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", nesting: true, taskservs: { nginx: {} } }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", taskservs: { nginx: {} } }
]],
    check = function(ctx, server)
      if server.args.nesting == true and ctx:services(server)[1] and not on(ctx, server, "containerd") then
        ctx:report(server, {
          path = { "nesting" },
          message = "no service here needs nesting",
          hint = "nesting: false",
          fix = { { path = { "nesting" }, value = false } },
        })
      end
    end,
  },
  {
    id = "replication-incomplete",
    severity = "error",
    applies = { "taskserv.postgres" },
    summary = "A PostgreSQL primary or standby lacks what it needs",
    doc = "Both need `replication_password`, a standby also `primary`: installing it fails.",
    bad = [[
servers:
  copy: { taskservs: { postgres: { role: standby, replication_password: sepia-otter-flange-41 } } }
]],
    good = PRIMARY,
    check = check_incomplete,
  },
  {
    id = "replication-refused",
    severity = "error",
    applies = { "taskserv.postgres" },
    summary = "A PostgreSQL primary does not let its standby in",
    doc = "It has another role, listens on localhost only, or `allow` is empty: the first copy fails.",
    bad = PRIMARY:gsub(', listen: "%*", allow: %[10.0.0.0/24%]', ""),
    good = PRIMARY,
    check = check_refused,
  },
  {
    id = "replication-password",
    severity = "error",
    applies = { "infra" },
    summary = "A copy and what it copies have different passwords",
    doc = "PostgreSQL: replication_password; Redis: password. The copy cannot log in.",
    bad = PRIMARY:gsub("flange%-41 }\n$", "flange-42 }\n"),
    good = PRIMARY,
    check = function(ctx)
      each_copy(ctx, function(copy, _, original, spec)
        local field = spec[3]
        local own, other = ctx:known(copy.args[field]), original and ctx:known(original.args[field])
        if original and own ~= other and (other ~= nil or original.args[field] == nil) then
          ctx:report(copy, {
            path = own ~= nil and { field } or { spec[2] },
            message = ("not the %s of %s, which it copies"):format(field, original.address),
            hint = "the same on both",
            related = { original },
            related_path = { field },
          })
        end
      end)
    end,
  },
  {
    id = "copy-of-nothing",
    severity = "error",
    applies = { "infra" },
    summary = "A copy refers to a server that has no such service",
    doc = "A Redis replica of a server without Redis, a PostgreSQL standby of one without PostgreSQL.",
    bad = [[
servers:
  a: { taskservs: { nginx: {} } }
  b: { taskservs: { redis: { replica_of: "${server.a.ip}" } } }
]],
    good = [[
servers:
  a: { taskservs: { redis: {} } }
  b: { taskservs: { redis: { replica_of: "${server.a.ip}" } } }
]],
    check = function(ctx)
      each_copy(ctx, function(copy, server, original, spec)
        if not original or server.address == copy.server then
          ctx:report(copy, {
            path = { spec[2] },
            message = original and "it would copy itself" or ("there is no %s on %s"):format(spec[1], server.address),
            hint = "refer to the server of the original",
            related = { server },
          })
        end
      end)
    end,
  },
  {
    id = "site-duplicate",
    severity = "error",
    applies = { "taskserv.nginx" },
    summary = "Two sites of nginx answer for the same name and port",
    doc = "nginx takes the first and only warns of the other, which never answers.",
    bad = [[
servers:
  web: { taskservs: { nginx: { sites: { a: { server_name: a.org }, b: { server_name: a.org } } } } }
]],
    good = [[
servers:
  web: { taskservs: { nginx: { sites: { a: { server_name: a.org }, b: { server_name: b.org } } } } }
]],
    check = check_duplicate_sites,
  },
  {
    id = "site-index-unused",
    severity = "warning",
    applies = { "taskserv.nginx" },
    summary = "A site of nginx has a front page and upstreams",
    doc = "With upstreams every request is passed on; index and root are never served.",
    bad = [[
servers:
  web: { taskservs: { nginx: { index: hello, upstreams: [10.0.0.5, 10.0.0.6] } } }
]],
    good = "servers:\n  web: { taskservs: { nginx: { upstreams: [10.0.0.5, 10.0.0.6] } } }\n",
    check = function(ctx, taskserv)
      each_site(ctx, taskserv, function(site, path)
        local field = site.index ~= nil and "index" or site.root ~= nil and "root"
        if field and ctx:list(site.upstreams)[1] ~= nil then
          path[#path + 1] = field
          ctx:report(taskserv, {
            path = path,
            message = field .. " is never served: there are upstreams",
            hint = "take one of the two out",
          })
        end
      end)
    end,
  },
  {
    id = "frontend-duplicate",
    severity = "error",
    applies = { "taskserv.haproxy" },
    summary = "Two frontends of haproxy listen on the same port",
    doc = "haproxy does not start, or gives requests to either.",
    bad = [[
servers:
  lb:
    taskservs:
      haproxy:
        frontends:
          a: { listen: 80, backends: [10.0.0.5, 10.0.0.6] }
          b: { listen: 80, backends: [10.0.0.7, 10.0.0.8] }
]],
    good = [[
servers:
  lb:
    taskservs:
      haproxy:
        frontends:
          a: { listen: 80, backends: [10.0.0.5, 10.0.0.6] }
          b: { listen: 81, backends: [10.0.0.7, 10.0.0.8] }
]],
    check = check_frontends,
  },
  {
    id = "backend-unchecked",
    severity = "note",
    applies = { "taskserv.haproxy" },
    summary = "A load balancer checks only that a port opens",
    doc = "A backend that answers 500 to everything is kept. `check: /health` asks for a page.",
    bad = "servers:\n  lb: { taskservs: { haproxy: { backends: [10.0.0.5, 10.0.0.6] } } }\n",
    good = [[
servers:
  lb: { taskservs: { haproxy: { backends: [10.0.0.5, 10.0.0.6], check: / } } }
]],
    check = function(ctx, taskserv)
      local function look(one, path)
        if one.mode == "http" and one.check == nil and ctx:list(one.backends)[1] ~= nil then
          ctx:report(taskserv, {
            path = path,
            message = "backends count as up when their port opens",
            hint = "check: /, a path that must answer",
          })
        end
      end
      look(taskserv.args, {})
      for name, one in pairs(ctx:map(taskserv.args.frontends)) do
        look(ctx:map(one), { "frontends", name })
      end
    end,
  },
  {
    id = "metrics-retention",
    severity = "note",
    applies = { "taskserv.prometheus" },
    summary = "Metrics are kept for a short time",
    doc = "Less than a week shows no weekly pattern, and is gone before an incident is looked into.",
    bad = "servers:\n  mon: { taskservs: { prometheus: { retention: 2d } } }\n",
    good = "servers:\n  mon: { taskservs: { prometheus: { retention: 15d } } }\n",
    check = function(ctx, taskserv)
      local number, unit = tostring(ctx:known(taskserv.args.retention) or ""):match("^(%d+)([dwyh])$")
      local days = number and tonumber(number) * ({ h = 1 / 24, d = 1, w = 7, y = 365 })[unit]
      if days and days < 7 then
        ctx:report(taskserv, {
          path = { "retention" },
          message = ("metrics are gone after %s"):format(taskserv.args.retention),
          hint = "retention: 15d is the default",
          fix = { { path = { "retention" }, value = "15d" } },
        })
      end
    end,
  },
  {
    id = "metrics-uncollected",
    severity = "note",
    applies = { "infra" },
    summary = "An exporter from which no Prometheus collects",
    doc = "Looks at an infra that has a prometheus: a server was added and its targets were not.",
    bad = [[
servers:
  a: { taskservs: { node-exporter: {} } }
  b: { taskservs: { node-exporter: {} } }
  mon: { taskservs: { prometheus: { targets: ["${server.a.ip}"] } } }
]],
    good = [[
servers:
  a: { taskservs: { node-exporter: {} } }
  mon: { taskservs: { prometheus: { targets: ["${server.a.ip}"] } } }
]],
    check = check_unwatched,
  },
}
