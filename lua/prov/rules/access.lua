-- Who may log in: databases, caches, pages without a login.

local range = require("prov.validate.range")

local LOCAL = { ["127.0.0.1"] = true, ["::1"] = true, ["[::1]"] = true, localhost = true }

return {
  {
    id = "database-open",
    severity = "error",
    applies = { "taskserv.postgres" },
    summary = "PostgreSQL lets the whole internet try passwords",
    doc = "`allow` names 0.0.0.0/0 or ::/0.",
    bad = 'servers:\n  db: { taskservs: { postgres: { listen: "*", allow: [0.0.0.0/0] } } }\n',
    good = 'servers:\n  db: { taskservs: { postgres: { listen: "*", allow: [10.0.0.0/24] } } }\n',
    check = function(ctx, taskserv)
      for i, cidr in ipairs(ctx:list(taskserv.args.allow)) do
        local found = range.parse(ctx:known(cidr))
        if found and found.bits == 0 then
          ctx:report(taskserv, {
            path = { "allow", i },
            message = found.text .. " may log in: that is everybody",
            hint = "name the network of its clients",
          })
        end
      end
    end,
  },
  {
    id = "database-wide",
    severity = "note",
    applies = { "taskserv.postgres" },
    summary = "PostgreSQL lets a very large network log in",
    doc = "A range of more than 65,536 addresses (a prefix below /16) is seldom that of its clients.",
    bad = 'servers:\n  db: { taskservs: { postgres: { listen: "*", allow: [10.0.0.0/8] } } }\n',
    good = 'servers:\n  db: { taskservs: { postgres: { listen: "*", allow: [10.0.0.0/24] } } }\n',
    check = function(ctx, taskserv)
      for i, cidr in ipairs(ctx:list(taskserv.args.allow)) do
        local found = range.parse(ctx:known(cidr))
        if found and #found.first == 4 and found.bits > 0 and found.bits < 16 then
          ctx:report(taskserv, {
            path = { "allow", i },
            message = ("%d addresses may log in"):format(found.size),
            hint = "name the network of its clients",
          })
        end
      end
    end,
  },
  {
    id = "database-unreachable",
    severity = "warning",
    applies = { "taskserv.postgres" },
    summary = "PostgreSQL listens to others but lets nobody in, or the other way round",
    doc = "`listen` opens the port, `allow` says who may log in; one without the other does nothing.",
    bad = 'servers:\n  db: { taskservs: { postgres: { listen: "*" } } }\n',
    good = 'servers:\n  db: { taskservs: { postgres: { listen: "*", allow: [10.0.0.0/24] } } }\n',
    check = function(ctx, taskserv)
      local args = taskserv.args
      local listen = ctx:known(args.listen)
      local own = listen ~= nil and (LOCAL[listen] or listen == "localhost")
      local allowed = ctx:list(args.allow)[1] ~= nil
      if listen and not own and not allowed then
        ctx:report(taskserv, {
          path = { "listen" },
          message = "it listens to others, but 'allow' lets nobody log in",
          hint = "allow: [10.0.0.0/24], the network of its clients",
        })
      elseif own and allowed then
        ctx:report(taskserv, {
          path = { "allow" },
          message = "'allow' lets others log in, but it listens on localhost only",
          hint = 'listen: "*"',
        })
      end
    end,
  },
  {
    id = "database-superuser",
    severity = "warning",
    applies = { "taskserv.postgres" },
    summary = "A database user may do everything",
    doc = "An application needs its database, not the server: `owns` gives it that. A superuser reads "
      .. "every file of postgres.",
    bad = [[
servers:
  db: { taskservs: { postgres: { users: { shop: { password: sepia-otter-41, superuser: true } } } } }
]],
    good = [[
servers:
  db: { taskservs: { postgres: { users: { shop: { password: sepia-otter-41, owns: [shop] } } } } }
]],
    check = function(ctx, taskserv)
      for name, user in pairs(ctx:map(taskserv.args.users)) do
        if type(user) == "table" and user.superuser == true then
          ctx:report(taskserv, {
            path = { "users", name, "superuser" },
            message = ("the user '%s' may do everything"):format(name),
            hint = "owns: [DATABASE] is enough for an application",
            fix = { { path = { "users", name, "superuser" }, value = false } },
          })
        end
      end
    end,
  },
  {
    id = "cache-open",
    severity = "error",
    applies = { "taskserv.redis" },
    summary = "Redis listens to others without a password",
    doc = "Whoever reaches the port reads and writes everything, and can often run commands on the server.",
    bad = 'servers:\n  cache: { taskservs: { redis: { bind: ["*"] } } }\n',
    good = [[
servers:
  cache: { taskservs: { redis: { bind: ["*"], password: sepia-otter-flange-41 } } }
]],
    check = function(ctx, taskserv)
      for i, address in ipairs(ctx:list(taskserv.args.bind)) do
        if not taskserv.args.password and not LOCAL[ctx:known(address) or ""] then
          ctx:report(taskserv, {
            path = { "bind", i },
            message = "it listens to others and asks for no password",
            hint = "give it a 'password'",
          })
          return
        end
      end
    end,
  },
  {
    id = "metrics-open",
    severity = "warning",
    applies = { "taskserv.prometheus" },
    summary = "Prometheus listens to others: it has no login",
    doc = "Its page and API show everything about the servers, to whoever reaches the port.",
    bad = "servers:\n  mon: { taskservs: { prometheus: { address: 0.0.0.0 } } }\n",
    good = "servers:\n  mon: { taskservs: { prometheus: {} } }\n",
    check = function(ctx, taskserv)
      local address = ctx:known(taskserv.args.address)
      if address and not LOCAL[address] then
        ctx:report(taskserv, {
          path = { "address" },
          message = "it listens to others, and asks for no login",
          hint = "leave it on 127.0.0.1 behind a proxy with a login",
        })
      end
    end,
  },
}
