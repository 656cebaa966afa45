---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "demo",
  summary = "Make-believe resources, for tutorials, tests and benchmarks",
  config = {
    zone = { type = "string", default = "demo-1", doc = "Zone given to servers that name none" },
    delay = { type = "duration", default = 0, doc = "Time every create, update and delete takes" },
    fail = { type = "string", doc = "Name of a resource whose create fails, to see how prov behaves" },
    world = {
      type = "path",
      doc = "Folder that is the simulated cloud: a file for each resource, and one in calls/ for each create and "
        .. "delete; without it the world is what prov recorded",
    },
  },
  limits = { concurrency = 1000 },
  resources = {
    server = {
      body = "world",
      schema = {
        plan = { type = "string", default = "1xCPU-1GB", doc = "Size" },
        zone = { type = "string", default = "demo-1", replace = true, doc = "Where it stands" },
        image = { type = "string", default = "debian-12", replace = true, doc = "What it starts from" },
        network = { type = "ref", doc = "Network it is on" },
        labels = { type = "map", of = { type = "string" }, default = {}, doc = "Labels" },
        public = { type = "bool", doc = "Has an address on the internet, not only in its network" },
      },
      outputs = { id = { type = "string" }, ip = { type = "ip" } },
    },
    network = {
      body = "world",
      schema = {
        cidr = { type = "cidr", default = "10.0.0.0/24", replace = true, doc = "Address range" },
      },
      outputs = { id = { type = "string" } },
    },
    volume = {
      body = "world",
      schema = {
        size = { type = "size", default = "10 GiB", doc = "Capacity" },
        server = { type = "ref", doc = "Server it is attached to" },
      },
      outputs = { id = { type = "string" } },
    },
    firewall = {
      body = "world",
      schema = {
        servers = { type = "list", of = { type = "ref" }, default = {}, doc = "Servers it protects" },
        rules = {
          type = "list",
          of = {
            type = "record",
            fields = {
              ports = {
                type = "list",
                of = {
                  type = "union",
                  of = { { type = "port" }, { type = "string", regex = "[0-9]{1,5}-[0-9]{1,5}" } },
                },
                required = true,
                doc = "Ports and ranges of ports that are let in",
              },
              sources = {
                type = "list", of = { type = "cidr" }, default = { "0.0.0.0/0", "::/0" }, doc = "From where",
              },
            },
          },
          default = {},
          doc = "What may come in; nothing else does",
          example = "- { ports = { 443 } }",
        },
      },
      outputs = { id = { type = "string" } },
    },
    item = {
      body = "world",
      schema = {
        value = { type = "any", doc = "Anything; changing it updates the item" },
        triggers = { type = "any", replace = true, doc = "Anything; changing it replaces the item" },
      },
      outputs = { id = { type = "string" } },
    },
  },
  catalog = {
    currency = "EUR",
    plans = {
      { id = "1xCPU-1GB", name = "1xCPU-1GB", cpus = 1, memory = "1 GiB", price = 4 },
      { id = "1xCPU-2GB", name = "1xCPU-2GB", cpus = 1, memory = "2 GiB", price = 7 },
      { id = "2xCPU-4GB", name = "2xCPU-4GB", cpus = 2, memory = "4 GiB", price = 14 },
      { id = "4xCPU-8GB", name = "4xCPU-8GB", cpus = 4, memory = "8 GiB", price = 28 },
      { id = "8xCPU-16GB", name = "8xCPU-16GB", cpus = 8, memory = "16 GiB", price = 56 },
    },
    zones = {
      { id = "demo-1", name = "demo-1", city = "Here" },
      { id = "demo-2", name = "demo-2", city = "There" },
      { id = "demo-3", name = "demo-3", city = "Elsewhere" },
    },
    images = {
      { id = "debian-11", name = "debian-11", family = "debian", version = 11, deprecated = "no longer maintained",
        replaced_by = "debian-12" },
      { id = "debian-12", name = "debian-12", family = "debian", version = 12 },
      { id = "debian-13", name = "debian-13", family = "debian", version = 13 },
      { id = "ubuntu-22.04", name = "ubuntu-22.04", family = "ubuntu", version = 22.04 },
      { id = "ubuntu-24.04", name = "ubuntu-24.04", family = "ubuntu", version = 24.04 },
      { id = "alpine-3.20", name = "alpine-3.20", family = "alpine", version = 3.2 },
    },
    prices = { volume = { per_gib = 0.1 } },
  },
}
