--- What things cost at AWS, as its price list says: which questions are asked, what is taken out of the answers, and
--- what happens when there are none.
local aws = require("support.aws")
local catalogs = require("prov.catalog")
local cost = require("prov.cost")
local data = require("core.data")
local json = require("prov.json")
local query = require("prov.aws.query")
local test = require("support.async").test
local tmp = require("support.tmp")

local KEYS = { AKIATEST = "test-secret" }

--- A product in the form of the price list; `prices` by the amount they begin at.
local function product(attributes, prices, terms)
  local dimensions = {}
  for from, price in pairs(prices or {}) do
    dimensions["r" .. from] = { unit = "Hrs", beginRange = from, endRange = "Inf", pricePerUnit = { USD = price } }
  end
  attributes.locationType = attributes.locationType or "AWS Region"
  return assert(json.encode({
    product = { sku = "X", attributes = attributes }, serviceCode = "AmazonEC2",
    terms = terms or { OnDemand = { ["X.J"] = { priceDimensions = dimensions } } },
  }))
end

local function box(name, price)
  return product({ instanceType = name, usagetype = "EUN1-BoxUsage:" .. name }, { ["0"] = price })
end

--- Filters as one text.
local function text_of(p)
  local parts = {}
  for i, filter in ipairs(p.Filters) do
    assert.equal("TERM_MATCH", filter.Type)
    parts[i] = filter.Field .. "=" .. filter.Value
  end
  return p.ServiceCode .. " " .. table.concat(parts, " ")
end

local ANSWERS = {
  ["AmazonEC2 productFamily=Storage regionCode=eu-north-1"] = {
    product({ volumeApiName = "gp3", usagetype = "EUN1-EBS:VolumeUsage.gp3" }, { ["0"] = "0.0836000000" }),
    product({ volumeApiName = "gp3", usagetype = "EUN1-OSL1-EBS:VolumeUsage.gp3", locationType = "AWS Local Zone" },
      { ["0"] = "0.1" }),
    product({ volumeApiName = "io2", usagetype = "EUN1-EBS:VolumeUsage.io2" }, { ["0"] = "0.131" }),
    product({ usagetype = "EUN1-EBS:VolumeUsage.odd" }, { ["0"] = "9" }),
    product({ volumeApiName = "st1", usagetype = "EUN1-EBS:VolumeUsage.st1" }, { ["0"] = "0.05" }),
  },
  ["AmazonEC2 productFamily=System Operation regionCode=eu-north-1"] = {
    product({ volumeApiName = "gp3", usagetype = "EUN1-EBS:VolumeP-IOPS.gp3" }, { ["0"] = "0.0052" }),
    product({ volumeApiName = "io2", usagetype = "EUN1-EBS:VolumeP-IOPS.io2.tier2" }, { ["0"] = "0.04" }),
    product({ volumeApiName = "io2", usagetype = "EUN1-EBS:VolumeP-IOPS.io2" }, { ["0"] = "0.07" }),
    product({ volumeApiName = "io9", usagetype = "EUN1-EBS:VolumeP-IOPS.io9" }, { ["0"] = "0.07" }),
  },
  ["AmazonEC2 productFamily=Storage Snapshot regionCode=eu-north-1"] = {
    product({ usagetype = "EUN1-EBS:SnapshotArchiveStorage" }, { ["0"] = "0.01" }),
    product({ usagetype = "EUN1-EBS:SnapshotUsage" }, { ["0"] = "0.05" }),
  },
  ["AmazonEC2 productFamily=NAT Gateway regionCode=eu-north-1"] = {
    product({ usagetype = "EUN1-RegionalNatGateway-Hours" }, { ["0"] = "0.09" }),
    product({ usagetype = "EUN1-NatGateway-Hours" }, { ["0"] = "0.046" }),
    product({ usagetype = "EUN1-NatGateway-Bytes" }, { ["0"] = "0.047" }),
  },
  ["AWSELB productFamily=Load Balancer-Application regionCode=eu-north-1"] = {
    product({ usagetype = "EUN1-LoadBalancerUsage" }, { ["0"] = "0.0239" }),
    product({ usagetype = "EUN1-TS-LoadBalancerUsage" }, { ["0"] = "0.0055" }),
  },
  ["AmazonVPC group=VPCPublicIPv4Address regionCode=eu-north-1"] = {
    product({ usagetype = "EUN1-PublicIPv4:InUseAddress" }, { ["0"] = "0.0000000000", ["750"] = "0.005" }),
    product({ usagetype = "EUN1-PublicIPv4:IdleAddress" }, nil, { Reserved = {} }),
  },
  ["AmazonRoute53 productFamily=DNS Zone"] = {
    product({ usagetype = "HostedZone", locationType = "Other" }, { ["25"] = "0.1", ["0"] = "0.5" }),
  },
}

local LINUX = "capacitystatus=Used %soperatingSystem=Linux preInstalledSw=NA regionCode=eu-north-1 tenancy=Shared"
local ALL = "AmazonEC2 " .. LINUX:format("")

local function of_type(name)
  return "AmazonEC2 " .. LINUX:format("instanceType=" .. name .. " ")
