--- What the simulated UpCloud has to offer: zones, plans, templates, and prices of the right size.

local data = require("core.data")

local M = {}

M.ZONES = {
  { "de-fra1", "Frankfurt #1", 1 }, { "fi-hel1", "Helsinki #1", 1 }, { "fi-hel2", "Helsinki #2", 1 },
  { "nl-ams1", "Amsterdam #1", 1 }, { "pl-waw1", "Warsaw #1", 1 }, { "sg-sin1", "Singapore #1", 1.3 },
  { "uk-lon1", "London #1", 1.1 }, { "us-chi1", "Chicago #1", 1.1 },
}

-- name, cores, memory in MiB, disk in GiB, traffic in GiB, price in cents an hour
M.PLANS = {
  { "1xCPU-1GB", 1, 1024, 25, 1024, 0.744 }, { "1xCPU-2GB", 1, 2048, 50, 2048, 1.488 },
  { "2xCPU-4GB", 2, 4096, 80, 4096, 2.976 }, { "4xCPU-8GB", 4, 8192, 160, 5120, 5.952 },
  { "6xCPU-16GB", 6, 16384, 320, 6144, 11.905 }, { "8xCPU-32GB", 8, 32768, 640, 7168, 23.810 },
  { "DEV-1xCPU-1GB", 1, 1024, 20, 1024, 0.670 }, { "CLOUDNATIVE-2xCPU-4GB", 2, 4096, 0, 0, 2.083 },
}

-- the end of the UUID, title, size in GiB, cloud-init
M.TEMPLATES = {
  { "000020070100", "Debian GNU/Linux 12 (Bookworm)", 3, true },
  { "000020080100", "Debian GNU/Linux 13 (Trixie)", 3, true },
  { "000020060100", "Debian GNU/Linux 11 (Bullseye)", 3, false },
  { "000030220200", "Ubuntu Server 22.04 LTS (Jammy Jellyfish)", 4, true },
  { "000030240200", "Ubuntu Server 24.04 LTS (Noble Numbat)", 4, true },
  { "000140010100", "AlmaLinux 9", 4, true },
  { "000150010100", "Rocky Linux 9", 4, true },
}

M.TIMEZONES = { "Africa/Abidjan", "America/New_York", "Asia/Singapore", "Europe/Helsinki", "Europe/London", "UTC" }

M.BALANCER_PLANS = { development = { 1, 100 }, essentials = { 2, 1000 }, ["production-small"] = { 2, 50000 } }

function M.zone(id)
  for _, one in ipairs(M.ZONES) do
    if one[1] == id then
      return one
    end
  end
end

function M.plan(name)
  for _, one in ipairs(M.PLANS) do
    if one[1] == name then
      return { name = one[1], cores = one[2], memory = one[3], disk = one[4] }
    end
  end
end

local function template_id(tail)
  return "01000000-0000-4000-8000-" .. tail
end

--- Templates, and the public and utility networks of each zone.
function M.setup(w)
  for _, one in ipairs(M.TEMPLATES) do
    w:add("storage", {
      id = template_id(one[1]), title = one[2], size = one[3], state = "online", type = "template", access = "public",
      tier = "maxiops", cloud_init = one[4], labels = data.list({}), encrypted = false,
    })
  end
  for i, zone in ipairs(M.ZONES) do
    local function network(n, kind, title, range)
      w:add("network", {
        id = ("03000000-0000-4000-8%03d-000000000000"):format(i * 10 + n), name = title, type = kind, zone = zone[1],
        range = range, labels = data.list({}),
      })
    end
    network(1, "public", "Public 198.18.0.0/15", {
      address = "198.18.0.0/15", family = "IPv4", gateway = "198.18.0.1", dhcp = true, default_route = true,
      dns = { "94.237.127.9", "94.237.40.9" },
    })
    network(2, "public", "Public 2001:db8::/32", {
      address = "2001:db8::/32", family = "IPv6", gateway = "2001:db8::1", dhcp = true, default_route = true,
      dns = { "2a04:3540:53::1", "2a04:3544:53::1" },
    })
    network(3, "utility", ("Utility 10.%d.0.0/22"):format(i), {
      address = ("10.%d.0.0/22"):format(i), family = "IPv4", gateway = ("10.%d.0.1"):format(i), dhcp = true,
      default_route = false, routes = { "10.0.0.0/8" },
    })
  end
end

--- The network of a zone for a type of interface and a family of addresses.
function M.network(w, zone, kind, family)
  for _, one in ipairs(w:list("network")) do
    if one.quiet and one.zone == zone and one.type == kind and one.range.family == family then
      return one
    end
  end
end

