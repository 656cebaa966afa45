--- The provider aws where the stand-in of the end-to-end test cannot go: what is seen late, tokens, capacity, what
--- holds on, groups and reverse names; and lists of real accounts.
local async = require("prov.async")
local aws = require("support.aws")
local base = require("core.base")
local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local query = require("prov.aws.query")
local test = require("support.async").test
local tmp = require("support.tmp")

local shared = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"
local KEYS = { AKIATEST = "test-secret" }
local USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqxY2XJ5m1HcWQm3vZ1bQGQ6xq0Tt8v2m9f0m1n2o3p spec"

local IMAGE = { Images = { { ImageId = "ami-1", RootDeviceName = "/dev/xvda", CreationDate = "2025-01-01" } } }
local SUBNET = { Subnets = { { SubnetId = "subnet-1", VpcId = "vpc-1", AvailabilityZone = "eu-north-1a",
  CidrBlock = "10.0.0.0/24" } } }

local function instance(state, more)
  local one = {
    InstanceId = "i-1", ImageId = "ami-1", InstanceType = "t3.micro", State = { Name = state, Code = 0 },
    VpcId = "vpc-1", SubnetId = "subnet-1", PrivateIpAddress = "10.0.0.5", PublicIpAddress = "192.0.2.7",
    Placement = { AvailabilityZone = "eu-north-1a" }, Tags = { { Key = "Name", Value = "web" },
      { Key = "prov-key", Value = "k1" }, { Key = "prov-workspace", Value = "spec" }, { Key = "role", Value = "a" } },
    NetworkInterfaces = { { NetworkInterfaceId = "eni-1", Attachment = { DeviceIndex = 0 },
      Groups = { { GroupId = "sg-0", GroupName = "default" } } } },
  }
  for name, v in pairs(more or {}) do
    one[name] = v
  end
  return { Reservations = { { Instances = { one } } } }
end

local NONE = { Reservations = {} }

