--- What the project can have: plans, zones, images and prices, as the API says now.

local api = require("api")

local GIB = 1 << 30

local function number(text)
  return tonumber(text)
end

--- A plan with its net prices by zone, and that of the provider's zone; the lowest one when it is not sold there.
local function plan_of(ctx, kind)
  local prices, lowest, zones = {}, nil, ctx.json.list({})
  for _, one in ipairs(kind.prices or {}) do
    local price = { price = number(one.price_monthly.net), hourly = number(one.price_hourly.net) }
    prices[one.location] = price
    lowest = price.price and (not lowest or price.price < lowest.price) and price or lowest
  end
  local own = prices[ctx.config.zone] or lowest or {}
  for _, location in ipairs(kind.locations or {}) do
    if location.available ~= false then
      zones[#zones + 1] = location.name
    end
  end
  local gone = kind.deprecation and kind.deprecation.unavailable_after or nil
  return {
    id = kind.name, name = kind.name, summary = kind.description, cpus = kind.cores,
    memory = kind.memory and math.floor(kind.memory * GIB), disk = kind.disk and kind.disk * GIB,
    architecture = kind.architecture, cpu = kind.cpu_type, price = own.price, hourly = own.hourly,
    prices = prices, zones = zones,
    deprecated = gone and ("not sold after " .. gone:sub(1, 10)) or nil,
  }
end

local function plans(ctx)
  local kinds, e = api.all(ctx, "/server_types", "server_types")
  if not kinds then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, kind in ipairs(kinds) do
    out[i] = plan_of(ctx, kind)
  end
  return out
end

local function zones(ctx)
  local locations, e = api.all(ctx, "/locations", "locations")
  if not locations then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, one in ipairs(locations) do
    out[i] = {
      id = one.name, name = one.name, city = one.city, country = one.country, summary = one.description,
      network_zone = one.network_zone, also = { one.network_zone },
    }
  end
  return out
end

local function images(ctx)
  local found, e = api.all(ctx, "/images", "images", { status = "available", include_deprecated = true })
  if not found then
    return nil, e
  end
  local out = ctx.json.list({})
  for i, image in ipairs(found) do
    local id = tostring(image.id)
    out[i] = {
      id = id, name = image.name or image.description or id, summary = image.description, family = image.os_flavor,
      version = image.os_version, architecture = image.architecture, type = image.type,
      disk = image.disk_size and image.disk_size * GIB, labels = api.own_labels(image.labels),
      deprecated = image.deprecated and "deprecated since " .. image.deprecated:sub(1, 10) or nil,
    }
  end
  return out
end

--- The net price of a month in the provider's zone, else the lowest one.
local function price_of(ctx, list)
  local price
  for _, one in ipairs(list or {}) do
    local month = one.price_monthly and number(one.price_monthly.net)
    if month and one.location == ctx.config.zone then
      return month
    end
    price = month and math.min(price or month, month) or price
  end
  return price
end

--- What kinds cost, by the prices below; the rest has one price of its name.
local PARTS = {
  server = {
    { name = "plan", plan = true },
    { name = "IPv4 address", price = "address_primary_ipv4", when = { public = true, address = false } },
    { name = "backups", price = "backups", when = { backups = true } },
  },
  address = { { name = "address", price = "address_{type}_{family}" } },
  load_balancer = { { name = "plan", price = "load_balancer_{plan}" } },
  network = {}, subnet = {}, firewall = {}, ssh_key = {}, placement_group = {}, dns_zone = {}, dns_record = {},
}

local function prices(ctx)
  local body, e = api.client(ctx):get("/pricing")
  if not body then
    return nil, e
  end
  local pricing, out = body.pricing or {}, {}
  local volume = pricing.volume and pricing.volume.price_per_gb_month
  out.volume = volume and { per_gib = number(volume.net) }
  local image = pricing.image and pricing.image.price_per_gb_month
  out.image = image and { per_gib = number(image.net) }
  local backup = pricing.server_backup and number(pricing.server_backup.percentage)
  out.backups = backup and { percent_of_server = backup }
  for kind, list in pairs({ floating = pricing.floating_ips, primary = pricing.primary_ips }) do
    for _, one in ipairs(list) do
      out[("address_%s_%s"):format(kind, one.type)] = { base = price_of(ctx, one.prices) }
    end
  end
  for _, one in ipairs(pricing.load_balancer_types or {}) do
    out["load_balancer_" .. one.name] = { base = price_of(ctx, one.prices) }
  end
  return out, pricing.currency
end

--- All of it; asked for once. The API tells no quotas: a limit is known when it is met.
return function(ctx)
  return ctx.cached("catalog", function()
    local out = {}
    for name, read in pairs({ plans = plans, zones = zones, images = images }) do
      local list, e = read(ctx)
      if not list then
        return nil, e
      end
      out[name] = list
    end
    local found, currency = prices(ctx)
    if not found then
      return nil, currency
    end
    out.prices, out.currency, out.parts = found, currency, PARTS
    return out
  end)
end
