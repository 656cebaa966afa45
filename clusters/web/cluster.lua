-- web: nginx servers behind a load balancer, with a PostgreSQL database.

local schema = {
  count = { type = "int", min = 1, max = 50, default = 2, doc = "web servers" },
  network = { type = "any", doc = "network to be in; one of its own when absent", example = "${network.lan}" },
  cidr = { type = "cidr", default = "10.77.20.0/24", doc = "range of its own network" },
  server = { type = "map", of = { type = "any" }, default = {},
    doc = "fields for every server (image, memory, plan, ...)" },
  ports = { type = "list", of = { type = "any" }, default = {},
    doc = "port forwards to the load balancer (provider local)" },
  index = { type = "string", doc = "front page of the web servers" },
  listen = { type = "int", min = 1, max = 65535, default = 80, doc = "port of the load balancer" },
  database = { type = "bool", default = true, doc = "with a PostgreSQL server" },
  databases = { type = "list", of = { type = "string" }, default = { "app" }, doc = "databases on it" },
  users = { type = "any", default = {}, doc = "database users, as in taskserv postgres" },
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
  local tree = { servers = {}, networks = {}, outputs = {} }
  local network = want.network
  if not network then
    tree.networks.lan = { cidr = want.cidr }
    network = "${network.lan}"
  end
  tree.servers.web = server(want, network, {
    count = want.count,
    taskservs = { nginx = { port = 80, index = want.index or ("<h1>%s ${index}</h1>\n"):format(want.name) } },
  })
  tree.servers.lb = server(want, network, {
    ports = #want.ports > 0 and want.ports or nil,
    taskservs = { haproxy = { listen = want.listen, backends = "${server.web.ip}", check = "/" } },
  })
  tree.outputs.url = ("http://${server.lb.ip}:%d/"):format(want.listen)
  if want.database then
    tree.servers.db = server(want, network, {
      taskservs = {
        postgres = {
          databases = want.databases, users = want.users, listen = "*",
          allow = not want.network and { want.cidr } or nil,
        },
      },
    })
    tree.outputs.database = ("postgres://${server.db.ip}:5432/%s"):format(want.databases[1] or "postgres")
  end
  return tree
end

---@type prov.Cluster
return {
  kind = "cluster", api = 1, name = "web",
  summary = "Web servers behind a load balancer, with a database",
  schema = schema,
  expand = expand,
}
