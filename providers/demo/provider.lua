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
        network = { type = "string", doc = "Network it is on" },
        labels = { type = "map", of = { type = "string" }, default = {}, doc = "Labels" },
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
        server = { type = "string", doc = "Server it is attached to" },
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
}
