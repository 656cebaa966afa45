--- What the simulated Hetzner Cloud has to offer: a small choice, with invented prices of the right size.

local data = require("core.data")
local kit = require("prov.simulate.hetzner.kit")

local M = {}

M.VAT = "19.00"

local LOCATIONS = {
  { 1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central" },
  { 2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central" },
  { 3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central" },
  { 4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east" },
  { 5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west" },
  { 6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast" },
}

local EUROPE = { "fsn1", "nbg1", "hel1" }
local EVERYWHERE = { "fsn1", "nbg1", "hel1", "ash", "hil", "sin" }

-- id, name, cores, memory and disk in GB, monthly price, cpu, architecture, category, locations, sold out at
local TYPES = {
  { 104, "cx22", 2, 4, 40, 3.79, "shared", "x86", "Cost-Optimized", EUROPE, deprecated = true },
  { 114, "cx23", 2, 4, 40, 3.49, "shared", "x86", "Cost-Optimized", EUROPE },
  { 115, "cx33", 4, 8, 80, 5.49, "shared", "x86", "Cost-Optimized", EUROPE },
  { 116, "cx43", 8, 16, 160, 9.49, "shared", "x86", "Cost-Optimized", EUROPE },
  { 117, "cx53", 16, 32, 320, 17.49, "shared", "x86", "Cost-Optimized", EUROPE, sold_out = { "hel1" } },
  { 45, "cax11", 2, 4, 40, 3.79, "shared", "arm", "Cost-Optimized", EUROPE },
  { 93, "cax21", 4, 8, 80, 6.49, "shared", "arm", "Cost-Optimized", EUROPE },
  { 109, "cpx22", 2, 4, 80, 6.49, "shared", "x86", "Regular Performance", EVERYWHERE },
  { 110, "cpx32", 4, 8, 160, 10.99, "shared", "x86", "Regular Performance", EVERYWHERE },
  { 96, "ccx13", 2, 8, 80, 12.49, "dedicated", "x86", "General Purpose", EVERYWHERE, sold_out = { "sin" } },
  { 97, "ccx23", 4, 16, 160, 24.49, "dedicated", "x86", "General Purpose", EVERYWHERE },
}

-- id, name, monthly price, services, connections, targets, certificates
local BALANCERS = {
  { 1, "lb11", 5.39, 5, 10000, 25, 10 },
  { 2, "lb21", 14.99, 15, 20000, 75, 25 },
  { 3, "lb31", 29.99, 30, 40000, 150, 50 },
}

-- id on x86, id on arm, name, description, flavor, version, type
local IMAGES = {
  { 114690387, 114690389, "debian-12", "Debian 12", "debian", "12" },
  { 301040001, 301040002, "debian-13", "Debian 13", "debian", "13" },
  { 67794396, 103908130, "ubuntu-22.04", "Ubuntu 22.04", "ubuntu", "22.04" },
  { 161547269, 161547270, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04" },
  { 103578962, 103907373, "rocky-9", "Rocky Linux 9", "rocky", "9" },
  { 103578965, 103907375, "alma-9", "AlmaLinux 9", "alma", "9" },
  { 301040003, 301040004, "fedora-42", "Fedora 42", "fedora", "42" },
  { 40093247, 105888141, "docker-ce", "Docker CE", "ubuntu", "24.04", "app" },
}

--- Net and gross of a price in EUR.
local function price(net)
  return { net = ("%.10f"):format(net), gross = ("%.10f000000"):format(net * (1 + tonumber(M.VAT) / 100)) }
end

M.price = price

--- Dearer over the sea.
local function factor(location)
  return (location == "ash" or location == "hil") and 1.2 or location == "sin" and 1.5 or 1
end

local function prices(monthly, locations, traffic)
  return kit.map(locations, function(location)
    local net = monthly * factor(location)
    return {
      location = location,
      price_hourly = price(net / 624),
      price_monthly = price(net),
      included_traffic = traffic,
      price_per_tb_traffic = price(location == "sin" and 7.40 or 1),
    }
  end)
end

local function add_types(w)
  for _, row in ipairs(TYPES) do
    local id, name, cores, memory, disk, monthly, cpu, arch, category, where = table.unpack(row)
    w:add("server_type", {
      id = id,
      name = name,
      cores = cores,
      memory = memory,
      disk = disk,
      cpu = cpu,
      architecture = arch,
      category = category,
      zones = data.list(table.move(where, 1, #where, 1, {})),
      sold_out = data.list(table.move(row.sold_out or {}, 1, 9, 1, {})),
      deprecated = row.deprecated or false,
      prices = prices(monthly, where, 20 << 40),
    })
  end
end

local function add_balancers(w)
  for _, row in ipairs(BALANCERS) do
    local id, name, monthly, services, connections, targets, certificates = table.unpack(row)
    w:add("load_balancer_type", {
      id = id,
      name = name,
      max_services = services,
      max_connections = connections,
      max_targets = targets,
      max_assigned_certificates = certificates,
      prices = prices(monthly, EVERYWHERE, 20 << 40),
    })
  end
end

--- Fills a new world.
---@param w prov.simulate.Cloud
function M.setup(w)
  for _, row in ipairs(LOCATIONS) do
    local id, name, description, country, city, latitude, longitude, zone = table.unpack(row)
    w:add("location", {
      id = id,
      name = name,
      description = description,
      country = country,
      city = city,
      latitude = latitude,
      longitude = longitude,
      network_zone = zone,
    })
  end
  add_types(w)
  add_balancers(w)
  for _, row in ipairs(IMAGES) do
    for i, arch in ipairs({ "x86", "arm" }) do
      w:add("image", {
        id = row[i],
        name = row[3],
        description = row[4],
        flavor = row[5],
        version = row[6],
        type = row[7] or "system",
        architecture = arch,
        state = "available",
        disk = 5,
        labels = {},
      })
    end
  end
end

-- ---- Views ----

--- A location as the API shows it.
function M.location(_, object)
  return {
    id = object.id,
    name = object.name,
    description = object.description,
    country = object.country,
    city = object.city,
    latitude = object.latitude,
    longitude = object.longitude,
    network_zone = object.network_zone,
  }
end

--- The location with a name.
function M.location_named(w, name)
  return M.location(w, kit.named(w, "location", name))
end

--- True when servers of a type are to be had somewhere.
---@param object table server_type
---@param zone string
---@return boolean
function M.available(object, zone)
  for _, name in ipairs(object.sold_out) do
    if name == zone then
      return false
    end
  end
  for _, name in ipairs(object.zones) do
    if name == zone then
      return true
    end
  end
  return false
end

local function deprecation(object)
  return object.deprecated and {
    announced = "2025-10-16T06:00:00+00:00",
    unavailable_after = "2026-01-01T06:00:00+00:00",
  } or data.null
end

function M.server_type(w, object)
  return {
    id = object.id,
    name = object.name,
    description = object.name:upper(),
    category = object.category,
    cores = object.cores,
    memory = object.memory,
    disk = object.disk,
    cpu_type = object.cpu,
    storage_type = "local",
    architecture = object.architecture,
    deprecated = object.deprecated,
    deprecation = deprecation(object),
    prices = object.prices,
    locations = kit.map(object.zones, function(zone)
      return {
        id = kit.named(w, "location", zone).id,
        name = zone,
        deprecation = deprecation(object),
        available = not object.deprecated and M.available(object, zone),
        recommended = not object.deprecated and M.available(object, zone),
      }
    end),
  }
end

function M.load_balancer_type(_, object)
  return {
    id = object.id,
    name = object.name,
    description = object.name:upper(),
    max_services = object.max_services,
    max_connections = object.max_connections,
    max_targets = object.max_targets,
    max_assigned_certificates = object.max_assigned_certificates,
    deprecated = data.null,
    deprecation = data.null,
    prices = object.prices,
  }
end

local function ip_prices(kind, net, hourly)
  return {
    type = kind,
    prices = kit.map(EVERYWHERE, function(location)
      return {
        location = location,
        price_monthly = price(net),
        price_hourly = hourly and price(net / 624) or nil,
      }
    end),
  }
end

local function type_prices(w, kind)
  return kit.map(w:list(kind), function(object)
    return { id = object.id, name = object.name, prices = object.prices }
  end)
end

--- GET /pricing
function M.pricing(w)
  return {
    currency = "EUR",
    vat_rate = M.VAT .. "00000000",
    image = { price_per_gb_month = price(0.011) },
    volume = { price_per_gb_month = price(0.044) },
    server_backup = { percentage = "20.0000000000" },
    floating_ip = { price_monthly = price(3) },
    floating_ips = data.list({ ip_prices("ipv4", 3), ip_prices("ipv6", 1) }),
    primary_ips = data.list({ ip_prices("ipv4", 0.5, true), ip_prices("ipv6", 0, true) }),
    server_types = type_prices(w, "server_type"),
    load_balancer_types = type_prices(w, "load_balancer_type"),
  }
end

return M