end

ANSWERS[of_type("t3.small")] = {
  box("t3.small", "0.0216000000"),
  product({ instanceType = "t3.small", usagetype = "EUN1-Reservation:t3.small" }, { ["0"] = "0.01" }),
  product({ instanceType = "t3.small", usagetype = "EUN1-OSL1-BoxUsage:t3.small", locationType = "AWS Local Zone" },
    { ["0"] = "0.03" }),
}
ANSWERS[of_type("m5.large")] = { box("m5.large", "0.102") }
ANSWERS[ALL] = { box("t3.small", "0.0216"), box("m5.large", "0.102"), box("c5.large", "0.091") }

local PLANS = { "c5.large", "m5.large", "t3.small", "x9.odd" }

--- What EC2 says, for the rest of the catalog.
local function of_ec2(operation)
  if operation == "DescribeInstanceTypes" then
    local types = {}
    for i, name in ipairs(PLANS) do
      types[i] = { InstanceType = name, VCpuInfo = { DefaultVCpus = 2 }, MemoryInfo = { SizeInMiB = 2048 } }
    end
    return { InstanceTypes = types }
  elseif operation == "DescribeImages" then
    return { Images = { { ImageId = "ami-1", Name = "i", CreationDate = "2025-01-01", RootDeviceName = "/dev/xvda",
      BlockDeviceMappings = { { DeviceName = "/dev/xvda", Ebs = { VolumeSize = 8, VolumeType = "gp3" } } } } } }
  end
  return {}
end

