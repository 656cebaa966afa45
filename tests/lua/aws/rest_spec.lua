--- The judges of AWS's REST with XML: AWS's own protocol tests, and what botocore writes and reads of Route 53 and S3.
local data = require("core.data")
local json = require("prov.json")
local judges = require("support.judges")
local model = require("support.aws_model")
local query = require("prov.aws.query")
local rest = require("prov.aws.rest")
local test = require("support.async").test
local timestamp = require("prov.timestamp")
local xml = require("prov.xml")

local function skip(why)
  pending(why)
end

local text_of, judged = judges.of(it, skip, "fixtures/aws/botocore-protocol", "input-rest-xml.json")

local function read(name)
  return text_of(name .. "-rest-xml.json")
end

--- What prov's tables have no words for, as no operation it uses needs it: cases by their names.
local LEFT_OUT = {}
for reason, names in pairs({
  ["attributes of elements"] = "XmlAttributes XmlAttributesWithEscaping XmlAttributesOnPayload",
  ["namespaces with a prefix or inside"] = [[
    XmlNamespaces RestXmlXmlMapWithXmlNamespace HttpPayloadWithXmlNamespaceAndPrefix
  ]],
  ["parts of the host"] = [[
    RestXmlEndpointTrait RestXmlEndpointTraitWithHostLabelAndHttpBinding RestXmlEndpointTraitWithHostLabel
  ]],
  ["compression"] = "SDKAppliedContentEncoding_restXml SDKAppendedGzipAfterProvidedEncoding_restXml",
  ["places of a request in an answer"] = "IgnoreQueryParamsInResponse",
  ["null, which Lua has not"] = "RestXmlOmitsNullQuery NullAndEmptyHeaders",
  ["tokens that the client makes up"] = "QueryIdempotencyTokenAutoFill",
}) do
  for name in names:gmatch("%S+") do
    LEFT_OUT[name] = reason
  end
end

--- Sorts what is a list of elements with something in them: the order of a map says nothing.
local function ordered(node)
  if type(node) ~= "table" then
    return node
  end
  for key, child in pairs(node) do
    node[key] = ordered(child)
  end
  if type(node[1]) == "table" then
    table.sort(node, function(a, b)
      return data.encode(a) < data.encode(b)
    end)
  end
  return node
end

--- What stands in a text of XML, for comparing.
local function tree_of(text)
  return text ~= "" and data.encode(ordered((xml.decode(text)))) or ""
end

