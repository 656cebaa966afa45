--- The simulated AWS, asked by prov's own client.

local async = require("support.async")
local client = require("prov.aws.client")
local clock = require("prov.clock")
local credentials = require("prov.aws.credentials")
local crypto = require("core.crypto")
local describe_of = require("prov.simulate.aws.describe")
local face = require("prov.simulate.aws")
local faults_of = require("prov.simulate.faults")
local gates = require("prov.gate")
local kit = require("prov.simulate.aws.kit")
local machine = require("prov.simulate.aws.machine")
local query = require("prov.aws.query")
local simulate = require("prov.simulate")
local sts = require("prov.simulate.aws.sts")
local tmp = require("support.tmp")

--- A client of a simulator that is served.
local function open(sim, opts)
  local service = assert(sim:serve("aws", { port = 0, age = opts and opts.age }))
  local world = credentials.world()
  world.env = function() end
  local gate = gates.new("aws", { retry = { attempts = 1 } }, {
    now = clock.monotonic, sleep = async.sleep, random = math.random,
  })
  return assert(client.open({
    endpoint = ("http://127.0.0.1:%d"):format(service.port), region = "eu-north-1", access_key = "AKIATEST",
    secret_key = face.SECRET,
  }, "aws", gate, world))
end

describe("the simulated AWS", function()
  it("has each operation that prov's tables know", function()
    local there = {}
    for _, name in ipairs({ "networks", "routes", "acls", "groups", "interfaces", "volumes", "instances", "attributes",
      "small", "balancers", "targets", "sts", "pricing" }) do
      for operation in pairs(require("prov.simulate.aws." .. name).operations) do
        there[operation] = true
      end
    end
    for _, name in ipairs({ "ec2", "elbv2", "sts", "pricing" }) do
      for operation in pairs(query.open(name).operations) do
        assert.is_true(there[operation], operation)
      end
    end
  end)

  it("filters by fields, tags and patterns, and tells what is no filter", async.test(function()
    local sim <close> = assert(simulate.open(tmp.dir()))
    local c = open(sim)
    for i, name in ipairs({ "web-1", "web*2", "db" }) do
      assert(c:call("ec2", "CreateVpc", { CidrBlock = ("10.%d.0.0/16"):format(i), TagSpecifications = {
        { ResourceType = "vpc", Tags = { { Key = "Name", Value = name }, { Key = "n", Value = tostring(i) } } },
      } }))
    end
    for _, case in ipairs({
      { 3, { { Name = "is-default", Values = { "false" } } } },
      { 2, { { Name = "tag:Name", Values = { "web*" } } } },
      { 1, { { Name = "tag:Name", Values = { "web\\*2" } } } },
      { 2, { { Name = "tag:Name", Values = { "web?1", "db" } } } },
      { 0, { { Name = "tag:Name", Values = { "web" } } } },
      { 1, { { Name = "tag:Name", Values = { "web*" } }, { Name = "tag:n", Values = { "2" } } } },
      { 3, { { Name = "tag-key", Values = { "n" } } } },
      { 1, { { Name = "cidr", Values = { "10.3.0.0/16" } } } },
      { 1, { { Name = "cidr-block-association.cidr-block", Values = { "10.3.*" } } } },
    }) do
      local found = assert(c:call("ec2", "DescribeVpcs", { Filters = case[2] }))
      assert.equal(case[1], #found.Vpcs, case[2][1].Name .. case[2][1].Values[1])
    end
    local found, e = c:call("ec2", "DescribeVpcs", { Filters = { { Name = "colour", Values = { "red" } } } })
    assert.is_nil(found)
    assert.equal("InvalidParameterValue", e.data.cloud_code)
    sim:drain()
  end))

  it("makes one thing for one token, though reads do not see it yet", async.test(function()
    local sim <close> = assert(simulate.open(tmp.dir()))
    local c = open(sim, { age = 3600000 })
    sim.world:advance(3700000)
    local image = assert(c:call("ec2", "DescribeImages", {})).Images[1]
    local asked = { ImageId = image.ImageId, InstanceType = "t3.micro", MinCount = 2, MaxCount = 2, ClientToken = "t" }
    local first = assert(c:call("ec2", "RunInstances", asked))
    local again = assert(c:call("ec2", "RunInstances", asked))
    assert.equal(2, #first.Instances)
    assert.equal(first.Instances[2].InstanceId, again.Instances[2].InstanceId)
    assert.equal(0, #assert(c:call("ec2", "DescribeInstances", {})).Reservations)
    local seen, e = c:call("ec2", "DescribeInstances", { InstanceIds = { first.Instances[1].InstanceId } })
    assert.is_nil(seen)
    assert.equal("InvalidInstanceID.NotFound", e.data.cloud_code)
    asked.MaxCount = 3
    seen, e = c:call("ec2", "RunInstances", asked)
    assert.is_nil(seen)
    assert.equal("IdempotentParameterMismatch", e.data.cloud_code)
    sim.world:advance(3700000)
    assert.equal(1, #assert(c:call("ec2", "DescribeInstances", {})).Reservations)
    sim:drain()
  end))

  --- A VPC with a subnet, an image, and a function that runs an instance there.
  local function ground(c)
    local vpc = assert(c:call("ec2", "CreateVpc", { CidrBlock = "10.1.0.0/16" })).Vpc.VpcId
    local subnet = assert(c:call("ec2", "CreateSubnet", { VpcId = vpc, CidrBlock = "10.1.1.0/24" })).Subnet.SubnetId
    local image = assert(c:call("ec2", "DescribeImages", {
      Filters = { { Name = "name", Values = { "debian-12-amd64-*" } } },
    })).Images[1].ImageId
    return vpc, subnet, function()
      return assert(c:call("ec2", "RunInstances", { ImageId = image, InstanceType = "t3.micro", MinCount = 1,
        MaxCount = 1, SubnetId = subnet })).Instances[1].InstanceId
    end
  end

  it("leaves nothing of an instance that it cannot run", async.test(function()
    local script = assert(faults_of.check({ faults = { { fault = "failed_action", operation = "RunInstances" } } }))
    local sim <close> = assert(simulate.open(tmp.dir(), { faults = script }))
    local c = open(sim)
    local _, subnet, launch = ground(c)
    local id = launch()
    sim.world:advance(60000)
    local seen = assert(c:call("ec2", "DescribeInstances", { InstanceIds = { id } })).Reservations[1].Instances[1]
    assert.equal("terminated", seen.State.Name)
    assert.matches("Internal error on launch", seen.StateReason.Message)
    assert.equal(0, #assert(c:call("ec2", "DescribeVolumes", {})).Volumes)
    assert(c:call("ec2", "DeleteSubnet", { SubnetId = subnet }))
    sim.world:advance(3700000)
    assert.equal(0, #assert(c:call("ec2", "DescribeInstances", {})).Reservations)
    sim:drain()
  end))

  it("ends a new instance whose real one fails, and stops one that ran", async.test(function()
    local sim <close> = assert(simulate.open(tmp.dir()))
    local c = open(sim)
    local _, subnet, launch = ground(c)
    local w = sim.world.clouds.aws
    local function fail(id)
      assert(sim.world:transact(function()
        face.machine.failed(w, w:get("instance", id), "no room")
        return true
      end))
      return assert(c:call("ec2", "DescribeInstances", { InstanceIds = { id } })).Reservations[1].Instances[1]
    end
    local old = launch()
    sim.world:advance(60000)
    assert(c:call("ec2", "DescribeInstances", {})) -- it runs now
    local new = launch()
    for id, state in pairs({ [new] = "terminated", [old] = "stopped" }) do
      local seen = fail(id)
      assert.equal(state, seen.State.Name)
      assert.equal("Server.InternalError: no room", seen.StateReason.Message)
    end
    sim.world:advance(60000)
    assert(c:call("ec2", "StartInstances", { InstanceIds = { old } }))
    assert(c:call("ec2", "TerminateInstances", { InstanceIds = { old } }))
    sim.world:advance(60000)
    assert(c:call("ec2", "DeleteSubnet", { SubnetId = subnet }))
    assert.equal(0, #assert(c:call("ec2", "DescribeVolumes", {})).Volumes)
    sim:drain()
  end))

  it("knows which of its images can be real ones, and who logs in there", async.test(function()
    local sim <close> = assert(simulate.open(tmp.dir()))
    local c = open(sim)
    local found = {}
    for _, image in ipairs(assert(c:call("ec2", "DescribeImages", {})).Images) do
      local system = machine.system({ owner = image.OwnerId, name = image.Name })
      found[system and system.image .. " " .. system.user or image.Name:match("^%w+")] = true
      assert.is_nil(machine.system({ owner = kit.ACCOUNT, name = image.Name }))
    end
    assert.same({ ["debian-12 admin"] = true, ["debian-13 admin"] = true, ["ubuntu-22.04 ubuntu"] = true,
      ["ubuntu-24.04 ubuntu"] = true, al2023 = true }, found)
    sim:drain()
  end))

  it("leads no route to the gateway of another network", async.test(function()
    local sim <close> = assert(simulate.open(tmp.dir()))
    local c = open(sim)
    local vpc = ground(c)
    local other = assert(c:call("ec2", "CreateVpc", { CidrBlock = "10.2.0.0/16" })).Vpc.VpcId
    local gateways = {}
    for i, id in ipairs({ vpc, other }) do
      gateways[i] = assert(c:call("ec2", "CreateInternetGateway", {})).InternetGateway.InternetGatewayId
      assert(c:call("ec2", "AttachInternetGateway", { InternetGatewayId = gateways[i], VpcId = id }))
    end
    local route = { RouteTableId = assert(c:call("ec2", "CreateRouteTable", { VpcId = vpc })).RouteTable.RouteTableId,
      DestinationCidrBlock = "0.0.0.0/0", GatewayId = gateways[2] }
    local made, e = c:call("ec2", "CreateRoute", route)
    assert.is_nil(made)
    assert.matches("different networks", e.msg)
    route.GatewayId = gateways[1]
    assert(c:call("ec2", "CreateRoute", route))
    route.GatewayId = gateways[2]
    made, e = c:call("ec2", "ReplaceRoute", route)
    assert.is_nil(made)
    assert.matches("different networks", e.msg)
    sim:drain()
  end))

  it("knows its own temporary keys, and when they end", function()
    local made = sts.operations.GetSessionToken({
      secret = "s", w = { world = { hex = function()
        return "0123456789abcdef"
      end } },
    }, { DurationSeconds = 900 }).Credentials
    local open_it = assert(sts.open("s", made.AccessKeyId, made.SessionToken))
    assert.same({ made.SecretAccessKey, false }, { open_it.secret, open_it.expired })
    assert.is_nil(sts.open("other", made.AccessKeyId, made.SessionToken))
    assert.is_nil(sts.open("s", "ASIAOTHER", made.SessionToken))
    assert.is_nil(sts.open("s", made.AccessKeyId, "nonsense"))
    local text = "ASIAOLD 1000 who"
    local base = require("core.base")
    local old = base.base64(text .. "\n" .. crypto.hex(crypto.mac("sha256", "s", text)))
    assert.is_true(sts.open("s", "ASIAOLD", old).expired)
  end)

  it("pages after the last object that was shown", function()
    local rows = {}
    for i = 1, 12 do
      rows[i] = { "view " .. i, { seq = i * 10 } }
    end
    local first, next_token = describe_of.page({ MaxResults = 5 }, rows)
    assert.equal(5, #first)
    table.remove(rows, 5) -- gone between the pages
    local second
    second, next_token = describe_of.page({ MaxResults = 5, NextToken = next_token }, rows)
    assert.equal("view 6", second[1][1])
    local last, none = describe_of.page({ MaxResults = 5, NextToken = next_token }, rows)
    assert.same({ 2, nil }, { #last, none })
    for _, p in ipairs({ { MaxResults = 4 }, { MaxResults = 1001 }, { NextToken = "nonsense" } }) do
      assert.is_nil(describe_of.page(p, rows))
    end
  end)
end)
