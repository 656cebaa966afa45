--- What the region costs on demand, as AWS's price list says now: a service of its own (pricing), which answers in
--- pages and gives each product as a JSON text. Needs the permission pricing:GetProducts.
---
--- What products are called was read in AWS's documentation of the price list query API and in answers that others
--- have published.

local api = require("api")

local HOURS = 730

--- Linux on shared machines, without software of AWS's or others', as it runs (not reserved and unused).
local LINUX = {
  operatingSystem = "Linux", tenancy = "Shared", preInstalledSw = "NA", capacitystatus = "Used",
}

--- What is no plan: which products, how their usage types end ("EUC1-EBS:VolumeUsage.gp3"), and where the price goes.
--- Of several that end so the shortest is meant: the others are of Outposts, trust stores or regional gateways.
local OTHERS = {
  {
    service = "AmazonEC2", filters = { productFamily = "Storage" },
    { usage = "EBS:VolumeUsage%.?%w*$", price = "volume_{volumeApiName}", field = "per_gib" },
  },
  {
    service = "AmazonEC2", filters = { productFamily = "System Operation" },
    { usage = "EBS:VolumeP%-IOPS%.%w+$", price = "volume_{volumeApiName}", field = "per_iops" },
  },
  {
    service = "AmazonEC2", filters = { productFamily = "Storage Snapshot" },
    { usage = "EBS:SnapshotUsage$", price = "snapshot", field = "per_gib" },
  },
  {
    service = "AmazonEC2", filters = { productFamily = "NAT Gateway" },
    { usage = "NatGateway%-Hours$", price = "nat_gateway", field = "hourly" },
  },
  {
    service = "AWSELB", filters = { productFamily = "Load Balancer-Application" },
    { usage = "LoadBalancerUsage$", price = "load_balancer_http", field = "hourly" },
    { usage = "LoadBalancerUsage$", price = "load_balancer_https", field = "hourly" },
  },
  {
    service = "AWSELB", filters = { productFamily = "Load Balancer-Network" },
    { usage = "LoadBalancerUsage$", price = "load_balancer_tcp", field = "hourly" },
  },
  {
    service = "AmazonVPC", filters = { group = "VPCPublicIPv4Address" },
    { usage = "PublicIPv4:InUseAddress$", price = "address", field = "hourly" },
    { usage = "PublicIPv4:IdleAddress$", price = "address_idle", field = "hourly" },
  },
  {
    service = "AmazonRoute53", filters = { productFamily = "DNS Zone" }, everywhere = true,
    { usage = "HostedZone$", price = "dns_zone", field = "base" },
  },
}

local GP3_IOPS = 3000 -- that a volume has for nothing

--- What kinds cost, by those prices. A server's disk that nobody says is that of its image.
local PARTS = {
  server = {
    { name = "plan", plan = true },
    { name = "disk", price = "volume_{disk_type}", size = "disk" },
    { name = "public address", price = "address", when = { public = true, address = false, networks = false } },
  },
  volume = { { name = "space", price = "volume_{type}", size = "size", iops = "iops" } },
  address = { { name = "address", price = "address" } },
  load_balancer = { { name = "hours", price = "load_balancer_{services.1.protocol}" } },
  router = { { name = "hours", price = "nat_gateway", when = { type = "nat" } } },
  dns_zone = { { name = "zone", price = "dns_zone" } },
  dns_record = {},
  snapshot = { { name = "space", price = "snapshot", size = "size" } },
  image = { { name = "space of its snapshots", price = "snapshot", size = "size" } },
  network = {}, subnet = {}, firewall = {}, ssh_key = {}, placement_group = {},
}

local NOTE = "AWS: prices on demand, of Linux. Not in them: traffic, requests, what load balancers and NAT gateways "
  .. "take by use, addresses of load balancers, credits of burstable plans, free tiers and discounts. Snapshots count "
  .. "as whole volumes."

