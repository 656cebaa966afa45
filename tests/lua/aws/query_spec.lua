--- The judges of the query protocols: AWS's own protocol tests, answers with what botocore reads out of them,
--- requests that botocore wrote, answers that libcloud was tested with, and recorded traffic.
local data = require("core.data")
local base = require("core.base")
local fs = require("prov.fs")
local json = require("prov.json")
local judges = require("support.judges")
local model = require("support.aws_model")
local query = require("prov.aws.query")
local timestamp = require("prov.timestamp")

local function skip(why)
  pending(why)
end

local read, judged = judges.of(it, skip, "fixtures/aws", "botocore-protocol/input-ec2.json")

--- The pairs of a form, sorted: their order says nothing.
local function sorted(body)
  local out = {}
  for part in body:gmatch("[^&]+") do
    out[#out + 1] = part:gsub("%+", "%%20")
  end
  table.sort(out)
  return table.concat(out, "\n")
end

local function names(folder, ending)
  local out = {}
  for _, entry in ipairs(assert(fs.list(("%s/fixtures/aws/%s"):format(judges.SHARED, folder)))) do
    local name = type(entry) == "table" and entry.name or entry
    if name:sub(-#ending) == ending then
      out[#out + 1] = name:sub(1, -#ending - 1)
    end
  end
  return out
end

--- What is not about the form: compression of bodies is not used by these services.
local function is_about_the_form(case)
  return case.serialized.body ~= nil
end

local FLOATS = { NaN = true, Infinity = true, ["-Infinity"] = true }

--- A value as the test expects it, against ours; where they differ.
local function differs(want, have, path)
  if type(want) == "string" and type(have) == "number" then
    if FLOATS[want] then
      return want == "NaN" and have == have and path or nil
    end
    return timestamp.parse(want) ~= have and ("%s: %s, not %s"):format(path, have, want) or nil
  elseif type(want) ~= "table" or type(have) ~= "table" then
    local same = want == have or type(want) == "string" and want:find("^YYYY%-") and have == nil
    return not same and ("%s: %s, not %s"):format(path, tostring(have), tostring(want)) or nil
  end
  local seen = {}
  for key in pairs(want) do
    seen[key] = true
    local e = key ~= "ResponseMetadata" and differs(want[key], have[key], path .. "." .. key)
    if e then
      return e
    end
  end
  for key in pairs(have) do
    if not seen[key] then
      return path .. "." .. key .. " is too much"
    end
  end
end

describe("AWS's protocol tests", function()
  for _, protocol in ipairs({ "ec2", "query" }) do
    judged("write requests of " .. protocol, function()
      local written, others = 0, 0
      for _, suite in ipairs(assert(json.decode(read("botocore-protocol/input-" .. protocol .. ".json")))) do
        suite.operations = {}
        for _, case in ipairs(suite.cases) do
          suite.operations[case.given.name] = case.given
        end
        local service = query.service(model.compact(suite, "test"))
        for _, case in ipairs(suite.cases) do
          if is_about_the_form(case) then
            local params = case.params
            if case.id:find("TokenAutoFill$") then -- prov gives the token that it has written down
              params.token = "00000000-0000-4000-8000-000000000000"
            end
            local body = service:encode(case.given.name, params)
            assert.equal(sorted(case.serialized.body), sorted(body), case.id)
            local operation, again = service:decode_request(body)
            assert.equal(case.given.name, operation)
            assert.equal(body, service:encode(operation, again), case.id .. ", read again")
            written = written + 1
          else
            others = others + 1
          end
        end
      end
      print(("# %d requests of %s written and read, %d about compression left out"):format(written, protocol, others))
      assert.equal(protocol == "ec2" and 27 or 36, written)
    end)

    judged("read answers of " .. protocol, function()
      local count, errors = 0, 0
      for _, suite in ipairs(assert(json.decode(read("botocore-protocol/output-" .. protocol .. ".json")))) do
        local faults = {}
        suite.operations = {}
        for _, case in ipairs(suite.cases) do
          suite.operations[case.given.name] = case.given
          for _, fault in ipairs(case.given.errors or {}) do
            faults[#faults + 1] = fault.shape
          end
        end
        local service = query.service(model.compact(suite, "test", nil, faults))
        for _, case in ipairs(suite.cases) do
          if case.errorCode then
            local found = assert(query.decode_error(case.response.body), case.id)
            assert.equal(case.errorCode, found.code, case.id)
            assert.equal(case.errorMessage or found.message, found.message, case.id)
            local shape
            for _, fault in ipairs(case.given.errors or {}) do
              local name = suite.shapes[fault.shape].error
              shape = (fault.shape == found.code or name and name.code == found.code) and fault.shape or shape
            end
            assert.is_nil(differs(case.error, service:value(shape, found.error), case.id))
            errors = errors + 1
          else
            local result = assert(service:decode(case.given.name, case.response.body or ""))
            assert.is_nil(differs(case.result, result, case.id))
            local text = assert(service:encode_answer(case.given.name, result, "id"))
            assert.is_nil(differs(case.result, service:decode(case.given.name, text), case.id .. ", written again"))
            count = count + 1
          end
        end
      end
      assert.equal(protocol == "ec2" and 27 or 35, count)
      assert.equal(protocol == "ec2" and 2 or 3, errors)
    end)
  end
end)

--- The operation of a file such as responses__ec2-run-instances or run_instances_idem.
local function operation_of(service, name)
  local words = {}
  for word in name:gsub("^responses__%w+%-", ""):gmatch("%a+") do
    words[#words + 1] = word:sub(1, 1):upper() .. word:sub(2)
  end
  while #words > 0 do
    local joined = table.concat(words)
    for operation in pairs(service.operations) do
      if operation:lower() == joined:lower() then
        return operation
      end
    end
    words[#words] = nil
  end
end

describe("the table of", function()
  judged("EC2 reads what botocore reads", function()
    local description = assert(json.decode(assert(
      fs.read(judges.SHARED .. "/specs/aws/ec2-service-2.subset-nodoc.json"))))
    local whole = query.service(model.compact(description, "ec2"))
    local count, skipped = 0, {}
    for _, name in ipairs(names("botocore-xml-responses", ".xml")) do
      local text = read("botocore-xml-responses/" .. name .. ".xml")
      local want = assert(json.decode(read("botocore-xml-responses/" .. name .. ".json")))
      if name:find("^errors") then
        local found = query.decode_error(text)
        assert.equal(want.Error.Code, found.code)
        assert.equal(want.Error.Message, found.message)
        assert.equal(want.ResponseMetadata.RequestId, found.request_id)
        count = count + 1
      else
        local service = query.open(name:match("__(%w+)%-"))
        local operation = operation_of(service, name)
        if not operation then
          service = whole
          operation = operation_of(whole, name)
        end
        if operation then
          local result = assert(service:decode(operation, text))
          assert.is_nil(differs(want, result, name))
          count = count + 1
        else
          skipped[#skipped + 1] = name
        end
      end
    end
    print(("# %d answers read, %d of operations prov has no use for left out"):format(count, #skipped))
    assert.equal(73, count + #skipped)
    assert.is_true(count >= 38, count .. " answers")
  end)

  judged("EC2 writes what botocore writes", function()
    local service, count = query.open("ec2"), 0
    local left = {}
    for _, one in ipairs(assert(json.decode(read("oracle-botocore/ec2-requests.json")))) do
      if service.operations[one.operation] then
        local params = one.params
        if params.UserData then -- botocore does it, and so do we where the request is made
          params.UserData = base.base64(params.UserData)
        end
        params.ClientToken = params.ClientToken or one.body:match("ClientToken=([^&]+)")
        assert.equal(sorted(one.body), sorted(service:encode(one.operation, params)), one.operation .. " " .. one.title)
        local operation, again = service:decode_request(one.body)
        assert.equal(one.operation, operation)
        assert.equal(sorted(one.body), sorted(service:encode(operation, again)), one.operation .. ", read again")
        count = count + 1
      else
        left[one.operation] = true
      end
    end
    print(("# %d of 110 requests; without operation here: %s"):format(count, table.concat(data.keys(left), " ")))
    assert.is_true(count >= 100, count .. " requests")
  end)

  judged("EC2 reads and writes the answers of libcloud's tests", function()
    local service, count, errors = query.open("ec2"), 0, 0
    for _, name in ipairs(names("libcloud-ec2-xml", ".xml")) do
      local text = read("libcloud-ec2-xml/" .. name .. ".xml")
      local operation = operation_of(service, name)
      local failure = query.decode_error(text)
      if failure then
        errors = errors + 1
        assert.is_truthy(failure.code:find("^%a[%w.]+$"), name)
      elseif operation then
        local result, id = service:decode(operation, text)
        assert(result, name)
        local again = assert(service:decode(operation, assert(service:encode_answer(operation, result, id))))
        assert.equal(data.encode(result), data.encode(again), name)
        count = count + 1
      end
    end
    assert.is_true(count >= 60, count .. " answers")
    assert.equal(2, errors)
    local mismatch = query.decode_error(read("libcloud-ec2-xml/run_instances_idem_mismatch.xml"))
    assert.equal("IdempotentParameterMismatch", mismatch.code)
    assert.equal("5dabd361-d2e0-4f79-937d-4b2852a3b719", mismatch.request_id)
  end)

  judged("EC2 reads and writes recorded traffic", function()
    local service, requests, answers = query.open("ec2"), 0, 0
    for _, folder in ipairs({ "ec2-vcr-manageiq-json", "ec2-vcr-puppetlabs-json" }) do
      for _, name in ipairs(names(folder, ".json")) do
        for _, one in ipairs(assert(json.decode(read(folder .. "/" .. name .. ".json")))) do
          local body = type(one.request_body) == "string" and one.request_body or ""
          local operation = body:match("Action=(%a+)")
          if service.operations[operation] and body:find("Version=2016-11-15", 1, true) then
            local found, params = service:decode_request(body)
            assert.equal(operation, found, tostring(params))
            assert.equal(sorted(body), sorted(service:encode(operation, params)), name)
            requests = requests + 1
          end
          local text = type(one.response_body) == "string" and one.response_body or ""
          if service.operations[operation] and text:find("</" .. operation .. "Response>", 1, true) then
            local result, id = assert(service:decode(operation, text))
            assert.is_true(#id == 36 or not text:find("<requestId>", 1, true), name)
            local again = assert(service:encode_answer(operation, result, id))
            assert.equal(data.encode(result), data.encode((service:decode(operation, again))), name)
            answers = answers + 1
          end
        end
      end
    end
    print(("# %d requests, %d answers"):format(requests, answers))
    assert.is_true(requests > 40 and answers > 90)
  end)
end)

describe("the query protocol", function()
  local ec2 = query.open("ec2")

  it("refuses what an operation does not have", function()
    assert.has_error(function()
      ec2:encode("MakeCoffee", {})
    end, "aws: ec2 has no MakeCoffee")
    assert.has_error(function()
      ec2:encode("RunInstances", { ImageID = "x" })
    end, "aws: RunInstancesRequest has no field 'ImageID'")
    for body, code in pairs({
      ["Version=2016-11-15"] = "MissingAction",
      ["Action=MakeCoffee&Version=2016-11-15"] = "InvalidAction",
      ["Action=RunInstances&Version=2999-01-01"] = "InvalidAction",
      ["Action=RunInstances&Version=x"] = "InvalidAction",
      ["Action=RunInstances&Version=2016-11-15&Colour=red"] = "UnknownParameter",
      ["Action=RunInstances&Version=2016-11-15&Placement.Colour=red"] = "UnknownParameter",
      ["Action=RunInstances&Version=2016-11-15&MinCount=many"] = "InvalidParameterValue",
    }) do
      local operation, e = ec2:decode_request(body)
      assert.is_nil(operation)
      assert.equal(code, e.data.cloud_code, body)
    end
  end)

  it("takes earlier versions where AWS does, and answers in their namespace", function()
    local operation, params, version = ec2:decode_request("Action=DescribeVpcs&Version=2014-06-15&VpcId.1=vpc-1")
    assert.same({ "DescribeVpcs", { VpcIds = { "vpc-1" } }, "2014-06-15" }, { operation, params, version })
    local text = assert(ec2:encode_answer(operation, { Vpcs = {} }, "r-1", version))
    assert.truthy(text:find('xmlns="http://ec2.amazonaws.com/doc/2014-06-15/"', 1, true)
      or text:find('xmlns="http://ec2.amazonaws.com/doc/2014-06-15"', 1, true))
    local elb = query.open("elbv2")
    operation, params = elb:decode_request("Action=DescribeLoadBalancers&Version=2012-06-01")
    assert.is_nil(operation)
    assert.equal("InvalidAction", params.data.cloud_code)
  end)

  it("says true where there is nothing to say", function()
    assert.truthy(assert(ec2:encode_answer("CreateTags", {}, "r-1")):find("<return>true</return>", 1, true))
  end)

  it("writes errors that it reads", function()
    for _, name in ipairs({ "ec2", "elbv2" }) do
      local service = query.open(name)
      local found = query.decode_error(assert(service:encode_error("A.B", "<why> & how", "r-1")))
      assert.same({ "A.B", "<why> & how", "r-1" }, { found.code, found.message, found.request_id })
    end
    assert.is_nil(query.decode_error("<html><body>502</body></html>"))
    assert.is_nil(query.decode_error("gateway"))
    assert.is_nil(query.decode_error(""))
  end)

  --- A text with some bytes or pieces of it changed, by a generator that always gives the same.
  local function damaged(text, random)
    for _ = 1, random(4) do
      local at, kind = random(#text), random(4)
      if kind == 1 then
        text = text:sub(1, at)
      elseif kind == 2 then
        text = text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + 1)
      elseif kind == 3 then
        text = text:sub(1, at) .. text:sub(random(#text), at)
      else -- one element in the place of another
        local elements = {}
        for name in text:gmatch("<(%a[%w]*)>") do
          elements[#elements + 1] = name
        end
        if #elements > 1 then
          local from, to = elements[random(#elements)], elements[random(#elements)]
          text = text:gsub("(</?)" .. from .. ">", "%1" .. to .. ">")
        end
      end
      if text == "" then
        return " "
      end
    end
    return text
  end

  judged("raises nothing, whatever comes", function()
    local seed = 42
    local function random(n)
      seed = (seed * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
      return (seed >> 33) % n + 1
    end
    local read_, refused = 0, 0
    for _, name in ipairs(names("libcloud-ec2-xml", ".xml")) do
      local text, operation = read("libcloud-ec2-xml/" .. name .. ".xml"), operation_of(ec2, name)
      for _ = 1, operation and 60 or 0 do
        local bad = damaged(text, random)
        local result, e = ec2:decode(operation, bad)
        query.decode_error(bad)
        assert.is_true(type(result) == "table" or e ~= nil)
        read_, refused = read_ + (result and 1 or 0), refused + (result and 0 or 1)
      end
    end
    for _, one in ipairs(assert(json.decode(read("oracle-botocore/ec2-requests.json")))) do
      for _ = 1, 40 do
        local bad = damaged(one.body, random)
        local operation, e = ec2:decode_request(bad)
        assert.is_true(operation ~= nil or e.code == "invalid")
      end
    end
    assert.is_true(read_ > 1000 and refused > 1000, read_ .. " and " .. refused)
  end)

  it("says what is no answer", function()
    local result, e = ec2:decode("DescribeVpcs", "<html>")
    assert.is_nil(result)
    assert.equal("invalid", e.code)
    assert.same({}, (ec2:decode("DescribeVpcs", "<DescribeVpcsResponse/>")))
  end)
end)
