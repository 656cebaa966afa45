--- One vocabulary over the clouds (docs/decisions/0061-clouds.md): a field that has a common name has one type and one
--- unit everywhere, so that a workspace moves by changing one line. A cloud need not have all of them.

local field_of = require("prov.contract.field")

local CLOUDS = { "hetzner", "upcloud", "aws", "demo" }

--- The common fields, and what they take.
local FIELDS = {
  server = {
    name = "string", plan = "string", zone = "string", image = "string", network = "ref", private_ip = "ip",
    networks = "list of record", keys = "list of ref", user_data = "string", labels = "map of string",
    public = "bool", ipv6 = "bool", firewalls = "list of ref", placement_group = "ref", address = "ref",
    disk = "size", backups = "bool", protected = "bool", ptr = "hostname",
  },
  network = {
    name = "string", cidr = "cidr", zone = "string", labels = "map of string", protected = "bool",
    routes = "list of record", subnet = "bool",
  },
  subnet = { name = "string", network = "ref", cidr = "cidr", zone = "string", labels = "map of string" },
  router = { name = "string", network = "ref", routes = "list of record", labels = "map of string" },
  volume = {
    name = "string", size = "size", zone = "string", type = "string", server = "ref", snapshot = "ref",
    encrypted = "bool", labels = "map of string", protected = "bool",
  },
  firewall = {
    name = "string", network = "ref", servers = "list of ref", rules = "list of record", labels = "map of string",
  },
  address = {
    name = "string", zone = "string", server = "ref", family = "enum", ptr = "hostname", labels = "map of string",
    protected = "bool",
  },
  ssh_key = { name = "string", public_key = "string", labels = "map of string" },
  load_balancer = {
    name = "string", plan = "string", zone = "string", network = "ref", public = "bool",
    services = "list of record", targets = "list of record", algorithm = "enum", labels = "map of string",
    protected = "bool",
  },
  placement_group = { name = "string", strategy = "enum", labels = "map of string" },
  image = { name = "string", server = "ref", labels = "map of string", protected = "bool" },
  snapshot = { name = "string", volume = "ref", labels = "map of string" },
  dns_zone = { name = "hostname", ttl = "duration", labels = "map of string", protected = "bool" },
  dns_record = {
    zone = "ref", name = "string", type = "enum", values = "list of string", ttl = "duration",
    labels = "map of string", protected = "bool",
  },
  bucket = { name = "string", zone = "string", labels = "map of string" },
  item = {}, -- of demo only
}

local OUTPUTS = {
  server = { id = "string", ip = "ip", ip6 = "ip", status = "string", ssh = "map of any" },
  network = { id = "string", gateway = "ip" },
  subnet = { id = "string", gateway = "ip" },
  volume = { id = "string", device = "path" },
  address = { id = "string", ip = "ip" },
  ssh_key = { id = "string", fingerprint = "string" },
  load_balancer = { id = "string", ip = "ip", ip6 = "ip", hostname = "hostname" },
  snapshot = { id = "string", size = "size" },
  dns_zone = { id = "string", nameservers = "list of string" },
  bucket = { id = "string", endpoint = "url" },
}

--- The fields of the items of lists, wherever the list stands.
local ITEMS = {
  networks = { network = "ref", private_ip = "ip" },
  rules = {
    direction = "enum", protocol = "enum", ports = "list of port or string", sources = "list of cidr",
    destinations = "list of cidr", comment = "string",
  },
  services = { protocol = "enum", listen = "port", port = "port", check = "record" },
  targets = { server = "ref", ip = "ip", labels = "string" },
  routes = { to = "cidr", via = "ip" },
  check = {
    protocol = "enum", port = "port", path = "string", interval = "duration", timeout = "duration", retries = "int",
  },
}

