--- What UpCloud offers and what it costs. Prices of the API are cents an hour, by zone.

local api = require("api")
local images = require("images")

local HOURS = 730

local function euros(price)
  local hourly = price.price / price.amount / 100
  return { price = hourly * HOURS, hourly = hourly }
end

local function plans_of(plans, prices, zone)
  local out = {}
  for i, plan in ipairs(plans) do
    local by_zone = {}
    for _, one in ipairs(prices) do
      local price = one["server_plan_" .. plan.name]
      by_zone[one.name] = price and euros(price) or nil
    end
    local own = by_zone[zone] or {}
    out[i] = {
      name = plan.name,
      cpus = plan.core_number,
      memory = plan.memory_amount * (1 << 20),
      disk = plan.storage_size > 0 and plan.storage_size * (1 << 30) or nil,
      price = own.price,
      hourly = own.hourly,
      prices = by_zone,
    }
  end
  return out
end

--- What is not a plan, in the provider's zone.
local function prices_of(prices, zone)
  for _, one in ipairs(prices) do
    if one.name == zone then
      return {
        volume = one.storage_maxiops and { per_gib = euros(one.storage_maxiops).price },
        address = one.ipv4_address and euros(one.ipv4_address).price,
        network = one.network_private_vlan and euros(one.network_private_vlan).price,
        snapshot = one.storage_backup and { per_gib = euros(one.storage_backup).price },
      }
    end
  end
end

--- Limits of the account, as kinds of ours.
local QUOTAS = {
  public_ipv4 = "address", networks = "network", load_balancers = "load_balancer", storage_count = "volume",
}

return function(ctx)
  local plans, e = images.plans(ctx)
  local prices, zones, templates, account
  if plans then
    prices, e = api.call(ctx, "get", "/price", nil, "prices", "zone")
  end
  if prices then
    zones, e = api.call(ctx, "get", "/zone", nil, "zones", "zone")
  end
  if zones then
    templates, e = images.templates(ctx)
  end
  if templates then
    account, e = api.call(ctx, "get", "/account", nil, "account")
  end
  if not account then
    return nil, e
  end
  local out = {
    currency = ctx.config.currency,
    plans = plans_of(plans, prices, ctx.config.zone),
    prices = prices_of(prices, ctx.config.zone),
    zones = {},
    images = {},
    quotas = {},
  }
  for i, zone in ipairs(zones) do
    out.zones[i] = { name = zone.id, city = zone.description }
  end
  for i, one in ipairs(templates) do
    local family, version = images.family(one.title)
    out.images[i] = {
      name = family and family .. "-" .. version or one.title,
      family = family,
      version = version,
      title = one.title,
      id = one.uuid,
    }
  end
  for limit, most in pairs(type(account.resource_limits) == "table" and account.resource_limits or {}) do
    if QUOTAS[limit] then
      out.quotas[QUOTAS[limit]] = math.tointeger(tonumber(most))
    end
  end
  return out
end
