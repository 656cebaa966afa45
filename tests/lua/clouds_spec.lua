--- One vocabulary over the clouds (decision 0061): a field that has a common name has the same type everywhere, so that
--- a workspace moves by changing one line.

local field_of = require("prov.contract.field")

local VOCABULARY = {
  server = {
    name = "string", plan = "string", zone = "string", image = "string", network = "ref", private_ip = "ip",
    networks = "list", keys = "list", user_data = "string", labels = "map", public = "bool", ipv6 = "bool",
    firewalls = "list", placement_group = "ref", disk = "size", backups = "bool", protected = "bool", ptr = "hostname",
  },
  network = { name = "string", cidr = "cidr", zone = "string", labels = "map", protected = "bool", routes = "list" },
  subnet = { network = "ref", cidr = "cidr", zone = "string", labels = "map" },
  router = { name = "string", network = "ref", routes = "list", labels = "map" },
  volume = {
    name = "string", size = "size", zone = "string", server = "ref", snapshot = "ref", encrypted = "bool",
    labels = "map",
    protected = "bool",
  },
  firewall = { name = "string", network = "ref", servers = "list", rules = "list", labels = "map" },
  address = {
    name = "string", zone = "string", server = "ref", family = "enum", ptr = "hostname", labels = "map",
    protected = "bool",
  },
  key = { name = "string", public_key = "string", labels = "map" },
  load_balancer = {
    name = "string", plan = "string", zone = "string", network = "ref", public = "bool", services = "list",
    targets = "list", algorithm = "enum", labels = "map", protected = "bool",
  },
  placement_group = { name = "string", strategy = "enum", labels = "map" },
  image = { name = "string", server = "ref", labels = "map" },
  snapshot = { name = "string", volume = "ref", labels = "map" },
  dns_zone = { name = "hostname", ttl = "duration" },
  dns_record = { zone = "ref", name = "string", type = "enum", values = "list", ttl = "duration" },
  bucket = { name = "string", zone = "string", labels = "map" },
}

local ITEMS = {
  rules = { direction = "enum", protocol = "enum", ports = "list", sources = "list", destinations = "list",
    comment = "string" },
  services = { protocol = "enum", listen = "port", port = "port", check = "record" },
  targets = { server = "ref", ip = "ip" },
  routes = { to = "cidr", via = "ip" },
}

local OUTPUTS = {
  server = { id = "string", ip = "ip", ip6 = "ip", status = "string", ssh = "map" },
  network = { id = "string", gateway = "ip" },
  volume = { id = "string", device = "path" },
  key = { id = "string", fingerprint = "string" },
  load_balancer = { id = "string", ip = "ip" },
}

local function compare(out, where, fields, wanted)
  for name, kind in pairs(wanted) do
    local field = fields[name] and field_of.full(fields[name])
    if field and field_of.kind(field) ~= kind then
      out[#out + 1] = ("%s.%s is a %s, not a %s"):format(where, name, field_of.kind(field), kind)
    end
    local item = field and ITEMS[name] and field.of and field_of.full(field.of)
    if item and item.fields then
      compare(out, ("%s.%s[]"):format(where, name), item.fields, ITEMS[name])
    end
  end
end

describe("the clouds", function()
  local registry = require("prov.registry").open(nil, { path = "" })
  local clouds = 0
  for _, one in ipairs(registry:index("provider")) do
    if one.name == "hetzner" or one.name == "upcloud" or one.name == "aws" then
      clouds = clouds + 1
      it("share their vocabulary: " .. one.name, function()
        local mistakes = {}
        for kind, resource in pairs(assert(registry:get("provider", one.name)).resources) do
          assert.is_table(VOCABULARY[kind], kind .. " is no common kind")
          compare(mistakes, kind, resource.schema, VOCABULARY[kind])
          compare(mistakes, "outputs of " .. kind, resource.outputs or {}, OUTPUTS[kind] or {})
        end
        table.sort(mistakes)
        assert.same({}, mistakes)
      end)
    end
  end

  it("are there", function()
    assert.is_true(clouds >= 1)
  end)
end)