--- What a cloud takes besides: more, never something else.
local WIDER = {
  ["aws firewall.rules.sources"] = "list of cidr or ip or ref", -- other firewalls
  ["aws firewall.rules.destinations"] = "list of cidr or ip or ref",
  ["aws router.routes.via"] = "string", -- gateways have ids, not addresses
}

--- A field in full, named types followed.
local function full(field, types)
  field = field_of.full(type(field) == "string" and types[field] or field)
  while types[field.type] do
    field = field_of.full(types[field.type])
  end
  return field
end

--- What a field takes, as text.
local function shape(field, types)
  field = full(field, types)
  if field.type == "list" or field.type == "map" then
    return field.type .. " of " .. (field.of and shape(field.of, types) or "any")
  elseif field.type == "union" then
    local names, seen = {}, {}
    for _, one in ipairs(field.of) do
      local name = shape(one, types)
      names[#names + 1] = not seen[name] and name or nil
      seen[name] = true
    end
    table.sort(names)
    return table.concat(names, " or ")
  end
  return field.type
end

--- Whether a field takes what is wanted of it; a cloud may list the words it knows where others take any.
local function takes(is, wanted)
  return is == wanted or is == "enum" and wanted == "string"
end

--- The fields of a record, or of the items of a list of records.
local function inside(field, types)
  field = full(field, types)
  if field.type == "list" then
    field = full(field.of, types)
  end
  return field.fields
end

describe("the clouds", function()
  local registry = require("prov.registry").open(nil, { path = "" })

  for _, cloud in ipairs(CLOUDS) do
    local declaration = assert(registry:get("provider", cloud))
    local types = declaration.types or {}

    it("share their kinds: " .. cloud, function()
      for kind, resource in pairs(declaration.resources) do
        assert.is_table(FIELDS[kind], kind .. " is no common kind")
        assert.equal("string", shape((resource.outputs or {}).id, types), "the id of " .. kind)
      end
    end)

    it("share the types and units of their fields: " .. cloud, function()
      local mistakes = {}
      local function compare(where, fields, wanted)
        for name, kind in pairs(wanted) do
          local path = where .. "." .. name
          if fields[name] then
            local is = shape(fields[name], types)
            if not takes(is, kind) and is ~= WIDER[path] then
              mistakes[#mistakes + 1] = ("%s is a %s, not a %s"):format(path, is, kind)
            end
            local items = ITEMS[name] and inside(fields[name], types)
            if items then
              compare(path, items, ITEMS[name])
            end
          end
        end
      end
      for kind, resource in pairs(declaration.resources) do
        compare(cloud .. " " .. kind, resource.schema, FIELDS[kind])
        compare(cloud .. " " .. kind .. " gives", resource.outputs or {}, OUTPUTS[kind] or {})
      end
      table.sort(mistakes)
      assert.same({}, mistakes)
    end)
  end

  it("call one thing by one name: what several have is common, and of one type", function()
    local seen, mistakes, common = {}, {}, 0
    local function walk(cloud, where, fields, types)
      for name, field in pairs(fields or {}) do
        local path, is = where .. "." .. name, shape(field, types)
        local first = seen[path]
        common = common + (first and 1 or 0)
        if first and not takes(first.is, is) and not takes(is, first.is)
          and not WIDER[("%s %s"):format(cloud, path)] then
          mistakes[#mistakes + 1] = ("%s: a %s of %s, a %s of %s"):format(path, first.is, first.cloud, is, cloud)
        end
        seen[path] = first or { cloud = cloud, is = is }
        walk(cloud, path, inside(field, types), types)
      end
    end
    for _, cloud in ipairs(CLOUDS) do
      local declaration = registry:get("provider", cloud)
      for kind, resource in pairs(declaration.resources) do
        walk(cloud, kind, resource.schema, declaration.types or {})
        walk(cloud, kind .. " gives", resource.outputs, declaration.types or {})
      end
    end
    table.sort(mistakes)
    assert.same({}, mistakes)
    assert.is_true(common > 120, common .. " fields are common")
  end)
end)
