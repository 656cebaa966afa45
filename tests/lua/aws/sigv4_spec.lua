--- The judges of signatures: AWS's own suite for version 4, and what botocore signed with a fixed clock.
local fs = require("prov.fs")
local json = require("prov.json")
local sigv4 = require("prov.sigv4")

local shared = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"
local suite = shared .. "/fixtures/aws/sigv4-aws-c-auth"
local oracle = shared .. "/fixtures/aws/oracle-botocore"

local NOW = 1440938160 -- 2015-08-30T12:36:00Z

--- A request of the suite; header lines that begin with spaces go on with the one above.
local function parse(text)
  local head, body = text:match("^(.-\n)\n(.*)$")
  head = (head or text):gsub("\n +", "  ")
  local method, target = head:match("^(%S+) (.-) HTTP/1.1\n")
  local headers = {}
  for name, value in head:gmatch("\n([^:\n]+):([^\n]*)") do
    headers[name] = headers[name] or {}
    table.insert(headers[name], value)
  end
  return { method = method, url = target, headers = headers, body = body or "" }
end

local function read(case, name)
  return (assert(fs.read(("%s/%s/%s"):format(suite, case, name))):gsub("\n+$", ""))
end

local function scope_of(context)
  return {
    credentials = {
      access_key = context.credentials.access_key_id,
      secret_key = context.credentials.secret_access_key,
      token = context.credentials.token,
    },
    region = context.region, service = context.service, time = NOW, normalize = context.normalize,
    content_hash = context.sign_body, token_unsigned = context.omit_session_token,
  }
end

--- What a signed request is checked with.
local function judge(scope, more)
  local opts = {
    now = NOW, normalize = scope.normalize, region = scope.region, service = scope.service,
    secret_of = function(key)
      return key == scope.credentials.access_key and scope.credentials.secret_key or nil
    end,
  }
  for key, v in pairs(more or {}) do
    opts[key] = v
  end
  return opts
end