--- Serves answers by operation: each a list, of which the last stays; an answer is a result, { code = } for an error,
--- { text = } for XML, or a function of the parameters that gives one of these.
local function serve(answers)
  local turn = {}
  local server = aws.serve(function(_, operation, params, call)
    local list = answers[operation]
    if not list then
      return 400, assert(query.open("ec2"):encode_error("InvalidAction", "nobody expected " .. operation, "r-0"))
    end
    turn[operation] = math.min((turn[operation] or 0) + 1, #list)
    local answer = list[turn[operation]]
    if type(answer) == "function" then
      answer = answer(params)
    end
    if answer.code then
      return answer.status or 400, assert(query.open("ec2"):encode_error(answer.code, answer.message or "words", "r-9"))
    elseif answer.text then
      return 200, answer.text
    end
    local service = call.who.service == "elasticloadbalancing" and "elbv2" or "ec2"
    return 200, assert(query.open(service):encode_answer(operation, answer, "r-1"))
  end, KEYS)
  function server.count(operation)
    local n = 0
    for _, call in ipairs(server.calls) do
      n = n + (call.operation == operation and 1 or 0)
    end
    return n
  end
  function server.last(operation)
    for i = #server.calls, 1, -1 do
      if server.calls[i].operation == operation then
        return server.calls[i].params
      end
    end
  end
  return server
end

local function providers(server, config)
  local dir = tmp.dir()
  local workspace = { name = "spec", dir = dir, state_dir = dir .. "/.prov" }
  function workspace.user_key()
    return { public = USER_KEY }
  end
  config = config or {}
  config.endpoint, config.region, config.poll, config.patience = server.url, "eu-north-1", 0.02, 0.05
  config.access_key, config.secret_key = "AKIATEST", "test-secret"
  return require("prov.provider").open(workspace, require("prov.registry").open(dir), { aws = config })
end

--- One call: state | nil, err; then the ids that were adopted.
local function call(all, kind, verb, fields, ...)
  local adopted = {}
  fields.address, fields.key = fields.address or kind .. ".web", fields.key or "k1"
  fields.adopt = function(id)
    adopted[#adopted + 1] = id
  end
  local args = table.pack(...)
  local at = verb == "create" and 1 or verb == "update" and 2
  if at then
    local schema = assert(all:declaration("aws")).resources[kind].schema
    local done, problems = require("prov.contract").compile(schema,
      { types = all:declaration("aws").types }):complete(args[at])
    assert(done, problems and tostring(problems[1]))
    args[at] = done
  end
  local result, e = all:call("aws", kind, verb, fields, table.unpack(args, 1, args.n))
  return result, e, adopted
end

local WANT = { plan = "t3.micro", image = "ami-1", network = "subnet-1", labels = { role = "a" } }

describe("the provider aws, servers", function()
  it("asks for what was wanted, with the key as token and tag, and waits until it is seen and runs", test(function()
    local server <close> = serve({
      DescribeImages = { IMAGE }, DescribeSubnets = { SUBNET },
      RunInstances = { { Instances = instance("pending").Reservations[1].Instances } },
      DescribeInstances = { NONE, NONE, instance("pending"), { code = "RequestLimitExceeded", status = 503 },
        instance("running") },
    })
    local state, e, adopted = call(providers(server), "server", "create", {}, WANT)
    assert(state, tostring(e))
    local sent = server.last("RunInstances")
    local text = base.unbase64(sent.UserData)
    sent.UserData = nil
    local tags = { { Key = "Name", Value = "web" }, { Key = "prov-key", Value = "k1" },
      { Key = "prov-workspace", Value = "spec" }, { Key = "role", Value = "a" } }
    local function part(name)
      local out = { table.unpack(tags) }
      table.insert(out, 3, { Key = "prov-part", Value = name })
      return out
    end
    assert.same({
      ClientToken = "k1", MinCount = 1, MaxCount = 1, ImageId = "ami-1", InstanceType = "t3.micro",
      NetworkInterfaces = { { DeviceIndex = 0, SubnetId = "subnet-1", DeleteOnTermination = true,
        AssociatePublicIpAddress = true } },
      MetadataOptions = { HttpTokens = "required" },
      TagSpecifications = { { ResourceType = "instance", Tags = tags },
        { ResourceType = "volume", Tags = part("volume") },
        { ResourceType = "network-interface", Tags = part("network-interface") } },
    }, sent)
    assert.is_truthy(text:find("ssh_authorized_keys:\n  - " .. USER_KEY, 1, true))
    local host_key = text:match("ed25519_public: (%S+ %S+)")
    assert.same({ "i-1" }, adopted)
    assert.same({ host = "192.0.2.7", port = 22, user = "root", host_key = host_key }, state.ssh)
    assert.same({ "running", "web", "subnet-1", "ami-1", "t3.micro" },
      { state.status, state.name, state.network, state.image, state.plan })
    assert.same({ role = "a" }, state.labels)
    assert.is_nil(json.encode(state):find("PRIVATE", 1, true))
  end))

  it("waits for many in one question", test(function()
    local made = 0
    local server <close> = serve({
      DescribeImages = { IMAGE }, DescribeSubnets = { SUBNET },
      RunInstances = { function()
        made = made + 1
        return { Instances = { { InstanceId = "i-" .. made, State = { Name = "pending" } } } }
      end },
      DescribeInstances = { function(params)
        local out = {}
        for i, id in ipairs(params.Filters[1].Values) do
          out[i] = instance("running", { InstanceId = id }).Reservations[1]
        end
        return { Reservations = out }
      end },
    })
    local all = providers(server)
    assert(async.scope(function(scope)
      for i = 1, 20 do
        scope:spawn(function()
          return call(all, "server", "create", { key = "k" .. i, address = "server.web[" .. i .. "]" }, WANT)
        end)
      end
      return true
    end))
    assert.equal(20, made)
    assert.is_true(server.count("DescribeInstances") <= 8, server.count("DescribeInstances") .. " questions")
    assert.equal(1, server.count("DescribeImages"))
  end))

  it("takes the instance of an earlier try, when its token came with other arguments", test(function()
    local data = base.base64("#cloud-config\n# prov host key: ssh-ed25519 FIRST\n")
    local server <close> = serve({
      DescribeImages = { IMAGE }, DescribeSubnets = { SUBNET },
      RunInstances = { { code = "IdempotentParameterMismatch" } },
      DescribeInstances = { NONE, instance("running") },
      DescribeInstanceAttribute = { { UserData = { Value = data } } },
    })
    local state, e, adopted = call(providers(server), "server", "create", {}, WANT)
    assert(state, tostring(e))
    assert.same({ "i-1" }, adopted)
    assert.equal("ssh-ed25519 FIRST", state.ssh.host_key)
    assert.same({ { Name = "client-token", Values = { "k1" } } }, server.calls[4].params.Filters)
  end))

  it("says why one did not come up", test(function()
    local dead = instance("terminated", { StateReason = { Code = "x", Message = "Client.VolumeLimitExceeded: full" } })
    local server <close> = serve({
      DescribeImages = { IMAGE }, DescribeSubnets = { SUBNET },
      RunInstances = { { Instances = instance("pending").Reservations[1].Instances } },
      DescribeInstances = { instance("pending"), dead },
    })
    local state, e, adopted = call(providers(server), "server", "create", {}, WANT)
    assert.is_nil(state)
    assert.same({ "i-1" }, adopted)
    assert.equal("the server i-1 is terminated: Client.VolumeLimitExceeded: full", tostring(e))
  end))

  it("does not ask again when AWS has none", test(function()
    local server <close> = serve({
      DescribeImages = { IMAGE }, DescribeSubnets = { SUBNET },
      RunInstances = { { code = "InsufficientInstanceCapacity", status = 500 } },
      DescribeInstances = { NONE },
    })
    local state, e = call(providers(server), "server", "create", {}, WANT)
    assert.is_nil(state)
    assert.equal("failed", e.code)
    assert.is_truthy(e.hint:find("another zone", 1, true))
    assert.equal(1, server.count("RunInstances"))
  end))

  it("are gone only when two looks do not see them, or they are terminated", test(function()
    local fields = { recorded = { id = "i-1", image = "debian-12", ssh = { host_key = "k" } } }
    local server <close> = serve({ DescribeInstances = { NONE, instance("running") } })
    local state = assert(call(providers(server), "server", "read", fields, "i-1"))
    assert.equal("debian-12", state.image)
    local empty <close> = serve({ DescribeInstances = { NONE } })
    local gone, e = call(providers(empty), "server", "read", fields, "i-1")
    assert.is_nil(gone)
    assert.is_nil(e)
    assert.equal(2, empty.count("DescribeInstances"))
    local ended <close> = serve({ DescribeInstances = { instance("terminated") } })
    gone, e = call(providers(ended), "server", "read", fields, "i-1")
    assert.is_nil(gone or e)
    for _, code in ipairs({ "UnauthorizedOperation", "AuthFailure" }) do
      local failing <close> = serve({ DescribeInstances = { { code = code, status = 403 } } })
      gone, e = call(providers(failing), "server", "read", fields, "i-1")
      assert.is_nil(gone)
      assert.is_true(err.is(e))
    end
  end))

  it("that are protected say so", test(function()
    local server <close> = serve({ TerminateInstances = { { code = "OperationNotPermitted" } } })
    local ok, e = call(providers(server), "server", "delete", {}, "i-1")
    assert.is_nil(ok)
    assert.equal("it is protected: set 'protected: false' and apply that first", e.hint)
  end))

  it("need an image that is there, and a plan that is one", test(function()
    local plan = { InstanceType = "t4g.small", ProcessorInfo = { SupportedArchitectures = { "arm64" } } }
    local server <close> = serve({ DescribeImages = { { Images = {} } },
      DescribeInstanceTypes = { { InstanceTypes = { plan } } } })
    local all = providers(server)
    local _, e = call(all, "server", "create", {}, { plan = "t4g.small", image = "debian-12" })
    assert.equal("there is no image 'debian-12' in this region for arm64", e.msg)
    assert.same({ { Name = "architecture", Values = { "arm64" } }, { Name = "name", Values = { "debian-12-arm64-*" } },
      { Name = "state", Values = { "available" } } }, server.last("DescribeImages").Filters)
    assert.same({ "136693071363" }, server.last("DescribeImages").Owners)
    _, e = call(all, "server", "create", {}, { plan = "t4g.small", image = "dos-6" })
    assert.is_truthy(e.hint:find("debian-12, debian-13", 1, true))
    local wrong <close> = serve({ DescribeInstanceTypes = { { code = "InvalidInstanceType" } } })
    _, e = call(providers(wrong), "server", "create", {}, { plan = "t0.none", image = "debian-12" })
    assert.is_truthy(tostring(e):find("plan 't0.none': DescribeInstanceTypes: words (InvalidInstanceType", 1, true))
  end))
end)

describe("the provider aws", function()
  it("says who holds a firewall", test(function()
    local server <close> = serve({
      DeleteSecurityGroup = { { code = "DependencyViolation", message = "resource sg-1 has a dependent object" } },
      DescribeNetworkInterfaces = { { NetworkInterfaces = {
        { NetworkInterfaceId = "eni-8", Description = "ELB app/web/1" },
      } } },
    })
    local ok, e = call(providers(server), "firewall", "delete", {}, "sg-1")
    assert.is_nil(ok)
    assert.equal("conflict", e.code)
    assert.is_truthy(tostring(e):find("; it is held by eni-8 (ELB app/web/1)", 1, true), tostring(e))
    assert.is_true(server.count("DeleteSecurityGroup") >= 2)
  end))

  it("does not take for gone what is there, when something on the way is not", test(function()
    local answers = {
      DescribeNetworkInterfaces = { { NetworkInterfaces = { { NetworkInterfaceId = "eni-1",
        Attachment = { InstanceId = "i-1" } } } } },
      DescribeInstances = { instance("running", { NetworkInterfaces = { { NetworkInterfaceId = "eni-1",
        Attachment = { DeviceIndex = 0 }, Groups = { { GroupId = "sg-1" }, { GroupId = "sg-2" } } } } }) },
      ModifyNetworkInterfaceAttribute = { { code = "InvalidNetworkInterfaceID.NotFound" } },
      DescribeSecurityGroups = { { SecurityGroups = { { GroupId = "sg-1", GroupName = "web" } } } },
    }
    local server <close> = serve(answers)
    local all = providers(server)
    local ok, e = call(all, "firewall", "delete", {}, "sg-1")
    assert.is_nil(ok)
    assert.equal("failed", e.code)
    answers.DescribeSecurityGroups = { { SecurityGroups = {} } }
    ok, e = call(all, "firewall", "delete", {}, "sg-1")
    assert.is_nil(ok)
    assert.equal("notfound", e.code) -- it is gone itself, and that is what the engine reads in it
  end))

  it("makes placement groups, and takes over only what its key is on", test(function()
    local group = { GroupId = "pg-1", GroupName = "web", Strategy = "spread", State = "available",
      Tags = { { Key = "prov-key", Value = "k1" } } }
    local server <close> = serve({
      CreatePlacementGroup = { { PlacementGroup = group } },
      DescribePlacementGroups = { { PlacementGroups = { group } } },
      DeletePlacementGroup = { { code = "InvalidPlacementGroup.InUse" }, {} },
    })
    local all = providers(server, {})
    local state = assert(call(all, "placement_group", "create", {}, {}))
    assert.same({ "pg-1", "web", "spread" }, { state.id, state.name, state.strategy })
    assert.is_true(call(all, "placement_group", "delete", {}, "pg-1"))
    local taken = { code = "InvalidPlacementGroup.Duplicate" }
    local ours <close> = serve({ CreatePlacementGroup = { taken },
      DescribePlacementGroups = { { PlacementGroups = { group } } } })
    assert.equal("pg-1", call(providers(ours), "placement_group", "create", {}, {}).id)
    local other <close> = serve({ CreatePlacementGroup = { taken },
      DescribePlacementGroups = { { PlacementGroups = {} } } })
    local _, e = call(providers(other), "placement_group", "create", {}, {})
    assert.equal("exists", e.code)
    assert.is_truthy(e.hint:find("another 'name'", 1, true))
    assert.equal(1, other.count("CreatePlacementGroup"))
  end))

  it("gives addresses a reverse name", test(function()
    local address = { AllocationId = "eipalloc-1", PublicIp = "192.0.2.9", Tags = {} }
    local answers = {
      AllocateAddress = { { AllocationId = "eipalloc-1", PublicIp = "192.0.2.9" } },
      DescribeAddresses = { { Addresses = { address } } },
      ModifyAddressAttribute = { { Address = { AllocationId = "eipalloc-1" } } },
      ResetAddressAttribute = { { Address = { AllocationId = "eipalloc-1" } } },
      CreateTags = { {} },
    }
    local server <close> = serve(answers)
    local all = providers(server)
    assert.equal("www.example.org", call(all, "address", "create", {}, { ptr = "www.example.org" }).ptr)
    assert.same({ AllocationId = "eipalloc-1", DomainName = "www.example.org" }, server.last("ModifyAddressAttribute"))
    assert(call(all, "address", "update", { applied = { ptr = "www.example.org" } }, "eipalloc-1", {}))
    assert.same({ AllocationId = "eipalloc-1", Attribute = "domain-name" }, server.last("ResetAddressAttribute"))
    answers.ModifyAddressAttribute = { { code = "InvalidParameterValue" } }
    local _, e = call(all, "address", "create", {}, { ptr = "www.example.org" })
    assert.equal("a record of www.example.org must lead to the address first", e.hint)
  end))

  it("wants ranges as AWS writes them, and leaves alone what an account encrypts by itself", test(function()
    local schema = require("prov.registry").open(nil, { path = "" }):get("provider", "aws").resources.network.schema
    local function problem(cidr)
      local _, problems = require("prov.contract").compile(schema):complete({ cidr = cidr })
      return problems and problems[1].msg or nil
    end
    assert.is_nil(problem("10.0.0.0/16"))
    assert.is_truthy(problem("10.0.0.5/16"):find("begins at 10.0.0.0/16", 1, true))
    assert.is_truthy(problem("10.0.0.0/8"):find("16 to 28", 1, true))
    assert.is_truthy(problem("fd00::/64"):find("IPv4", 1, true))
    local volume = { VolumeId = "vol-1", Size = 10, State = "available", Encrypted = true, AvailabilityZone = "a" }
    local server <close> = serve({ DescribeVolumes = { { Volumes = { volume } } } })
    local all = providers(server)
    for _, case in ipairs({ { false, false }, { true, true }, { [2] = true } }) do
      local state = call(all, "volume", "read", { recorded = { encrypted = case[1] } }, "vol-1")
      assert.equal(case[2], state.encrypted)
    end
  end))

  it("finds by its key, and says when there are several", test(function()
    local vpc = { VpcId = "vpc-1", CidrBlock = "10.0.0.0/16", Tags = {} }
    local parts = { DescribeSubnets = { { Subnets = {} } }, DescribeInternetGateways = { { InternetGateways = {} } },
      DescribeRouteTables = { { RouteTables = {} } } }
    parts.DescribeVpcs = { { Vpcs = {} }, { Vpcs = { vpc } }, { Vpcs = { vpc, { VpcId = "vpc-2" } } } }
    local server <close> = serve(parts)
    local all = providers(server)
    assert.is_nil(call(all, "network", "find", {}, "k1"))
    local found = assert(call(all, "network", "find", {}, "k1"))
    assert.same({ "vpc-1", false, false }, { found.id, found.subnet, found.internet })
    local none, e = call(all, "network", "find", {}, "k1")
    assert.is_nil(none)
    assert.equal("the key k1 is on vpc-1 and vpc-2", e.msg)
    assert.same({ { Name = "tag:prov-key", Values = { "k1" } } }, server.last("DescribeVpcs").Filters)
  end))
end)

describe("the provider aws reads", function()
  local folder = shared .. "/fixtures/aws/ec2-vcr-manageiq-json"
  local KINDS = { server = "DescribeInstances", volume = "DescribeVolumes", snapshot = "DescribeSnapshots",
    address = "DescribeAddresses", ssh_key = "DescribeKeyPairs", firewall = "DescribeSecurityGroups",
    subnet = "DescribeSubnets", image = "DescribeImages" }

  it("the lists of real accounts", test(function()
    if not fs.exists(folder) then
      print("SKIP lists of real accounts: no " .. folder)
      pending("no " .. folder)
      return
    end
    local texts = {}
    for _, entry in ipairs(assert(fs.list(folder))) do
      for _, one in ipairs(assert(json.decode(assert(fs.read(folder .. "/" .. entry.name))))) do
        local operation = one.request_body:match("Action=(%a+)")
        if one.status == 200 and operation then
          texts[operation] = texts[operation] or {}
          table.insert(texts[operation], one.response_body)
        end
      end
    end
    local total = {}
    for kind, operation in pairs(KINDS) do
      total[kind] = 0
      for _, text in ipairs(assert(texts[operation], operation)) do
        text = text:gsub("<nextToken>.-</nextToken>", "")
        local server <close> = serve({ [operation] = { { text = text } } })
        local states = assert(call(providers(server), kind, "list", {}))
        for _, state in ipairs(states) do
          assert.is_truthy(type(state.id) == "string" and state.id ~= "", kind)
          assert.is_table(state.labels)
          assert(json.encode(state))
        end
        total[kind] = total[kind] + #states
      end
    end
    for kind, n in pairs(total) do
      assert.is_true(n > 0, kind)
    end
    print("# " .. json.encode(total))
  end))
end)

describe("the provider aws, names", function()
  local declaration = assert(require("prov.registry").open(nil, { path = "" }):get("provider", "aws"))

  --- What is wrong with the fields of a kind, as text; nil when nothing is.
  local function wrong(kind, fields)
    local schema = declaration.resources[kind].schema
    local done, problems = require("prov.contract").compile(schema, { types = declaration.types }):complete(fields)
    return not done and tostring(problems[1]) or nil
  end

  it("are refused where they are written when Route 53 or S3 would refuse them", function()
    local function record(fields)
      fields.zone, fields.name, fields.type = "Z1", fields.name or "www", fields.type or "A"
      return wrong("dns_record", fields)
    end
    local some = { "192.0.2.1" }
    assert.is_nil(record({ values = some, ttl = 60 }))
    assert.is_nil(record({ name = "@", alias = "arn:1" }))
    for text, fields in pairs({
      ["either values or an alias"] = {},
      ["values or an alias"] = { values = some, alias = "arn:1" },
      ["of type A or AAAA"] = { type = "CNAME", alias = "arn:1" },
      ["the zone itself cannot have a CNAME"] = { name = "@", type = "CNAME", values = { "x" } },
      ["Route 53's own"] = { name = "@", type = "NS", values = { "x" } },
      ["the time of what it leads to"] = { alias = "arn:1", ttl = 60 },
      ["a name in the zone"] = { name = "www.", values = some },
      ["expected one of"] = { type = "SOA", values = some },
    }) do
      local said = record(fields)
      assert.is_truthy(said and said:find(text, 1, true), text .. ": " .. tostring(said))
    end
    local labels = {}
    for i = 1, 7 do
      labels["k" .. i] = "v"
    end
    assert.is_nil(wrong("dns_zone", { name = "example.org", labels = labels }))
    labels.one_more = "v"
    assert.is_truthy(wrong("dns_zone", { name = "example.org", labels = labels }):find("room for 7", 1, true))
    assert.is_nil(wrong("bucket", { name = "example.org-files" }))
    assert.is_truthy(wrong("bucket", { name = "Files" }))
  end)
end)
