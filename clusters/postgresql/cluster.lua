-- postgresql: a primary and standbys that stream from it.

local schema = {
  standbys = { type = "int", min = 1, max = 10, default = 2, doc = "servers that copy the primary" },
  network = { type = "any", doc = "network to be in; one of its own when absent", example = "${network.lan}" },
  cidr = { type = "cidr", default = "10.77.30.0/24", doc = "range the servers are in; that of its own network" },
  server = { type = "map", of = { type = "any" }, default = {},
    doc = "fields for every server (image, memory, plan, ...)" },
  databases = { type = "list", of = { type = "string" }, default = {}, doc = "databases on the primary" },
  users = { type = "any", default = {}, doc = "users, as in taskserv postgres" },
  replication_password = { type = "secret", required = true, doc = "what standbys log in with" },
  settings = { type = "map", of = { type = "string" }, default = {},
    doc = "settings of postgresql.conf, on all servers" },
}

local function server(want, network, fields)
  local out = { network = network }
  for key, v in pairs(want.server) do
    out[key] = v
  end
  for key, v in pairs(fields) do
    out[key] = v
  end
  return out
end

local function expand(want)
  local tree = { servers = {}, networks = {} }
  local network = want.network
  if not network then
    tree.networks.lan = { cidr = want.cidr }
    network = "${network.lan}"
  end
  tree.servers.primary = server(want, network, {
    taskservs = {
      postgres = {
        role = "primary", listen = "*", allow = { want.cidr }, databases = want.databases, users = want.users,
        settings = want.settings, replication_password = want.replication_password,
      },
    },
  })
  tree.servers.standby = server(want, network, {
    count = want.standbys,
    taskservs = {
      postgres = {
        role = "standby", listen = "*", allow = { want.cidr }, primary = "${server.primary.private_ip}",
        settings = want.settings, replication_password = want.replication_password,
        -- The primary must be there to be copied, not only its server.
        needs = { ("taskserv.postgres@server.%s-primary"):format(want.name) },
      },
    },
  })
  tree.outputs = {
    primary = "postgres://${server.primary.ip}:5432/",
    standbys = "${server.standby.ip}",
  }
  return tree
end

---@type prov.Cluster
return {
  kind = "cluster", api = 1, name = "postgresql",
  summary = "A PostgreSQL primary and standbys that stream from it",
  schema = schema,
  expand = expand,
}