local function zones()
  local out = data.list({})
  for i, one in ipairs(M.ZONES) do
    out[i] = { id = one[1], description = one[2], public = "yes" }
  end
  return { zones = { zone = out } }
end

local function plans()
  local out = data.list({})
  for i, one in ipairs(M.PLANS) do
    out[i] = {
      name = one[1], core_number = one[2], memory_amount = one[3], storage_size = one[4], storage_tier = "maxiops",
      public_traffic_out = one[5],
    }
  end
  return { plans = { plan = out } }
end

local FLAT = {
  firewall = 0.56, ipv4_address = 0.336, ipv6_address = 0, network_private_vlan = 0.694, server_core = 1.12,
  storage_backup = 0.0078, storage_hdd = 0.0078, storage_maxiops = 0.031, storage_standard = 0.02,
  storage_template = 0.031, public_ipv4_bandwidth_in = 0, public_ipv4_bandwidth_out = 1,
  public_ipv6_bandwidth_in = 0, public_ipv6_bandwidth_out = 1,
}

local function prices()
  local out = data.list({})
  for i, zone in ipairs(M.ZONES) do
    local row = { name = zone[1], server_memory = { amount = 256, price = 0.14 } }
    for name, price in pairs(FLAT) do
      row[name] = { amount = 1, price = price * zone[3] }
    end
    for _, kind in ipairs({ "io_request_backup", "io_request_hdd", "io_request_maxiops" }) do
      row[kind] = { amount = 1000000, price = 0 }
    end
    for _, plan in ipairs(M.PLANS) do
      row["server_plan_" .. plan[1]] = { amount = 1, price = plan[6] * zone[3] }
    end
    out[i] = row
  end
  return { prices = { zone = out } }
end

local function sizes()
  local out = data.list({})
  for cores = 1, 8 do
    for _, gib in ipairs({ 1, 2, 4, 8, 16, 32 }) do
      out[#out + 1] = { core_number = tostring(cores), memory_amount = tostring(gib * 1024) }
    end
  end
  return { server_sizes = { server_size = out } }
end

local function account(call)
  return { account = {
    username = call.user or "simulated",
    credits = 100000,
    resource_limits = {
      cores = 200, detached_floating_ips = 10, load_balancers = 50, managed_object_storages = 20, memory = 1048576,
      networks = 100, network_peerings = 100, ntp_excess_gib = 20000, public_ipv4 = 100, public_ipv6 = 100,
      storage_hdd = 10240, storage_maxiops = 10240, storage_ssd = 10240, gpus = 0,
    },
  } }
end

--- Who asks, as a main account that may all and of whom nothing is known.
local function account_details(call)
  local function all(kind)
    return { [kind] = data.list({}) }
  end
  return { account = {
    address = "", allow_api = "yes", allow_gui = "yes", campaigns = all("campaign"), city = "", company = "",
    country = "FIN", currency = "EUR", email = "", enable_3rd_party_services = "yes", first_name = "",
    ip_filters = all("ip_filter"), language = "en", last_name = "", main_account = call.params.name,
    network_access = { network = data.list({ "*" }) }, phone = "", postal_code = "", roles = all("role"),
    server_access = { server = data.list({ { storage = "yes", uuid = "*" } }) }, simple_backup = "yes", state = "",
    storage_access = { storage = data.list({ "*" }) }, tag_access = all("tag"), timezone = "UTC", type = "main",
    username = call.params.name, vat_number = "",
  } }
end

--- What there is none of, and nothing that makes one; clients that list all of an account ask for it.
local function none(...)
  local value = data.list({})
  for _, name in ipairs({ ... }) do
    value = { [name] = value }
  end
  return function()
    return value
  end
end

M.routes = {
  { "GET", "/zone", "zone.list", zones },
  { "GET", "/plan", "plan.list", plans },
  { "GET", "/price", "price.list", prices },
  { "GET", "/server_size", "server_size.list", sizes },
  { "GET", "/timezone", "timezone.list", function()
    return { timezones = { timezone = data.list(table.move(M.TIMEZONES, 1, #M.TIMEZONES, 1, {})) } }
  end },
  { "GET", "/account", "account.get", account },
  { "GET", "/account/details/{name}", "account.details", account_details },
  { "GET", "/host", "host.list", none("host", "hosts") },
  { "GET", "/network-peering", "network_peering.list", none("network_peering", "network_peerings") },
  { "GET", "/gateway", "gateway.list", none() },
  { "GET", "/file-storage", "file_storage.list", none() },
  { "GET", "/database", "database.list", none() },
  { "GET", "/kubernetes", "kubernetes.list", none() },
  { "GET", "/load-balancer/certificate-bundles", "certificate_bundle.list", none() },
}

return M
