--- The judges of the JSON protocol: AWS's own protocol tests, and requests that botocore wrote and signed.
local fs = require("prov.fs")
local json = require("prov.json")
local judges = require("support.judges")
local model = require("support.aws_model")
local query = require("prov.aws.query")
local sigv4 = require("prov.sigv4")
local timestamp = require("prov.timestamp")

local function skip(why)
  pending(why)
end

local text_of, judged = judges.of(it, skip, "fixtures/aws", "botocore-protocol/input-json.json")

local function read(name)
  local text = text_of(name)
  return text and assert(json.decode(text))
end

local function is_null(v)
  return v == nil or v == json.null
end

--- Where two values of JSON differ; what is null is not there.
local function differs(want, have, path)
  if is_null(want) and is_null(have) then
    return nil
  elseif type(want) == "table" and type(have) == "table" then
    local keys = {}
    for _, side in ipairs({ want, have }) do
      for key in pairs(side) do
        keys[key] = true
      end
    end
    for key in pairs(keys) do
      local found = differs(want[key], have[key], path .. "." .. tostring(key))
      if found then
        return found
      end
    end
    return nil
  elseif type(have) == "number" and type(want) == "string" then -- the tests have no numbers for these
    local same = want == "NaN" and have ~= have or want == "Infinity" and have == math.huge
      or want == "-Infinity" and have == -math.huge or timestamp.parse(want) == have
    return not same and ("%s: %s, not %s"):format(path, have, want) or nil
  end
  return want ~= have and ("%s: %s, not %s"):format(path, tostring(have), tostring(want)) or nil
end

--- What has no counterpart here: the services of prov have no documents, no labels in host names, no compression.
local LEFT_OUT = { PutAndGetInlineDocuments = true, EndpointOperation = true, EndpointWithHostLabelOperation = true,
  HostWithPathOperation = true, PutWithContentEncoding = true }

--- Calls fn for each case of the tests, with its service.
local function each(direction, fn)
  local left = 0
  for _, suite in ipairs(read(("botocore-protocol/%s-json.json"):format(direction))) do
    suite.operations = {}
    local faults = {}
    for _, case in ipairs(suite.cases) do
      suite.operations[case.given.name] = case.given
      for _, fault in ipairs(case.given.errors or {}) do
        faults[#faults + 1] = fault.shape
      end
    end
    for _, case in ipairs(suite.cases) do
      if LEFT_OUT[case.given.name] then
        left = left + 1
      else
        fn(query.service(model.compact(suite, "test", nil, faults)), case)
      end
    end
  end
  return left
end

--- Names of headers small, as servers see them.
local function small(headers)
  local out = {}
  for name, text in pairs(headers or {}) do
    out[name:lower()] = text
  end
  return out
end

describe("AWS's protocol tests of JSON", function()
  judged("write requests", function()
    local written = 0
    local left = each("input", function(service, case)
      local name, want = case.given.name, case.serialized
      local headers, body = service:headers(name), service:encode(name, case.params)
      for header, text in pairs(want.headers or {}) do
        assert.equal(text, headers[header], case.id)
      end
      assert.is_nil(differs(json.decode(want.body or "{}"), json.decode(body), case.id))
      local operation, again = service:decode_request(body, small(headers))
      assert.equal(name, operation)
      assert.equal(body, service:encode(operation, again), case.id .. ", read again")
      written = written + 1
    end)
    print(("# %d requests of JSON written and read, %d left out"):format(written, left))
    assert.equal(48, written)
    assert.equal(6, left)
  end)

  judged("read answers", function()
    local count, errors = 0, 0
    local left = each("output", function(service, case)
      local response = { status = case.response.status_code or 200, headers = small(case.response.headers),
        body = case.response.body or "" }
      if case.errorCode then
        local found = assert(service:error_of(response), case.id)
        assert.equal(case.errorCode, found.code, case.id)
        assert.equal(case.errorMessage or found.message, found.message, case.id)
        for _, fault in ipairs(case.given.errors or {}) do
          if fault.shape == found.code then
            assert.is_nil(differs(case.error, service:decode_fault(fault.shape, found.error), case.id))
          end
        end
        errors = errors + 1
      else
        assert.is_nil(service:error_of(response))
        local result = assert(service:decode(case.given.name, response.body))
        assert.is_nil(differs(case.result, result, case.id))
        local text = assert(service:encode_answer(case.given.name, result))
        assert.is_nil(differs(case.result, service:decode(case.given.name, text), case.id .. ", written again"))
        count = count + 1
      end
    end)
    print(("# %d answers and %d errors of JSON read, %d left out"):format(count, errors, left))
    assert.equal(45, count)
    assert.equal(12, errors)
    assert.equal(1, left)
  end)
end)

describe("the JSON protocol", function()
  judged("writes and signs what botocore does", function()
    local requests = read("oracle-botocore/kms-requests.json")
    local description = fs.read("/usr/lib/python3/dist-packages/botocore/data/kms/2014-11-01/service-2.json")
    if not description then
      print(("SKIP %d requests of botocore: no python3-botocore"):format(#requests))
      pending("no description of KMS")
      return
    end
    local service = query.service(model.compact(assert(json.decode(description)), "kms"))
    for _, one in ipairs(requests) do
      local operation, params = service:decode_request(one.body, small(one.headers))
      assert.equal(one.operation, operation)
      local headers = service:headers(operation)
      assert.is_nil(differs(json.decode(one.body), json.decode(service:encode(operation, params)), one.title))
      for field, text in pairs(one.params) do
        if type(text) == "string" and text ~= params[field] then
          assert.equal("<binary data>", text, one.title .. " " .. field)
        end
      end
      local key = one.headers.Authorization:match("Credential=([^/]+)/")
      local made = sigv4.sign({ method = "POST", url = one.url, headers = headers, body = one.body }, {
        credentials = { access_key = key, secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
        region = "us-east-1", service = "kms", time = 1440938160,
      })
      assert.equal(one.headers.Authorization, made.headers.Authorization, one.title)
    end
    assert.equal(21, #requests)
  end)

  it("refuses what is no request of the service", function()
    local service = query.open("pricing")
    local _, e = service:decode_request("{}", { ["x-amz-target"] = "AWSPriceListService.Nothing" })
    assert.equal("UnknownOperationException", e.data.cloud_code)
    _, e = service:decode_request("[", { ["x-amz-target"] = "AWSPriceListService.GetProducts" })
    assert.equal("SerializationException", e.data.cloud_code)
    assert.has_error(function()
      service:encode("GetProducts", { Nothing = 1 })
    end, "aws: GetProductsRequest has no field 'Nothing'")
  end)

  it("takes an answer of another shape for none", function()
    local service = query.open("pricing")
    assert.same({ PriceList = {} }, (service:decode("GetProducts", '{"PriceList":7,"NextToken":null}')))
    local result, e = service:decode("GetProducts", "<html>")
    assert.is_nil(result)
    assert.equal("invalid", e.code)
    assert.is_nil(service:error_of({ status = 502, headers = {}, body = "<html>bad gateway</html>" }))
  end)
end)