--- A price list, two products to a page; `refuse` gives status and body instead, while it gives something.
local function serve(refuse)
  local server = { asked = {} }
  server.inner = aws.serve(function(_, operation, p, call)
    if operation ~= "GetProducts" then
      return 200, assert(query.open("ec2"):encode_answer(operation, of_ec2(operation), "r-1"))
    end
    server.who = call.who
    assert.same({ 100, "aws_v1" }, { p.MaxResults, p.FormatVersion })
    local status, body = (refuse or function() end)(p)
    if status then
      return status, body, { ["Content-Type"] = "application/x-amz-json-1.1" }
    end
    local first = tonumber(p.NextToken or "1")
    if first == 1 then
      server.asked[#server.asked + 1] = text_of(p)
    end
    local list = ANSWERS[text_of(p)] or {}
    return 200, assert(query.open("pricing"):encode_answer("GetProducts", {
      PriceList = data.list(table.move(list, first, math.min(first + 1, #list), 1, {})),
      NextToken = first + 1 < #list and tostring(first + 2) or nil,
    }))
  end, KEYS)
  return setmetatable(server, { __close = function()
    server.inner.server:close()
  end })
end

local function open(server)
  local dir = tmp.dir()
  local workspace = { name = "spec", dir = dir, state_dir = dir .. "/.prov" }
  local config = { endpoint = server.inner.url, region = "eu-north-1", access_key = "AKIATEST",
    secret_key = "test-secret" }
  return workspace, function()
    return require("prov.provider").open(workspace, require("prov.registry").open(dir), { aws = config })
  end
end

--- Plans and numbers of what was asked since the last time.
local function asked(server)
  local types, others = {}, 0
  for _, text in ipairs(server.asked) do
    local name = text:match("instanceType=(%S+)")
    if name or text == ALL then
      types[#types + 1] = name or "all"
    else
      others = others + 1
    end
  end
  server.asked = {}
  return types, others
end

describe("the prices of AWS", function()
  it("are those of what is meant, on demand, page by page", test(function()
    local server <close> = serve()
    local workspace, providers = open(server)
    local catalog = assert(catalogs.priced(workspace, providers(), "aws", { "t3.small" }))
    assert.same({ access_key = "AKIATEST", region = "us-east-1", service = "pricing" },
      { access_key = server.who.access_key, region = server.who.region, service = server.who.service })
    local types, others = asked(server)
    assert.same({ { "t3.small" }, 8 }, { types, others })
    assert.same({
      volume_gp3 = { per_gib = 0.0836, per_iops = 0.0052, free_iops = 3000 },
      volume_io2 = { per_gib = 0.131, per_iops = 0.07 }, volume_st1 = { per_gib = 0.05 }, snapshot = { per_gib = 0.05 },
      nat_gateway = { hourly = 0.046 }, load_balancer_http = { hourly = 0.0239 },
      load_balancer_https = { hourly = 0.0239 }, address = { hourly = 0.005 }, dns_zone = { base = 0.5 },
    }, catalog.prices)
    assert.equal("USD", catalog.currency)
    for _, plan in ipairs(catalog.plans) do
      assert.equal(plan.name == "t3.small" and 0.0216 or nil, plan.hourly, plan.name)
    end
    local images = catalog.images
    assert.same({ 8 << 30, "gp3" }, { images[1].disk, images[1].disk_type })
  end))

  it("are asked for once, and of the plans that are used only", test(function()
    local server <close> = serve()
    local workspace, providers = open(server)
    local function priced(plans, opts)
      local catalog = assert(catalogs.priced(workspace, providers(), "aws", plans, opts))
      local out = {}
      for _, plan in ipairs(catalog.plans) do
        out[#out + 1] = plan.price and plan.name or nil
      end
      return { out, asked(server) }
    end
    assert.same({ {}, {}, 8 }, priced({}))
    assert.same({ { "t3.small" }, { "t3.small", "x9.odd" }, 8 }, priced({ "t3.small", "x9.odd" }))
    assert.same({ { "t3.small" }, {}, 0 }, priced({ "t3.small", "x9.odd" }))
    assert.same({ { "m5.large", "t3.small" }, { "m5.large" }, 8 }, priced({ "t3.small", "m5.large" }))
    assert.same({ { "c5.large", "m5.large", "t3.small" }, { "all" }, 8 }, priced(nil))
    assert.same({ { "c5.large", "m5.large", "t3.small" }, {}, 0 }, priced({ "c5.large" }))
    assert.same({ { "t3.small" }, { "t3.small" }, 8 }, priced({ "t3.small" }, { refresh = true }))
  end))

  it("add up, and say what is not known", test(function()
    local server <close> = serve()
    local workspace, providers = open(server)
    assert(catalogs.priced(workspace, providers(), "aws", { "t3.small" }))
    local catalog = assert(catalogs.kept(workspace, "aws"))
    local function month(kind, args)
      local found, hour, lacking = cost.of(catalog, kind, args)
      assert.is_true(found == nil or math.abs(found / 730 - hour) < 1e-9)
      return found and ("%.3f"):format(found), lacking
    end
    local web = { plan = "t3.small", image = "debian-12", public = true, networks = {} }
    assert.equal("20.087", month("server", web))
    web.address = "eipalloc-1"
    assert.equal("16.437", month("server", web))
    web.disk, web.address, web.public = 20 << 30, nil, false
    assert.equal("17.440", month("server", web))
    web.disk_type = "gp9"
    assert.same({ "15.768", { "disk" } }, { month("server", web) })
    web.plan, web.disk_type = "x9.odd", "gp3"
    assert.is_nil(month("server", web))
    assert.equal("8.360", month("volume", { type = "gp3", size = "100 GiB" }))
    assert.equal("8.360", month("volume", { type = "gp3", size = "100 GiB", iops = 3000 }))
    assert.equal("13.560", month("volume", { type = "gp3", size = "100 GiB", iops = 4000 }))
    assert.equal("83.100", month("volume", { type = "io2", size = "100 GiB", iops = 1000 }))
    assert.is_nil(month("volume", { type = "gp3", size = "1 GiB", iops = require("prov.value").unknown("int") }))
    assert.is_nil(month("volume", { type = "io9", size = "1 GiB", iops = 100 }))
    assert.is_nil(month("volume", { type = "gp3" }))
    assert.is_nil(month("volume", { type = "st1", size = "100 GiB", iops = 500 }))
    assert.equal("5.000", month("volume", { type = "st1", size = "100 GiB" }))
    assert.equal("33.580", month("router", { type = "nat" }))
    assert.equal("0.000", month("router", { type = "table" }))
    assert.equal("0.000", month("network", {}))
    assert.equal("17.447", month("load_balancer", { services = { { protocol = "http" } } }))
    assert.is_nil(month("load_balancer", { services = { { protocol = "tcp" } } }))
    assert.equal("3.650", month("address", {}))
    assert.equal("5.000", month("snapshot", { size = 100 << 30 }))
    assert.is_nil(month("snapshot", {}))
    assert.equal("0.500", month("dns_zone", {}))
    assert.is_nil(month("unheard", {}))
  end))

  it("are none for who may not see them: the rest is there, and they are asked for again", test(function()
    local denied = true
    local server <close> = serve(function()
      if denied then
        return 400, '{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::1:user/x is not authorized to '
          .. 'perform: pricing:GetProducts"}'
      end
    end)
    local workspace, providers = open(server)
    local catalog, e = catalogs.priced(workspace, providers(), "aws", { "t3.small" })
    assert.equal(4, #catalog.plans)
    assert.is_nil(catalog.prices)
    assert.equal("denied", e.code)
    assert.matches("prices of provider 'aws'", tostring(e))
    assert.matches("pricing:GetProducts %(AccessDeniedException", tostring(e))
    assert.is_nil((cost.of(catalog, "server", { plan = "t3.small" })))
    denied = false
    assert.is_truthy(assert(catalogs.priced(workspace, providers(), "aws", { "t3.small" })).prices)
  end))

  it("say what is no price list", test(function()
    for body, words in pairs({
      ['{"PriceList":["<html>"]}'] = "product 1 of AmazonEC2 is no product",
      ['{"PriceList":["{}"]}'] = "product 1 of AmazonEC2 is no product",
      ["<html>"] = "the answer to GetProducts",
    }) do
      local server <close> = serve(function()
        return 200, body
      end)
      local workspace, providers = open(server)
      local catalog, e = catalogs.priced(workspace, providers(), "aws", { "t3.small" })
      assert.equal(4, #catalog.plans)
      assert.matches(words, tostring(e))
    end
  end))
end)
