-- Ports: who listens where, who calls whom.

local ports = require("prov.validate.ports")

local SSH = 22

local function clash(a, b)
  return a.address == nil or b.address == nil or a.address == b.address
end

local function check_conflict(ctx, server)
  local services, by_port = ctx:services(server), {}
  for _, taskserv in ipairs(services[2] and services or {}) do
    for _, one in ipairs(ports.of(ctx, taskserv)) do
      local before = by_port[one.port]
      if not before then
        by_port[one.port] = { taskserv = taskserv, one = one }
      elseif before.taskserv ~= taskserv and clash(before.one, one) then
        ctx:report(taskserv, {
          path = one.path,
          message = ("port %d is also that of %s on this server"):format(one.port, before.taskserv.name),
          hint = "give one of the two another port",
          related = { before.taskserv },
          related_path = before.one.path,
        })
      end
    end
  end
end

local function check_host_ports(ctx)
  local seen = {}
  for _, server in ipairs(ctx:having("server", "ports")) do
    for i, one in ipairs(ctx:list(server.args.ports)) do
      local host = ctx:known(ctx:map(one).host)
      local key = ("%s %s"):format(server.provider, host)
      local before = host and seen[key]
      if before then
        ctx:report(server, {
          path = { "ports", i, "host" },
          message = ("port %d of the host already leads to %s"):format(host, before.address),
          hint = "give each server a port of its own; with count, make it depend on ${index}",
          related = { before },
          related_path = { "ports" },
        })
      end
      seen[key] = before or server
    end
  end
end

return {
  {
    id = "port-conflict",
    severity = "error",
    applies = { "host" },
    instances = true,
    summary = "Two services of a server listen on the same port",
    doc = "The second one does not start.",
    bad = [[
servers:
  web:
    taskservs:
      nginx: { port: 80 }
      haproxy: { listen: 80 }
]],
    good = [[
servers:
  web:
    taskservs:
      nginx: { port: 8080 }
      haproxy: { listen: 80 }
]],
    check = check_conflict,
  },
  {
    id = "port-ssh",
    severity = "error",
    applies = { "taskserv" },
    summary = "A service wants the port of SSH",
    doc = "Port 22 is where prov itself reaches the server: the service does not start, or locks prov out.",
    bad = "servers:\n  lb: { taskservs: { haproxy: { listen: 22 } } }\n",
    good = "servers:\n  lb: { taskservs: { haproxy: { listen: 2222 } } }\n",
    check = function(ctx, taskserv)
      for _, one in ipairs(ports.of(ctx, taskserv)) do
        if one.port == SSH then
          ctx:report(taskserv, { path = one.path, message = "port 22 is that of SSH", hint = "take another port" })
        end
      end
    end,
  },
  {
    id = "host-port-conflict",
    severity = "error",
    applies = { "infra" },
    summary = "Two servers publish the same port of the host",
    doc = "A port of this machine leads to one server only; instances of a count publish the same ones.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", ports: [{ host: 8080, guest: 80 }] }
  api: { network: "${network.lan}", ports: [{ host: 8080, guest: 80 }] }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web: { network: "${network.lan}", ports: [{ host: 8080, guest: 80 }] }
  api: { network: "${network.lan}", ports: [{ host: 8081, guest: 80 }] }
]],
    check = check_host_ports,
  },
  {
    id = "port-unserved",
    severity = "warning",
    applies = { "host" },
    summary = "A published port leads to a port on which nothing listens",
    doc = "Looks at servers that have services; what else runs on a server is not known.",
    bad = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web:
    network: ${network.lan}
    ports: [{ host: 8080, guest: 80 }]
    taskservs: { nginx: { port: 8000 } }
]],
    good = [[
defaults: { provider: local }
networks:
  lan: {}
servers:
  web:
    network: ${network.lan}
    ports: [{ host: 8080, guest: 8000 }]
    taskservs: { nginx: { port: 8000 } }
]],
    about = function(ctx, server)
      return ctx:schema(server).ports
    end,
    check = function(ctx, server)
      for i, one in ipairs(ctx:list(server.args.ports)) do
        local guest = ctx:known(ctx:map(one).guest)
        if guest and guest ~= SSH and ports.serves(ctx, server, guest) == false then
          ctx:report(server, {
            path = { "ports", i, "guest" },
            message = ("nothing on this server listens on port %d"):format(guest),
            hint = "its services listen on " .. ports.listing(ctx, server),
          })
        end
      end
    end,
  },
  {
    id = "backend-port",
    severity = "error",
    applies = { "taskserv.haproxy", "taskserv.nginx" },
    summary = "A load balancer calls a port on which its backend does not listen",
    doc = "Every check of the backend fails, and requests get 502 or 503. Looks at backends that have services.",
    bad = [[
servers:
  web: { taskservs: { nginx: { port: 8080 } } }
  lb: { taskservs: { haproxy: { backends: ["${server.web.ip}"], backend_port: 80 } } }
]],
    good = [[
servers:
  web: { taskservs: { nginx: { port: 8080 } } }
  lb: { taskservs: { haproxy: { backends: ["${server.web.ip}"], backend_port: 8080 } } }
]],
    check = function(ctx, taskserv)
      local told = {} -- of a counted server one instance is enough
      ports.peers(ctx, taskserv, function(server, port, path)
        local key = ctx.path_text(path) .. " " .. server.name
        if ports.serves(ctx, server, port) == false and not told[key] then
          told[key] = true
          ctx:report(taskserv, {
            path = path,
            message = ("%s does not listen on port %d"):format(server.address, port),
            hint = "its services listen on " .. ports.listing(ctx, server),
            related = { server },
          })
        end
      end)
    end,
  },
  {
    id = "metrics-port",
    severity = "warning",
    applies = { "taskserv.prometheus" },
    summary = "Prometheus collects from a server that has no exporter there",
    doc = "The target is down for ever. node-exporter listens on 9100.",
    bad = [[
servers:
  db: { taskservs: { postgres: {} } }
  mon: { taskservs: { prometheus: { targets: ["${server.db.ip}"] } } }
]],
    good = [[
servers:
  db: { taskservs: { postgres: {}, node-exporter: {} } }
  mon: { taskservs: { prometheus: { targets: ["${server.db.ip}"] } } }
]],
    check = function(ctx, taskserv)
      local told = {}
      ports.peers(ctx, taskserv, function(server, port, path)
        local key = ctx.path_text(path) .. " " .. server.name
        if ports.serves(ctx, server, port) == false and not told[key] then
          told[key] = true
          ctx:report(taskserv, {
            path = path,
            message = ("nothing on %s listens on port %d"):format(server.address, port),
            hint = "put the taskserv node-exporter on it",
            related = { server },
          })
        end
      end)
    end,
  },
}