--- The products that fit, each { attributes, terms }.
local function products(ctx, service, filters)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  local asked = {}
  for field, v in pairs(filters) do
    asked[#asked + 1] = { Type = "TERM_MATCH", Field = field, Value = v }
  end
  table.sort(asked, function(a, b)
    return a.Field < b.Field
  end)
  local texts
  texts, e = client:all("pricing", "GetProducts", { ServiceCode = service, Filters = asked, FormatVersion = "aws_v1",
    MaxResults = 100 }, "PriceList")
  if not texts then
    return nil, e
  end
  local out = {}
  for i, text in ipairs(texts) do
    local one, failure = ctx.json.decode(text)
    if type(one) ~= "table" or type(one.product) ~= "table" then
      return nil, ctx.error("protocol", ("product %d of %s is no product: %s"):format(i, service,
        failure and failure.msg or "it has none"))
    end
    local attributes = one.product.attributes or {}
    if not filters.regionCode or (attributes.locationType or "AWS Region") == "AWS Region" then
      out[#out + 1] = { attributes = attributes, terms = one.terms or {} }
    end
  end
  return out
end

--- The price of a unit on demand and its currency. Of prices by amount it is that of the first units that cost
--- something; what is free of charge altogether has none.
local function on_demand(product)
  local first, price, currency
  for _, term in pairs(product.terms.OnDemand or {}) do
    for _, dimension in pairs(term.priceDimensions or {}) do
      local from = tonumber(dimension.beginRange) or 0
      for unit, amount in pairs(dimension.pricePerUnit or {}) do
        amount = tonumber(amount)
        if amount and amount > 0 and (not first or from < first) then
          first, price, currency = from, amount, unit
        end
      end
    end
  end
  return price, currency
end

--- The name of a price, with attributes in it.
local function name_of(pattern, attributes)
  local whole = true
  local name = pattern:gsub("{(%w+)}", function(field)
    whole = whole and attributes[field] ~= nil
    return attributes[field] or ""
  end)
  return whole and name or nil
end

--- Puts down what products of one question cost.
local function take(out, found, one)
  local lengths = {}
  for _, product in ipairs(found) do
    local usage = product.attributes.usagetype or ""
    local price, currency = on_demand(product)
    for i, wanted in ipairs(one) do
      local name = price and usage:find(wanted.usage) and name_of(wanted.price, product.attributes)
      local key = name and i .. name
      if name and #usage < (lengths[key] or math.huge) then
        lengths[key] = #usage
        out.prices[name] = out.prices[name] or {}
        out.prices[name][wanted.field] = price
        out.currency = currency
      end
    end
  end
end

--- The prices of plans: name -> { price, hourly }.
local function take_plans(out, found)
  for _, product in ipairs(found) do
    local name, usage = product.attributes.instanceType, product.attributes.usagetype or ""
    local price, currency = on_demand(product)
    if name and price and usage:find("BoxUsage:") then
      out.plans[name], out.currency = { hourly = price, price = price * HOURS }, currency
    end
  end
end

local function with(filters, more)
  local out = {}
  for _, part in ipairs({ filters, more }) do
    for field, v in pairs(part) do
      out[field] = v
    end
  end
  return out
end

--- Prices of some plans, or of all of the region, and of everything else.
---@param plans? string[]
---@return table? { currency, plans, prices, parts, note }
return function(ctx, plans)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  local here = { regionCode = client.region }
  local out = { prices = {}, plans = {}, parts = PARTS, note = NOTE }
  for _, plan in ipairs(plans or { false }) do
    local found
    found, e = products(ctx, "AmazonEC2", with(with(LINUX, here), { instanceType = plan or nil }))
    if not found then
      return nil, e
    end
    take_plans(out, found)
  end
  for _, one in ipairs(OTHERS) do
    local found
    found, e = products(ctx, one.service, with(one.filters, one.everywhere and {} or here))
    if not found then
      return nil, e
    end
    take(out, found, one)
  end
  for name, price in pairs(out.prices) do
    if price.per_iops and name == "volume_gp3" then
      price.free_iops = GP3_IOPS
    elseif not (price.per_gib or price.hourly or price.base) then
      out.prices[name] = nil -- operations of a volume that has no price
    end
  end
  return out
end
