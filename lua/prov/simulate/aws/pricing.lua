--- The price list of the simulated AWS: what its instance types, volumes and the rest cost, in the form in which the
--- real one tells it. The prices are invented, of the right size, and say so.

local catalog = require("prov.simulate.aws.catalog")
local crypto = require("core.crypto")
local data = require("core.data")
local json = require("prov.json")
local kit = require("prov.simulate.aws.kit")

local M = { operations = {} }

local operations = M.operations

--- The only regions that have the service, of those there are here.
M.REGIONS = { ["us-east-1"] = true, ["eu-central-1"] = true }

-- region = name, how its usage types begin, what things cost there
local PLACES = {
  ["us-east-1"] = { "US East (N. Virginia)", "", 1 }, ["us-west-2"] = { "US West (Oregon)", "USW2-", 1 },
  ["eu-west-1"] = { "EU (Ireland)", "EU-", 1.1 }, ["eu-central-1"] = { "EU (Frankfurt)", "EUC1-", 1.2 },
  ["eu-north-1"] = { "EU (Stockholm)", "EUN1-", 1.05 }, ["sa-east-1"] = { "South America (Sao Paulo)", "SAE1-", 1.7 },
  ["ap-southeast-1"] = { "Asia Pacific (Singapore)", "APS1-", 1.25 },
}