describe("signature version 4, by AWS's suite", function()
  local list = fs.list(suite)
  if not list then
    print("SKIP 38 cases of aws-c-auth: no " .. suite)
    it("has its suite", function()
      pending("no " .. suite)
    end)
    return
  end
  local cases = {}
  for _, entry in ipairs(list) do
    local name = type(entry) == "table" and entry.name or entry
    if fs.read(suite .. "/" .. name .. "/request.txt") then
      cases[#cases + 1] = name
    end
  end

  it("has all cases", function()
    assert.equal(38, #cases)
  end)

  for _, case in ipairs(cases) do
    local text = assert(fs.read(suite .. "/" .. case .. "/request.txt"))
    local scope = scope_of(assert(json.decode(read(case, "context.json"))))

    it(case .. " in headers", function()
      local request = parse(text)
      local made = sigv4.sign(request, scope)
      assert.equal(read(case, "header-canonical-request.txt"), made.canonical)
      assert.equal(read(case, "header-string-to-sign.txt"), made.string_to_sign)
      assert.equal(read(case, "header-signature.txt"), made.signature)
      local signed = parse(assert(fs.read(suite .. "/" .. case .. "/header-signed-request.txt")))
      assert.equal(signed.headers.Authorization[1], made.headers.Authorization)
      assert.equal(signed.headers["X-Amz-Date"][1], made.headers["X-Amz-Date"])
      assert.equal((signed.headers["X-Amz-Security-Token"] or {})[1], made.headers["X-Amz-Security-Token"])
      signed.body = request.body
      local who = assert(sigv4.verify(signed, judge(scope)))
      assert.same({ access_key = "AKIDEXAMPLE", region = "us-east-1", service = "service",
        token = scope.credentials.token }, who)
    end)

    it(case .. " in the query", function()
      local request = parse(text)
      local made = sigv4.presign(request, scope, 3600)
      assert.equal(read(case, "query-canonical-request.txt"), made.canonical)
      assert.equal(read(case, "query-string-to-sign.txt"), made.string_to_sign)
      assert.equal(read(case, "query-signature.txt"), made.signature)
      local signed = parse(assert(fs.read(suite .. "/" .. case .. "/query-signed-request.txt")))
      assert.equal(signed.url, made.url)
      signed.body = request.body
      if not scope.token_unsigned then -- the service cannot know that it is none of the signed ones
        assert(sigv4.verify(signed, judge(scope)))
      end
    end)
  end
end)

describe("signature version 4, by botocore", function()
  for _, name in ipairs({ "ec2", "kms" }) do
    it("signs the requests of " .. name, function()
      local text = fs.read(("%s/%s-requests.json"):format(oracle, name))
      if not text then
        pending("no " .. oracle)
        return
      end
      local requests = assert(json.decode(text))
      for _, request in ipairs(requests) do
        local headers = {}
        for key, v in pairs(request.headers) do
          if key ~= "Authorization" and key ~= "X-Amz-Date" then
            headers[key] = v
          end
        end
        local made = sigv4.sign({ method = request.method, url = request.url, headers = headers,
          body = request.body }, {
          credentials = { access_key = "AKIDEXAMPLE", secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
          region = "us-east-1", service = name, time = NOW,
        })
        assert.equal(request.headers.Authorization, made.headers.Authorization, request.operation)
      end
      assert.equal(name == "ec2" and 110 or 21, #requests)
    end)
  end
end)

describe("a signature that came in", function()
  local scope = { credentials = { access_key = "AKID", secret_key = "geheim", token = "T" }, region = "eu-north-1",
    service = "ec2", time = NOW }

  local function signed(change)
    local request = { method = "POST", url = "http://127.0.0.1:8080/?a=1", body = "Action=X",
      headers = { ["Content-Type"] = "text/plain" } }
    for name, text in pairs(sigv4.sign(request, scope).headers) do
      request.headers[name] = text
    end
    request.headers.Host, request.url = "127.0.0.1:8080", "/?a=1"
    if change then
      change(request)
    end
    return request
  end

  local function code(request, more)
    local who, e = sigv4.verify(request, judge(scope, more))
    assert.is_nil(who)
    assert.equal("denied", e.code)
    assert.is_nil(tostring(e):find("geheim", 1, true))
    return e.data.cloud_code
  end

  it("is good as it was made", function()
    assert.same({ access_key = "AKID", region = "eu-north-1", service = "ec2", token = "T" },
      sigv4.verify(signed(), judge(scope)))
  end)

  it("is refused when anything of it was changed", function()
    local wrong = "SignatureDoesNotMatch"
    assert.equal(wrong, code(signed(function(r) r.body = "Action=Y" end)))
    assert.equal(wrong, code(signed(function(r) r.method = "GET" end)))
    assert.equal(wrong, code(signed(function(r) r.url = "/?a=2" end)))
    assert.equal(wrong, code(signed(function(r) r.url = "/b?a=1" end)))
    assert.equal(wrong, code(signed(function(r) r.headers["Content-Type"] = "text/html" end)))
    assert.equal(wrong, code(signed(function(r) r.headers["X-Amz-Security-Token"] = "U" end)))
    assert.equal(wrong, code(signed(function(r) r.headers.Host = "127.0.0.1:8081" end)))
    assert.equal(wrong, code(signed(), { region = "us-east-1" }))
    assert.equal(wrong, code(signed(), { service = "sts" }))
    assert.equal(wrong, code(signed(function(r)
      r.headers.Authorization = r.headers.Authorization:gsub("host;", "")
    end)))
    assert.equal(wrong, code(signed(), { secret_of = function() return "another" end }))
  end)

  it("is refused when it is too old, of the future, unknown, half or absent", function()
    assert.equal("RequestExpired", code(signed(), { now = NOW + 901 }))
    assert.equal("RequestExpired", code(signed(), { now = NOW - 901 }))
    assert(sigv4.verify(signed(), judge(scope, { now = NOW + 900 })))
    assert.equal("InvalidClientTokenId", code(signed(), { secret_of = function() end }))
    assert.equal("MissingAuthenticationToken", code(signed(function(r) r.headers.Authorization = nil end)))
    assert.equal("IncompleteSignature", code(signed(function(r) r.headers.Authorization = "Basic eA==" end)))
    assert.equal("IncompleteSignature", code(signed(function(r) r.headers["X-Amz-Date"] = nil end)))
  end)

  it("is refused and raises nothing, whatever its bytes are", function()
    local seed = 7
    local function random(n)
      seed = (seed * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
      return (seed >> 33) % n + 1
    end
    local function damaged(text)
      local at = random(#text)
      local byte = string.char(random(256) - 1)
      return random(2) == 1 and text:sub(1, at - 1) or text:sub(1, at - 1) .. byte .. text:sub(at + 1)
    end
    for _ = 1, 3000 do
      local request = signed()
      local names = { "Authorization", "X-Amz-Date", "Host", "X-Amz-Security-Token" }
      local name = names[random(#names)]
      local before = request.headers[name]
      request.headers[name] = damaged(before)
      local who, e = sigv4.verify(request, judge(scope))
      local same = request.headers[name]:match("^%s*(.-)%s*$"):gsub("%s+", " ") == before
        or name == "Authorization" -- where blanks and words between its parts say nothing
      assert.is_true(who == nil and e.code == "denied" or same and who.access_key == "AKID", request.headers[name])
    end
    local made = sigv4.presign({ method = "GET", url = "http://h/x" }, scope, 60).url:match("^http://h(.*)")
    for _ = 1, 3000 do
      local url = damaged(made)
      local who, e = sigv4.verify({ method = "GET", url = url, headers = { host = "h" } }, judge(scope))
      assert.is_true(who ~= nil or e.code == "denied", url)
    end
  end)

  it("in a URL lasts as long as it says", function()
    local made = sigv4.presign({ method = "GET", url = "http://h/x" }, scope, 60)
    local request = { method = "GET", url = made.url:match("^http://h(.*)"), headers = { host = "h" } }
    assert(sigv4.verify(request, judge(scope, { now = NOW + 60 })))
    assert.equal("RequestExpired", code(request, { now = NOW + 61 }))
    request.url = request.url:gsub("Expires=60", "Expires=600")
    assert.equal("SignatureDoesNotMatch", code(request))
    request.url = request.url:gsub("Expires=600", "Expires=700000")
    assert.equal("RequestExpired", code(request))
  end)
end)
