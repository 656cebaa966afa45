local api = require("prov.provider.api")
local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local gates = require("prov.gate")
local http_server = require("prov.http_server")
local log = require("prov.log")
local test = require("support.async").test

local JSON = { ["Content-Type"] = "application/json" }

local function with(headers)
  return setmetatable(headers, { __index = JSON })
end

--- A cloud: answers the n-th request as answers[n] says, the last one for all that follow. Keeps what it was asked.
local function cloud(answers)
  local self = { asked = {}, at = {} }
  local server = assert(http_server.listen({}, function(request)
    self.asked[#self.asked + 1] = request
    self.at[#self.at + 1] = clock.monotonic()
    local answer = answers[math.min(#self.asked, #answers)]
    if type(answer) == "function" then
      return answer(request)
    end
    local headers = { ["Content-Type"] = answer.type or "application/json" }
    for name, v in pairs(answer.headers or {}) do
      headers[name] = v
    end
    request:respond(answer[1], headers, answer[2])
  end))
  self.url = "http://127.0.0.1:" .. server.port
  return setmetatable(self, { __close = function()
    server:close()
  end })
end

local function gate(limits)
  limits = limits or {}
  limits.retry = limits.retry or { attempts = 4, base = 0.002, max = 0.01 }
  return gates.new("spec", limits, { now = clock.monotonic, sleep = async.sleep, random = math.random })
end

local function client(c, options, limits)
  options = options or {}
  options.url = c.url
  return api.open(options, "spec", gate(limits))
end

local OK = { 200, '{"a":{"b":1,"none":null},"list":[1,null]}' }

describe("the API client of providers", function()
  it("sends JSON and query fields, and reads an answer without its nulls", test(function()
    local c <close> = cloud({ OK })
    local one = client(c, { headers = { Authorization = "Bearer 12345678" } })
    local body, response = one:request({
      method = "POST", path = "/v1/things", query = { b = { 1, 2 }, a = "x y/&" }, body = { name = "é", list = { 1 } },
    })
    assert.same({ a = { b = 1 }, list = { 1, require("prov.json").null } }, body)
    assert.equal(200, response.status)
    local asked = c.asked[1]
    assert.equal("POST", asked.method)
    assert.equal("a=x%20y%2F%26&b=1&b=2", asked.query)
    assert.equal('{"list":[1],"name":"é"}', asked.body)
    assert.equal("application/json", asked.headers["content-type"])
    assert.equal("application/json", asked.headers.accept)
    assert.equal("Bearer 12345678", asked.headers.authorization)
    assert.matches("^prov/", asked.headers["user-agent"])
    assert(one:post("/v1/things/1/poweron"))
    assert.is_nil(c.asked[2].headers["content-type"])
    assert.equal("", c.asked[2].body)
  end))

  it("gives an empty answer as an empty table", test(function()
    local c <close> = cloud({ { 204 } })
    assert.same({}, (client(c):delete("/x")))
  end))

  it("waits as long as a 429 asks, the whole account with it", test(function()
    local c <close> = cloud({ { 429, "{}", headers = { ["Retry-After"] = "1" } }, OK })
    local one = client(c)
    local began = clock.monotonic()
    assert(one:post("/x", {})) -- nothing has come of it, so even this is sent again
    assert.is_true(clock.monotonic() - began >= 995)
    assert.equal(2, #c.asked)
  end))

  it("reads Retry-After as a date too", function()
    assert.equal(7, api.retry_after("7"))
    local at = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 60)
    assert.is_true(math.abs(api.retry_after(at) - 60) <= 2)
    assert.equal(0, api.retry_after("Wed, 21 Oct 2015 07:28:00 GMT"))
    assert.is_nil(api.retry_after("soon"))
    assert.is_nil(api.retry_after(nil))
  end)

  it("uses up what the account grants, and then goes as fast as it grants more", test(function()
    local left = 4
    local c <close> = cloud({ function(request)
      left = math.max(0, left - 1)
      request:respond(200, with({
        ["Content-Type"] = "application/json", ["RateLimit-Limit"] = "10", ["RateLimit-Remaining"] = tostring(left),
        ["RateLimit-Reset"] = tostring((10 - left) * 0.1),
      }), "{}")
    end })
    local one = client(c)
    for _ = 1, 6 do
      assert(one:get("/x"))
    end
    local gaps = {}
    for i = 2, 6 do
      gaps[i - 1] = c.at[i] - c.at[i - 1]
    end
    assert.is_true(gaps[1] < 60 and gaps[2] < 60 and gaps[3] < 60, "the first ones pass freely")
    assert.is_true(gaps[4] >= 85 and gaps[5] >= 85, "the last ones as fast as new ones are granted")
  end))

  it("repeats a read through 503, a cut connection and a truncated answer", test(function()
    local function truncated(request)
      local stream = assert(request:stream(200, JSON))
      stream:write('{"a":')
    end
    local c <close> = cloud({ { 503, "<html>" , type = "text/html" }, truncated, { 200, '{"a":' }, OK })
    assert.equal(1, assert(client(c):get("/x")).a.b)
    assert.equal(4, #c.asked)
  end))

  it("does not repeat what may have had an effect", test(function()
    for _, answer in ipairs({ { 503, "{}" }, { 500, "" }, function(request)
      assert(request:stream(201, JSON)):write("{")
    end }) do
      local c <close> = cloud({ answer, OK })
      local body, e = client(c):post("/x", { a = 1 })
      assert.is_nil(body)
      assert.equal("unavailable", e.code)
      assert.is_nil((e.data or {}).exhausted)
      assert.equal(1, #c.asked)
    end
  end))

  it("gives up in the end, and tells callers not to begin again", test(function()
    local c <close> = cloud({ { 502, "" } })
    local _, e = client(c):get("/x")
    assert.equal("unavailable", e.code)
    assert.matches("GET /x: the answer was HTTP 502", tostring(e))
    assert.is_true(e.data.exhausted)
    assert.is_nil(gate():again(1, e))
    assert.equal(4, #c.asked)
  end))

  it("does not take what is no JSON for an answer", test(function()
    local c <close> = cloud({ { 200, "<html>login</html>", type = "text/html" } })
    local _, e = client(c):post("/x", {})
    assert.equal("unavailable", e.code)
    assert.matches("HTTP 200, text/html[^)]*%) is not JSON", tostring(e))
  end))

  it("never says that something is gone unless the cloud does", test(function()
    local c <close> = cloud({ { 404, "not here", type = "text/plain" } })
    local _, e = client(c):get("/x")
    assert.equal("failed", e.code)
    local own = client(c, { error = function(status)
      return { code = status == 404 and "notfound" or nil, msg = "no x", cloud_code = "not_found" }
    end })
    _, e = own:get("/x")
    assert.equal("notfound", e.code)
    _, e = api.open({ url = "http://no-such-host.invalid" }, "spec", gate()):get("/x")
    assert.equal("unavailable", e.code)
    _, e = api.open({ url = "http://127.0.0.1:1" }, "spec", gate()):get("/x")
    assert.equal("unavailable", e.code)
  end))

  it("asks no longer than its time for an answer that does not come", test(function()
    local c <close> = cloud({ function()
      async.sleep(20000)
    end })
    local began = clock.monotonic()
    local _, e = client(c, { timeout = 0.1 }, { retry = { attempts = 2, base = 0.001 } }):get("/x")
    assert.equal("unavailable", e.code)
    assert.is_true(clock.monotonic() - began < 5000)
    assert.equal(2, #c.asked)
  end))

  it("is patient with what is locked, and not for ever", test(function()
    local function locked(status, _, _)
      return status == 423 and { code = "unavailable", cloud_code = "locked", safe = true, patience = 0.6 } or nil
    end
    local c <close> = cloud({ { 423, "{}" }, { 423, "{}" }, OK })
    assert(client(c, { error = locked }):post("/x", {}))
    assert.equal(3, #c.asked)
    local stuck <close> = cloud({ { 423, "{}" } })
    local _, e = client(stuck, { error = locked }):post("/x", {})
    assert.equal("unavailable", e.code)
    assert.is_true(e.data.exhausted)
    assert.is_true(#stuck.asked >= 2)
  end))

  it("puts the cloud's words, code and request into its error", test(function()
    local c <close> = cloud({ { 422, '{"error":{"code":"invalid_input","message":"bad name"}}',
      headers = { ["X-Correlation-Id"] = "abc-1" } } })
    local _, e = client(c, {
      request_id = "X-Correlation-Id",
      error = function(_, body)
        return { cloud_code = body.error.code, msg = body.error.message }
      end,
    }):put("/x", {})
    assert.equal("invalid", e.code)
    assert.equal("PUT /x: bad name (invalid_input, request abc-1)", tostring(e))
    assert.same({ status = 422, cloud_code = "invalid_input", request_id = "abc-1" }, e.data)
    assert.equal(1, #c.asked)
  end))

  it("shows no secret: not that of an answer, nor one that comes back in an error", test(function()
    log.secret("token-of-the-account")
    local c <close> = cloud({ { 201, '{"server":{"id":1},"root_password":"YItygq1v3GYjjMomLaKc"}' },
      { 401, '{"m":"bad token token-of-the-account, YItygq1v3GYjjMomLaKc"}' } })
    local one = client(c, {
      hidden = { "root_password" },
      error = function(_, body)
        return { msg = body.m, hint = body.m }
      end,
    })
    local body = assert(one:post("/x", {}))
    assert.same({ server = { id = 1 } }, body)
    local _, e = one:get("/x")
    assert.equal("denied", e.code)
    assert.is_nil((tostring(e) .. e.hint):find("token%-of%-the%-account"))
    assert.is_nil((tostring(e) .. e.hint):find("YItygq"))
  end))

  it("asks for its headers anew each time, and fails when there are none", test(function()
    local c <close> = cloud({ { 503, "" }, OK })
    local n = 0
    local function headers()
      n = n + 1
      return { ["X-N"] = tostring(n) }
    end
    assert(client(c, { headers = headers }):get("/x"))
    assert.same({ "1", "2" }, { c.asked[1].headers["x-n"], c.asked[2].headers["x-n"] })
    local _, e = client(c, { headers = function()
      return err.fail("denied", "no credentials")
    end }):get("/x")
    assert.equal("denied", e.code)
  end))

  it("stops asking when its task is cancelled", test(function()
    local c <close> = cloud({ function()
      async.sleep(20000)
    end })
    local task = async.spawn(function()
      return client(c):get("/x")
    end)
    while #c.asked == 0 do
      async.sleep(5)
    end
    task:cancel()
    local _, e = task:join()
    assert.equal("canceled", e.code)
    assert.equal(1, #c.asked)
  end))
end)
