--- The judges of AWS's REST with XML: AWS's own protocol tests, and what botocore writes and reads of Route 53 and S3.
local data = require("core.data")
local fs = require("prov.fs")
local json = require("prov.json")
local model = require("support.aws_model")
local query = require("prov.aws.query")
local rest = require("prov.aws.rest")
local timestamp = require("prov.aws.timestamp")
local xml = require("prov.xml")

local shared = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"

local function read(name)
  return fs.read(("%s/fixtures/aws/botocore-protocol/%s-rest-xml.json"):format(shared, name))
end

local has_data = read("input") ~= nil
if not has_data then
  print("SKIP AWS's protocol tests of rest-xml: no " .. shared .. "/fixtures/aws/botocore-protocol/*-rest-xml.json")
end

local function judged(name, fn)
  it(name, function()
    if not has_data then
      pending("no protocol tests of rest-xml")
      return
    end
    fn()
  end)
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