-- What is no instance: service, family, usage type, unit, price, attributes. Among them is what is not meant, as there.
local OTHERS = {
  { "AmazonEC2", "Storage", "EBS:VolumeUsage", "GB-Mo", 0.05, { volumeApiName = "standard", volumeType = "Magnetic" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.gp2", "GB-Mo", 0.1,
    { volumeApiName = "gp2", volumeType = "General Purpose" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.gp3", "GB-Mo", 0.08,
    { volumeApiName = "gp3", volumeType = "General Purpose" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.piops", "GB-Mo", 0.125,
    { volumeApiName = "io1", volumeType = "Provisioned IOPS" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.io2", "GB-Mo", 0.125,
    { volumeApiName = "io2", volumeType = "Provisioned IOPS" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.st1", "GB-Mo", 0.045,
    { volumeApiName = "st1", volumeType = "Throughput Optimized HDD" } },
  { "AmazonEC2", "Storage", "EBS:VolumeUsage.sc1", "GB-Mo", 0.015,
    { volumeApiName = "sc1", volumeType = "Cold HDD" } },
  { "AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.gp3", "IOPS-Mo", 0.005, { volumeApiName = "gp3" } },
  { "AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.piops", "IOPS-Mo", 0.065, { volumeApiName = "io1" } },
  { "AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2", "IOPS-Mo", 0.065, { volumeApiName = "io2" } },
  { "AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2.tier2", "IOPS-Mo", 0.0455, { volumeApiName = "io2" } },
  { "AmazonEC2", "Provisioned Throughput", "EBS:VolumeP-Throughput.gp3", "GiBps-mo", 40.96,
    { volumeApiName = "gp3" } },
  { "AmazonEC2", "Storage Snapshot", "EBS:SnapshotArchiveStorage", "GB-Mo", 0.0125, {} },
  { "AmazonEC2", "Storage Snapshot", "EBS:SnapshotUsage", "GB-Mo", 0.05, {} },
  { "AmazonEC2", "NAT Gateway", "NatGateway-Bytes", "GB", 0.045, { operation = "NatGateway" } },
  { "AmazonEC2", "NAT Gateway", "RegionalNatGateway-Hours", "Hrs", 0.09, { operation = "RegionalNatGateway" } },
  { "AmazonEC2", "NAT Gateway", "NatGateway-Hours", "Hrs", 0.045, { operation = "NatGateway" } },
  { "AWSELB", "Load Balancer-Application", "TS-LoadBalancerUsage", "Hrs", 0.0055,
    { operation = "LoadBalancing:Application" } },
  { "AWSELB", "Load Balancer-Application", "LoadBalancerUsage", "Hrs", 0.0225,
    { operation = "LoadBalancing:Application" } },
  { "AWSELB", "Load Balancer-Application", "LCUUsage", "LCU-Hrs", 0.008, { operation = "LoadBalancing:Application" } },
  { "AWSELB", "Load Balancer-Network", "LoadBalancerUsage", "Hrs", 0.0225, { operation = "LoadBalancing:Network" } },
  { "AWSELB", "Load Balancer-Network", "LCUUsage", "LCU-Hrs", 0.006, { operation = "LoadBalancing:Network" } },
  { "AmazonVPC", nil, "PublicIPv4:InUseAddress", "Hrs", 0.005, { group = "VPCPublicIPv4Address" }, own = true },
  { "AmazonVPC", nil, "PublicIPv4:IdleAddress", "Hrs", 0.005, { group = "VPCPublicIPv4Address" }, own = true },
  { "AmazonVPC", nil, "PublicIPv4:ContiguousBlock", "Hrs", 0.008, { group = "VPCPublicIPv4Address" }, own = true },
}

local NAMES = {
  AmazonEC2 = "Amazon Elastic Compute Cloud", AWSELB = "Elastic Load Balancing",
  AmazonVPC = "Amazon Virtual Private Cloud", AmazonRoute53 = "Amazon Route 53",
}

--- An amount as AWS writes it.
local function amount(v)
  return ("%.10f"):format(v)
end

--- A product. `prices` are those of the amounts from 0, 25, ... on.
local function product(service, family, usage, unit, prices, attributes)
  attributes.servicecode, attributes.servicename, attributes.usagetype = service, NAMES[service], usage
  attributes.operation = attributes.operation or ""
  local sku = crypto.sha256(("%s %s %s"):format(service, usage, attributes.operation)):sub(1, 16):upper()
  local dimensions = {}
  for i, tier in ipairs(prices) do
    local rate = ("%s.JRTCKXETXF.%s"):format(sku, i == 1 and "6YS6EN2CT7" or "TIER" .. i)
    dimensions[rate] = {
      unit = unit, rateCode = rate, appliesTo = data.list({}), pricePerUnit = { USD = amount(tier.price) },
      beginRange = tostring(tier.from), endRange = prices[i + 1] and tostring(prices[i + 1].from) or "Inf",
      description = ("$%g per %s of %s (invented by prov simulate)"):format(tier.price, unit, usage),
    }
  end
  return {
    product = { sku = sku, productFamily = family, attributes = attributes },
    serviceCode = service, version = "20260101000000", publicationDate = "2026-01-01T00:00:00Z",
    terms = { OnDemand = { [sku .. ".JRTCKXETXF"] = {
      sku = sku, offerTermCode = "JRTCKXETXF", effectiveDate = "2026-01-01T00:00:00Z", termAttributes = {},
      priceDimensions = dimensions,
    } } },
  }
end

local function at(region, more)
  local out = { regionCode = region, location = PLACES[region][1], locationType = "AWS Region" }
  for field, v in pairs(more) do
    out[field] = v
  end
  return out
end

-- How a type is sold: operating system, tenancy, state of its capacity, how its usage type begins, times the price.
local SOLD = {
  { "Linux", "Shared", "Used", "BoxUsage", 1 }, { "Windows", "Shared", "Used", "BoxUsage", 1.6 },
  { "Linux", "Dedicated", "Used", "DedicatedUsage", 1.1 },
  { "Linux", "Shared", "UnusedCapacityReservation", "UnusedBox", 1 },
}

--- The hour of a type: by processors and memory.
local function hour_of(row)
  local burst, arm = row[1]:find("^t") and 0.5 or 1, row[5] == "arm64" and 0.8 or 1
  return (row[2] * 0.016 + row[4] / 1024 * 0.0055) * burst * arm
end

local function instances(out, region)
  local _, prefix, factor = table.unpack(PLACES[region])
  for _, row in ipairs(catalog.types()) do
    for _, sold in ipairs(SOLD) do
      local price = math.floor(hour_of(row) * factor * sold[5] * 10000 + 0.5) / 10000
      out[#out + 1] = product("AmazonEC2", "Compute Instance", ("%s%s:%s"):format(prefix, sold[4], row[1]), "Hrs",
        { { from = 0, price = price } }, at(region, {
          instanceType = row[1], operatingSystem = sold[1], tenancy = sold[2], capacitystatus = sold[3],
          preInstalledSw = "NA", licenseModel = "No License required", marketoption = "OnDemand",
          vcpu = tostring(row[2]), memory = ("%g GiB"):format(row[4] / 1024),
          currentGeneration = row.old and "No" or "Yes",
          operation = sold[1] == "Windows" and "RunInstances:0002" or "RunInstances",
        }))
    end
  end
end

--- All products, in an order that stays.
local function products()
  local out = {}
  for _, region in ipairs(data.keys(PLACES)) do
    instances(out, region)
    local _, prefix, factor = table.unpack(PLACES[region])
    for _, row in ipairs(OTHERS) do
      local price = row.own and row[5] or math.floor(row[5] * factor * 10000 + 0.5) / 10000
      local begin = row.own and region == "us-east-1" and "USE1-" or prefix
      out[#out + 1] = product(row[1], row[2], begin .. row[3], row[4], { { from = 0, price = price } },
        at(region, row[6]))
    end
  end
  out[#out + 1] = product("AmazonRoute53", "DNS Zone", "HostedZone", "HostedZone",
    { { from = 0, price = 0.5 }, { from = 25, price = 0.1 } }, { location = "Any", locationType = "Other" })
  return out
end

--- The value of a field of a product that filters name.
local function value_of(one, field)
  if field == "ServiceCode" then
    return one.serviceCode
  end
  return field == "productFamily" and one.product.productFamily or one.product.attributes[field]
end

local function listed(text, v)
  for word in text:gmatch("[^,]+") do
    if word:match("^%s*(.-)%s*$") == v then
      return true
    end
  end
  return false
end

local MATCH = {
  TERM_MATCH = function(v, wanted)
    return v == wanted
  end,
  CONTAINS = function(v, wanted)
    return v ~= nil and v:find(wanted, 1, true) ~= nil
  end,
  ANY_OF = function(v, wanted)
    return v ~= nil and listed(wanted, v)
  end,
  NONE_OF = function(v, wanted)
    return not (v ~= nil and listed(wanted, v))
  end,
}
MATCH.EQUALS = MATCH.TERM_MATCH

local function fits(one, filters)
  for _, filter in ipairs(filters) do
    if not MATCH[filter.Type](value_of(one, filter.Field), filter.Value) then
      return false
    end
  end
  return true
end

--- A page of a list: its items and the token of the next one.
local function page(p, items)
  local most, first = p.MaxResults or 100, 1
  if most < 1 or most > 100 then
    return kit.refuse("InvalidParameterException", "MaxResults must be from 1 to 100.")
  elseif p.NextToken and p.NextToken ~= "" then
    first = math.tointeger(tonumber(p.NextToken:match("^simulated%-(%d+)$")))
    if not first or first > #items then
      return kit.refuse("InvalidNextTokenException", "The pagination token is invalid.")
    end
  end
  local last = math.min(#items, first + most - 1)
  return data.list(table.move(items, first, last, 1, {})), last < #items and ("simulated-%d"):format(last + 1) or nil
end

--- The products of a service.
local function of_service(code)
  local out = {}
  for _, one in ipairs(products()) do
    out[#out + 1] = one.serviceCode == code and one or nil
  end
  if not out[1] then
    return kit.refuse("NotFoundException", "There is no service '%s' in this price list.", tostring(code))
  end
  return out
end

function operations.GetProducts(_, p)
  for _, filter in ipairs(p.Filters or {}) do
    if not (MATCH[filter.Type or ""] and filter.Field and filter.Value) then
      return kit.refuse("InvalidParameterException", "A filter needs a Type of TERM_MATCH, a Field and a Value.")
    end
  end
  local all, e = of_service(p.ServiceCode)
  if not all then
    return nil, e
  end
  local found = {}
  for _, one in ipairs(all) do
    found[#found + 1] = fits(one, p.Filters or {}) and one or nil
  end
  local items, token = page(p, found)
  if not items then
    return nil, token
  end
  for i, one in ipairs(items) do
    items[i] = assert(json.encode(one))
  end
  return { FormatVersion = "aws_v1", PriceList = items, NextToken = token }
end

--- The names of the attributes of products: "productFamily" and what stands in them.
local function attributes_of(list)
  local names = { productFamily = true }
  for _, one in ipairs(list) do
    for name in pairs(one.product.attributes) do
      names[name] = true
    end
  end
  return data.list(data.keys(names))
end

function operations.DescribeServices(_, p)
  local codes = p.ServiceCode and { p.ServiceCode } or data.keys(NAMES)
  local out = {}
  for i, code in ipairs(codes) do
    local list, e = of_service(code)
    if not list then
      return nil, e
    end
    out[i] = { ServiceCode = code, AttributeNames = attributes_of(list) }
  end
  local items, token = page(p, out)
  if not items then
    return nil, token
  end
  return { FormatVersion = "aws_v1", Services = items, NextToken = token }
end

function operations.GetAttributeValues(_, p)
  local list, e = of_service(p.ServiceCode)
  if not list then
    return nil, e
  end
  local values = {}
  for _, one in ipairs(list) do
    local v = value_of(one, p.AttributeName)
    values[v or false] = true
  end
  values[false] = nil
  local out = {}
  for i, v in ipairs(data.keys(values)) do
    out[i] = { Value = v }
  end
  if not out[1] then
    return kit.refuse("NotFoundException", "There is no attribute '%s'.", tostring(p.AttributeName))
  end
  local items, token = page(p, out)
  if not items then
    return nil, token
  end
  return { AttributeValues = items, NextToken = token }
end

return M