local function sorted_target(target)
  local path, text = target:match("^([^?]*)%??(.*)$")
  local parts = {}
  for part in text:gmatch("[^&]+") do
    parts[#parts + 1] = part:find("=", 1, true) and part or part .. "="
  end
  table.sort(parts)
  return path .. "?" .. table.concat(parts, "&")
end

local function service_of(suite, faults)
  suite.operations = {}
  for _, case in ipairs(suite.cases) do
    suite.operations[case.given.name] = case.given
  end
  return query.service(model.compact(suite, "test", nil, faults))
end

local function lowered(headers)
  local out = {}
  for name, text in pairs(headers or {}) do
    out[name:lower()] = text
  end
  return out
end

local FLOATS = { NaN = true, Infinity = true, ["-Infinity"] = true }

--- Where a value as the test expects it and ours differ.
local function differs(want, have, path)
  if type(want) == "string" and type(have) == "number" then
    if FLOATS[want] then
      return want == "NaN" and have == have and path or nil
    end
    return timestamp.parse(want) ~= have and ("%s: %s, not %s"):format(path, have, want) or nil
  elseif type(want) ~= "table" or type(have) ~= "table" then
    return want ~= have and ("%s: %s, not %s"):format(path, tostring(have), tostring(want)) or nil
  end
  local keys = {}
  for _, one in ipairs({ want, have }) do
    for key in pairs(one) do
      keys[key] = true
    end
  end
  for key in pairs(keys) do
    local e = differs(want[key], have[key], path .. "." .. key)
    if e then
      return e
    end
  end
end

describe("AWS's protocol tests of rest-xml", function()
  judged("write requests", function()
    local written, left = 0, 0
    for _, suite in ipairs(assert(json.decode(read("input")))) do
      local service = service_of(suite)
      for _, case in ipairs(suite.cases) do
        local want = case.serialized
        if LEFT_OUT[case.id] then
          left = left + 1
        else
          local made = rest.request(service, case.given.name, case.params)
          assert.equal(want.method, made.method, case.id)
          assert.equal(sorted_target(want.uri), sorted_target(made.target), case.id)
          if (want.headers or {})["Content-Type"] == "application/xml" then
            assert.equal(tree_of(want.body), tree_of(made.body), case.id)
          else
            assert.equal(want.body or "", made.body, case.id)
          end
          local headers = lowered(made.headers)
          for name, text in pairs(want.headers or {}) do
            assert.equal(text, headers[name:lower()], case.id .. " " .. name)
          end
          for _, name in ipairs(want.forbidHeaders or {}) do
            assert.is_nil(headers[name:lower()], case.id .. " " .. name)
          end
          written = written + 1
        end
      end
    end
    print(("# %d requests written, %d left out"):format(written, left))
    assert.equal(80, written)
  end)

  judged("read answers", function()
    local count, errors, left = 0, 0, 0
    for _, suite in ipairs(assert(json.decode(read("output")))) do
      local faults = {}
      for _, case in ipairs(suite.cases) do
        for _, fault in ipairs(case.given.errors or {}) do
          faults[#faults + 1] = fault.shape
        end
      end
      local service = service_of(suite, faults)
      for _, case in ipairs(suite.cases) do
        local response = { status = case.response.status_code, headers = lowered(case.response.headers),
          body = case.response.body or "" }
        if LEFT_OUT[case.id] then
          left = left + 1
        elseif case.errorCode then
          local found = assert(query.decode_error(response.body), case.id)
          assert.equal(case.errorCode, found.code, case.id)
          assert.equal(case.errorMessage or found.message, found.message, case.id)
          errors = errors + 1
        else
          local result = assert(rest.decode(service, case.given.name, response))
          assert.is_nil(differs(case.result or {}, result, case.id))
          local status, headers, body = rest.encode_answer(service, case.given.name, result)
          local again = assert(rest.decode(service, case.given.name, { status = status, headers = lowered(headers),
            body = body }))
          assert.is_nil(differs(case.result or {}, again, case.id .. ", written again"))
          count = count + 1
        end
      end
    end
    print(("# %d answers and %d errors read, %d left out"):format(count, errors, left))
    assert.equal(70, count)
    assert.equal(2, errors)
  end)
end)

--- Operations of prov's tables with all that it sends of them, and what makes escapes.
local CASES = {
  { "route53", "CreateHostedZone", { Name = "example.org", CallerReference = "prov/1&2",
    HostedZoneConfig = { Comment = "a < b", PrivateZone = false } } },
  { "route53", "GetHostedZone", { Id = "Z0123" } },
  { "route53", "ListHostedZones", { MaxItems = "100", Marker = "Z1" } },
  { "route53", "ListHostedZones", {} },
  { "route53", "UpdateHostedZoneComment", { Id = "Z0123", Comment = "" } },
  { "route53", "DeleteHostedZone", { Id = "Z0123" } },
  { "route53", "GetChange", { Id = "C0123" } },
  { "route53", "ListTagsForResources", { ResourceType = "hostedzone", ResourceIds = { "Z1", "Z2" } } },
  { "route53", "ChangeTagsForResource", { ResourceType = "hostedzone", ResourceId = "Z1",
    AddTags = { { Key = "k", Value = "ü" } }, RemoveTagKeys = { "a", "b" } } },
  { "route53", "ListResourceRecordSets", { HostedZoneId = "Z1", StartRecordName = "*.example.org.",
    StartRecordType = "A", MaxItems = "1" } },
  { "route53", "ChangeResourceRecordSets", { HostedZoneId = "Z1", ChangeBatch = { Changes = { {
    Action = "UPSERT", ResourceRecordSet = { Name = "www.example.org.", Type = "TXT", TTL = 300,
      ResourceRecords = { { Value = '"a \\"b\\""' }, { Value = '"c"' } } } } } } } },
  { "route53", "ChangeResourceRecordSets", { HostedZoneId = "Z1", ChangeBatch = { Changes = { {
    Action = "CREATE", ResourceRecordSet = { Name = "example.org.", Type = "A",
      AliasTarget = { HostedZoneId = "Z2", DNSName = "lb.example.", EvaluateTargetHealth = false } } } } } } },
  { "s3", "CreateBucket", { Bucket = "files", CreateBucketConfiguration = { LocationConstraint = "eu-north-1" } } },
  { "s3", "HeadBucket", { Bucket = "shop.files" } },
  { "s3", "ListBuckets", {} },
  { "s3", "GetBucketTagging", { Bucket = "files" } },
  { "s3", "PutBucketTagging", { Bucket = "files", Tagging = { TagSet = { { Key = "k", Value = "a & b" } } } } },
  { "s3", "DeleteBucket", { Bucket = "files" } },
  { "s3", "GetBucketLocation", { Bucket = "files" } },
  { "s3", "PutPublicAccessBlock", { Bucket = "files", PublicAccessBlockConfiguration = { BlockPublicAcls = true } } },
  { "s3", "ListObjectsV2", { Bucket = "files", Prefix = "a b/ü", MaxKeys = 5 } },
}

describe("the tables of Route 53 and S3", function()
  local proc = require("prov.proc")
  local sigv4 = require("prov.sigv4")

  --- A request of each case, signed as the client does.
  local function made()
    local out = {}
    for i, case in ipairs(CASES) do
      local service = query.open(case[1])
      local is_s3 = case[1] == "s3"
      local request = rest.request(service, case[2], case[3])
      request.url = ("https://%s.example%s"):format(case[1], request.target)
      local signed = sigv4.sign(request, { time = 1440938160, region = is_s3 and "eu-north-1" or "us-east-1",
        credentials = { access_key = "AKIDEXAMPLE", secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
        service = service.prefix, content_hash = is_s3, normalize = not is_s3, double = not is_s3 })
      local headers = {}
      for _, list in ipairs({ request.headers, signed.headers }) do
        for name, text in pairs(list) do
          headers[name] = text
        end
      end
      out[i] = { service = case[1], operation = case[2], params = case[3], method = request.method, url = request.url,
        target = request.target, body = request.body, headers = headers, authorization = signed.headers.Authorization }
    end
    return out
  end

  it("are read as they are written", function()
    for i, one in ipairs(made()) do
      local service = query.open(one.service)
      local operation, params = rest.decode_request(service, { method = one.method, target = one.target,
        headers = lowered(one.headers), body = one.body })
      assert.equal(one.operation, operation, tostring(params))
      params.ChecksumAlgorithm = nil -- what prov adds for S3
      assert.equal(data.encode(CASES[i][3]), data.encode(params), one.operation)
    end
  end)

  it("have bodies that are bytes", function()
    local s3 = query.open("s3")
    local request = rest.request(s3, "PutObject", { Bucket = "files", Key = "a b/c", Body = "<a\0" })
    assert.same({ "PUT", "/files/a%20b/c", "<a\0" }, { request.method, request.target, request.body })
    local operation, params = rest.decode_request(s3, { method = request.method, target = request.target, headers = {},
      body = request.body })
    assert.equal("PutObject", operation)
    assert.same({ Bucket = "files", Key = "a b/c", Body = "<a\0" }, params)
  end)

  it("refuse what they do not have", function()
    local s3 = query.open("s3")
    for _, one in ipairs({
      { "GET", "/files/key", "" }, { "GET", "/files?acl", "" }, { "POST", "/files?delete", "" }, { "PATCH", "/", "" },
    }) do
      local operation, e = rest.decode_request(s3, { method = one[1], target = one[2], headers = {}, body = one[3] })
      assert.is_nil(operation, one[2])
      assert.equal("NotImplemented", e.data.cloud_code)
    end
    local _, e = rest.decode_request(s3, { method = "PUT", target = "/files?tagging", headers = {}, body = "<a" })
    assert.equal("MalformedXML", e.data.cloud_code)
    _, e = rest.decode_request(s3, { method = "GET", target = "/?max-buckets=many", headers = {}, body = "" })
    assert.equal("InvalidArgument", e.data.cloud_code)
    assert.has_error(function()
      rest.request(s3, "HeadBucket", {})
    end, "aws: the path /{Bucket} needs Bucket")
    assert.has_error(function()
      rest.request(s3, "HeadBucket", { bucket = "files" })
    end, "aws: HeadBucket has no field 'bucket'")
  end)

  it("read errors of both, and Route 53's lists of them", function()
    for _, name in ipairs({ "route53", "s3" }) do
      local found = query.decode_error(rest.encode_error(query.open(name), "NoSuchThing", "<why> & how", "r-1"))
      assert.same({ "NoSuchThing", "<why> & how", "r-1" }, { found.code, found.message, found.request_id })
    end
    local found = query.decode_error([[<?xml version="1.0"?>
      <InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
        <Messages><Message>one</Message><Message>two</Message></Messages><RequestId>r-2</RequestId>
      </InvalidChangeBatch>]])
    assert.same({ "InvalidChangeBatch", "one; two", "r-2" }, { found.code, found.message, found.request_id })
  end)

  it("are written and signed as botocore does it", test(function()
    local python = "/usr/bin/python3"
    local ran = proc.run({ python, "-c", "import botocore" })
    if not ran or ran.code ~= 0 then
      print("SKIP what botocore writes: no python3-botocore")
      pending("no python3-botocore")
      return
    end
    ran = assert(proc.run({ python, (os.getenv("PROV_ROOT") or ".") .. "/tests/support/aws_rest_oracle.py",
      stdin = assert(json.encode(made())) }))
    assert.equal(0, ran.code, ran.stderr)
    local answers = assert(json.decode(ran.stdout))
    for i, one in ipairs(made()) do
      local want = answers[i]
      assert.equal(want.method, one.method, one.operation)
      assert.equal(sorted_target(want.target), sorted_target(one.target), one.operation)
      assert.equal(tree_of(want.body), tree_of(one.body), one.operation)
      assert.equal(want.authorization, one.authorization, one.operation)
    end
    assert.equal(#CASES, #answers)
  end))
end)
