-- The same thirty servers on any cloud: only the next line is to be changed.
local cloud = "hetzner" -- or "upcloud", "aws"

-- What clouds call sizes and places is their own.
local CLOUDS = {
  hetzner = { small = "cpx22", big = "cpx32", zone = "nbg1" },
  upcloud = { small = "1xCPU-2GB", big = "2xCPU-4GB", zone = "de-fra1" },
  aws = { small = "t3.small", big = "t3.medium", zone = "eu-north-1a", region = "eu-north-1" },
}
local here = CLOUDS[cloud]

local function tier(name, plan, more)
  local server = {
    plan = plan,
    image = "debian-12",
    network = network.lan,
    keys = { ssh_key.ops },
    labels = { tier = name },
  }
  for field, value in pairs(more) do
    server[field] = value
  end
  return server
end

local function open(servers, ports, sources)
  return { servers = servers, rules = { { ports = ports, sources = sources } } }
end

local INSIDE = { "10.20.0.0/24" }

local servers = {
  web = tier("web", here.small, { count = 12 }),
  app = tier("app", here.small, { count = 9 }),
  db = tier("db", here.big, { count = 6, placement_group = placement_group.apart }),
  lab = tier("lab", here.small, { count = 3, network = network.lab }),
}
local volumes = {}
for i = 1, 6 do
  volumes["data" .. i] = { size = "20 GiB", server = server.db[i], labels = { tier = "db" } }
end
local targets = {}
for i = 1, 12 do
  targets[i] = { server = server.web[i] }
end

return {
  defaults = { provider = cloud, zone = here.zone },
  providers = { [cloud] = { region = here.region } },
  networks = {
    lan = { cidr = "10.20.0.0/24" },
    lab = { cidr = "10.21.0.0/24" },
  },
  ssh_keys = {
    ops = { public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDVtQNzs7DLOoXHjtgm3Yr4aZFPDLCSlVpBFvNwUr7E ops" },
  },
  placement_groups = { apart = {} },
  servers = servers,
  volumes = volumes,
  firewalls = {
    web = open(server.web, { 80, 443 }, { "0.0.0.0/0" }),
    app = open(server.app, { "8000-8010" }, INSIDE),
    db = open(server.db, { 5432 }, INSIDE),
    lab = open(server.lab, { 22 }, { "192.0.2.0/24" }),
  },
  load_balancers = {
    front = {
      network = network.lan,
      services = { { protocol = "tcp", listen = 80, port = 8080 } },
      targets = targets,
    },
  },
}
