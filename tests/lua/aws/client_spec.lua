--- The client of AWS's services, against a server on loopback that fails in the ways AWS and networks do.
local aws = require("support.aws")
local client = require("prov.aws.client")
local clock = require("prov.clock")
local credentials = require("prov.aws.credentials")
local async = require("prov.async")
local gates = require("prov.gate")
local query = require("prov.aws.query")
local test = require("support.async").test

local KEYS = { AKIATEST = "test-secret", AKIANEW = "new-secret" }

--- Answers in turn with what the script says: { status, code } or a table of a result; the last one stays.
local function script(steps)
  local n = 0
  return function(_, operation, params)
    n = math.min(n + 1, #steps)
    local step, ec2 = steps[n], query.open("ec2")
    if type(step) == "function" then
      return step(operation, params)
    elseif step.body then
      return step.status, step.body
    elseif step.code then
      return step.status, assert(ec2:encode_error(step.code, step.message or "words", "r-77")), step.headers
    end
    return 200, assert(ec2:encode_answer(operation, step, "r-1"))
  end
end

local function open(server, options)
  local slept = {}
  local gate = gates.new("aws", { retry = { attempts = 3, base = 0.001, max = 0.002 } }, {
    now = clock.monotonic,
    sleep = function(ms)
      slept[#slept + 1] = ms
      async.sleep(1)
    end,
    random = math.random,
  })
  local world = credentials.world()
  world.env = function() end
  options = options or {}
  options.endpoint, options.region = server.url, "eu-north-1"
  options.access_key, options.secret_key = options.access_key or "AKIATEST", options.secret_key or "test-secret"
  return assert(client.open(options, "aws", gate, world)), slept
end

describe("a client of AWS", function()
  it("signs, and reads what comes back", test(function()
    local server <close> = aws.serve(script({ { Vpcs = { { VpcId = "vpc-1" } } }, function(operation)
      return 200, assert(query.open("elbv2"):encode_answer(operation, { LoadBalancers = {} }, "r-2"))
    end }), KEYS)
    local c = open(server, { token = "tok" })
    local result = assert(c:call("ec2", "DescribeVpcs", { VpcIds = { "vpc-1" } }))
    assert.equal("vpc-1", result.Vpcs[1].VpcId)
    assert.same({ access_key = "AKIATEST", region = "eu-north-1", service = "ec2", token = "tok" },
      server.calls[1].who)
    assert.same({ VpcIds = { "vpc-1" } }, server.calls[1].params)
    assert.same({ LoadBalancers = {} }, (c:call("elbv2", "DescribeLoadBalancers", {})))
    assert.equal("elasticloadbalancing", server.calls[2].who.service)
  end))

  it("gives AWS's words, code and request id", test(function()
    for code, ours in pairs({
      ["InvalidInstanceID.NotFound"] = "notfound", LoadBalancerNotFound = "notfound", AuthFailure = "denied",
      UnauthorizedOperation = "denied", InstanceLimitExceeded = "limit", VcpuLimitExceeded = "limit",
      DependencyViolation = "conflict", ["InvalidGroup.Duplicate"] = "exists", IncorrectInstanceState = "conflict",
      IdempotentParameterMismatch = "conflict", InsufficientInstanceCapacity = "failed", VolumeInUse = "conflict",
      OperationNotPermitted = "conflict", InvalidParameterValue = "invalid", ["InvalidAMIID.Malformed"] = "invalid",
      RequestLimitExceeded = "unavailable", InternalError = "unavailable", Throttling = "unavailable",
    }) do
      assert.equal(ours, client.code_of(code, 400), code)
    end
    local server <close> = aws.serve(script({ { status = 400, code = "InvalidSubnetID.NotFound",
      message = "The subnet ID 'subnet-1' does not exist" } }), KEYS)
    local result, e = open(server):call("ec2", "RunInstances", { ImageId = "ami-1" })
    assert.is_nil(result)
    assert.equal("RunInstances: The subnet ID 'subnet-1' does not exist (InvalidSubnetID.NotFound, request r-77)",
      tostring(e))
    assert.same({ status = 400, cloud_code = "InvalidSubnetID.NotFound", request_id = "r-77" }, e.data)
  end))

  it("shows no secret when AWS repeats one", test(function()
    local server <close> = aws.serve(script({ { status = 403, code = "AuthFailure",
      message = "the key test-secret is not good" } }), KEYS)
    local _, e = open(server):call("ec2", "DescribeVpcs", {})
    assert.is_truthy(tostring(e):find("the key *** is not good", 1, true))
  end))

  it("tries again what was throttled, and gives up with the gate", test(function()
    local busy = { status = 503, code = "RequestLimitExceeded" }
    local server <close> = aws.serve(script({ busy, busy, { VpcId = "vpc-1" } }), KEYS)
    local result, e = open(server):call("ec2", "CreateVpc", { CidrBlock = "10.0.0.0/16" })
    assert(result, tostring(e))
    assert.equal(3, #server.calls)
    local always <close> = aws.serve(script({ busy }), KEYS)
    result, e = open(always):call("ec2", "DescribeVpcs", {})
    assert.is_nil(result)
    assert.equal("unavailable", e.code)
    assert.is_true(e.data.exhausted)
    assert.equal(5, #always.calls) -- after two, nobody can come more slowly
  end))

  it("waits as long as Retry-After says", test(function()
    local server <close> = aws.serve(script({ { status = 503, code = "RequestLimitExceeded",
      headers = { ["Retry-After"] = "1" } }, { Vpcs = {} } }), KEYS)
    local c, slept = open(server)
    assert(c:call("ec2", "DescribeVpcs", {}))
    assert.is_true(slept[1] > 900 and slept[1] <= 1000, tostring(slept[1]))
  end))

  it("does not repeat a creation whose fate is unknown, and repeats what may be done twice", test(function()
    local lost = { status = 500, body = "<html>gone</html>" }
    local server <close> = aws.serve(script({ lost, { VpcId = "vpc-1" } }), KEYS)
    local result, e = open(server):call("ec2", "CreateVpc", { CidrBlock = "10.0.0.0/16" })
    assert.is_nil(result)
    assert.equal("unavailable", e.code)
    assert.is_nil(e.data.exhausted)
    assert.equal(1, #server.calls)
    local again <close> = aws.serve(script({ lost, { TerminatingInstances = { { InstanceId = "i-1" } } } }), KEYS)
    result = assert(open(again):call("ec2", "TerminateInstances", { InstanceIds = { "i-1" } }))
    assert.equal("i-1", result.TerminatingInstances[1].InstanceId)
    assert.equal(2, #again.calls)
    assert.equal(again.calls[1].body, again.calls[2].body)
  end))

  it("takes half an answer for none", test(function()
    local whole = assert(query.open("ec2"):encode_answer("DescribeVpcs", { Vpcs = { { VpcId = "vpc-1" } } }, "r"))
    local server <close> = aws.serve(script({ { status = 200, body = whole:sub(1, -20) }, { Vpcs = {} } }), KEYS)
    assert.same({ Vpcs = {} }, (open(server):call("ec2", "DescribeVpcs", {})))
    assert.equal(2, #server.calls)
  end))

  it("asks for new credentials when the old ones have ended", test(function()
    local server <close> = aws.serve(script({ { status = 400, code = "ExpiredToken" }, { Vpcs = {} } }), KEYS)
    local c = open(server)
    local options = c.options
    assert(c:credentials())
    options.access_key, options.secret_key = "AKIANEW", "new-secret"
    assert(c:call("ec2", "DescribeVpcs", {}))
    assert.equal("AKIATEST", server.calls[1].who.access_key)
    assert.equal("AKIANEW", server.calls[2].who.access_key)
  end))

  it("reads all pages", test(function()
    local server <close> = aws.serve(script({
      { Vpcs = { { VpcId = "vpc-1" }, { VpcId = "vpc-2" } }, NextToken = "more" },
      { Vpcs = { { VpcId = "vpc-3" } } },
    }), KEYS)
    local items = assert(open(server):all("ec2", "DescribeVpcs", { MaxResults = 5 }, "Vpcs"))
    assert.equal(3, #items)
    assert.same({ MaxResults = 5, NextToken = "more" }, server.calls[2].params)
  end))

  it("says that nothing answers", test(function()
    local server = aws.serve(script({ {} }), KEYS)
    server.server:close()
    local result, e = open(server):call("ec2", "DescribeVpcs", {})
    assert.is_nil(result)
    assert.equal("unavailable", e.code)
    assert.is_truthy(tostring(e):find("^DescribeVpcs: no answer"))
  end))

  it("finds a bucket in another region by itself, once", test(function()
    local regions = {}
    local server <close> = aws.serve(function(request)
      local region, service = request.headers.authorization:match("Credential=AKIATEST/%d+/([^/]+)/([^/]+)/")
      regions[#regions + 1] = service .. " " .. region .. " " .. request.target
      if request.target == "/" then
        return 200, "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
      elseif region ~= "eu-west-1" then
        return 301, "", { ["x-amz-bucket-region"] = "eu-west-1" }
      end
      return 200, "", { ["x-amz-bucket-region"] = "eu-west-1" }
    end)
    local c = open(server)
    assert.equal("eu-west-1", assert(c:call("s3", "HeadBucket", { Bucket = "files" })).BucketRegion)
    assert(c:call("s3", "DeleteBucket", { Bucket = "files" }))
    assert(c:call("s3", "ListBuckets", {}))
    assert(c:call("s3", "CreateBucket", { Bucket = "new", CreateBucketConfiguration = {
      LocationConstraint = "eu-west-1" } }))
    assert.same({ "s3 eu-north-1 /files", "s3 eu-west-1 /files", "s3 eu-west-1 /files", "s3 eu-north-1 /",
      "s3 eu-west-1 /new" }, regions)
  end))

  it("says of a bucket that there is none, or that it is not for us, without words of S3", test(function()
    for status, code in pairs({ [404] = "notfound", [403] = "denied", [301] = "failed" }) do
      local server <close> = aws.serve(function()
        return status, "", { ["x-amz-request-id"] = "r-9" }
      end)
      local result, e = open(server):call("s3", "HeadBucket", { Bucket = "files" })
      assert.is_nil(result)
      assert.equal(code, e.code)
      assert.equal("r-9", e.data.request_id)
    end
  end))

  it("asks Route 53 where it is, and leaves names that are taken alone", test(function()
    local seen
    local server <close> = aws.serve(function(request)
      seen = request.headers.authorization:match("Credential=AKIATEST/%d+/([^/]+/[^/]+)/")
      return 400, assert(query.open("route53"):encode_error("HostedZoneAlreadyExists", "words", "r-1"))
    end)
    local _, e = open(server):call("route53", "CreateHostedZone", { Name = "example.org", CallerReference = "r" })
    assert.equal("exists", e.code)
    assert.equal("us-east-1/route53", seen)
    for code, ours in pairs({
      NoSuchHostedZone = "notfound", NoSuchBucket = "notfound", HostedZoneNotEmpty = "conflict",
      BucketNotEmpty = "conflict", BucketAlreadyExists = "exists", BucketAlreadyOwnedByYou = "exists",
      PriorRequestNotComplete = "unavailable", Throttling = "unavailable", SlowDown = "unavailable",
      TooManyBuckets = "limit", InvalidChangeBatch = "invalid", AccessDenied = "denied",
    }) do
      assert.equal(ours, client.code_of(code, 400), code)
    end
    local sts = require("prov.aws.sts")
    local world = { env = function() end }
    for region, where in pairs({
      ["eu-north-1"] = "https://route53.amazonaws.com us-east-1",
      ["us-gov-east-1"] = "https://route53.us-gov.amazonaws.com us-gov-west-1",
      ["cn-north-1"] = "https://route53.amazonaws.com.cn cn-northwest-1",
    }) do
      assert.equal(where, table.concat({ sts.endpoint(world, "route53", region) }, " "))
    end
    assert.equal("https://s3.cn-north-1.amazonaws.com.cn cn-north-1",
      table.concat({ sts.endpoint(world, "s3", "cn-north-1") }, " "))
  end))
end)
