--- The other side of prov.aws, for AWS's own clients: `prov internal lua tests/support/aws_echo.lua` listens on a
--- free port of loopback, which it prints, checks signatures, and answers with what ANSWERS says, else with an error
--- whose message is the parameters as JSON.

local async = require("prov.async")
local http_server = require("prov.http_server")
local json = require("prov.json")
local query = require("prov.aws.query")
local sigv4 = require("prov.sigv4")

local KEYS = { AKIDEXAMPLE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
local SERVICES = { ec2 = "ec2", elasticloadbalancing = "elbv2", sts = "sts" }

local ANSWERS = {
  GetCallerIdentity = { Account = "123456789012", Arn = "arn:aws:iam::123456789012:user/a&b", UserId = "U" },
  DescribeVpcs = { Vpcs = {} },
  DescribeInstances = {
    NextToken = "more",
    Reservations = { { ReservationId = "r-1", Instances = { {
      InstanceId = "i-1", LaunchTime = 1440938160, EbsOptimized = false, AmiLaunchIndex = 0,
      State = { Code = 16, Name = "running" }, Tags = { { Key = "a<b", Value = "" }, { Key = "ü", Value = "\"x\"" } },
      NetworkInterfaces = {}, CpuOptions = { CoreCount = 2 },
    }, { InstanceId = "i-2" } } } },
  },
  DescribeLoadBalancers = {
    LoadBalancers = { { LoadBalancerArn = "arn:1", AvailabilityZones = { { ZoneName = "a" }, { ZoneName = "b" } },
      SecurityGroups = { "sg-1" }, CreatedTime = 1440938160.5 } },
  },
  DescribeTargetHealth = { TargetHealthDescriptions = {} },
}

local function handle(request)
  local service = query.open(SERVICES[(request.headers.authorization or ""):match("/([%a]+)/aws4_request") or "ec2"])
  local who, e = sigv4.verify({ method = request.method, url = request.target, headers = request.headers,
    body = request.body }, {
    now = os.time(),
    secret_of = function(key)
      return KEYS[key]
    end,
  })
  if not who then
    return request:respond(403, {}, assert(service:encode_error(e.data.cloud_code, e.msg, "r-1")))
  end
  local operation, params = service:decode_request(request.body)
  if not operation then
    return request:respond(400, {}, assert(service:encode_error(params.data.cloud_code, params.msg, "r-2")))
  elseif not ANSWERS[operation] then
    return request:respond(400, {}, assert(service:encode_error("Understood", assert(json.encode(params)), "r-3")))
  end
  return request:respond(200, { ["Content-Type"] = "text/xml;charset=UTF-8" },
    assert(service:encode_answer(operation, ANSWERS[operation], "r-4")))
end

return async.run(function()
  local server = assert(http_server.listen({}, handle))
  print(server.port)
  io.stdout:flush()
  async.sleep(120000)
  server:close()
  return 0
end)
