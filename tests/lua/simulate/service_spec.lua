--- The service of a simulator, with a cloud of one route.

local async = require("support.async")
local err = require("prov.err")
local faults = require("prov.simulate.faults")
local http = require("prov.http")
local json = require("prov.json")
local simulate = require("prov.simulate")
local tmp = require("support.tmp")

local FACE = {
  name = "sky",
  title = "Sky",
  port = 0,
  kinds = { thing = { unique = { "name" } } },
  rate = { limit = 3, per_second = 1 },
  faults = {
    rate_limit = { status = 429, code = "slow_down", message = "too many" },
    unavailable = { status = 503, code = "away", message = "away" },
    locked = { status = 423, code = "locked", message = "locked" },
  },
}

function FACE.setup() end

function FACE.resolve(call)
  call.operation = call.method == "POST" and "thing.create" or "thing.list"
  call.reads = call.method == "GET"
  return function()
    if call.method == "POST" then
      local thing, e = call.w:add("thing", { name = call.request.body, state = "new" })
      if not thing then
        return nil, e
      end
      call.w:later(thing, 1000, { state = call.fails and "failed" or "done" })
      return 201, thing.id
    elseif call.path == "/boom" then
      call.w:add("thing", { name = "half" })
      error("boom")
    end
    local out = {}
    for i, thing in ipairs(call.w:list("thing")) do
      out[i] = thing.name .. ":" .. thing.state
    end
    return 200, table.concat(out, " ")
  end
end

function FACE.allow(call, secret)
  local who = call.request.headers.authorization
  if not who or secret and who ~= secret then
    return nil, err.new("denied", "who are you", { wire = { status = 401, code = "who" } })
  end
  return who
end

function FACE.answer(call, status, value)
  return status, { ["X-Left"] = call.rate and call.rate.remaining }, tostring(value)
end

function FACE.refuse(_, e)
  local wire = e.wire or { status = e.code == "exists" and 409 or 500, code = e.code }
  return wire.status, {}, wire.code .. ": " .. e.msg
end

function FACE.environment()
  return {}
end

package.loaded["prov.simulate.sky"] = FACE

--- Runs fn(ask, sim) on a simulator of that cloud.
local function with(opts, fn, dir)
  async.run(function()
    local sim = assert(simulate.open(dir or tmp.dir(), opts.open))
    local one = assert(sim:serve("sky", opts))
    local function ask(method, path, body, who)
      local response, e = http.request({
        url = ("http://127.0.0.1:%d%s"):format(one.port, path),
        method = method,
        body = body,
        headers = { Authorization = who or "me" },
        timeout = 5000,
      })
      return response and response.status or e.code, response and response.body, response and response.headers
    end
    fn(ask, sim)
    sim:drain()
    sim:close()
    return true
  end)
end

local function script(list)
  return assert(faults.check(list))
end

describe("the service of a simulator", function()
  it("runs operations, and keeps what they did", function()
    local dir = tmp.dir()
    with({ rate = 0 }, function(ask)
      assert.are.equal(201, (ask("POST", "/", "a")))
      assert.are.equal(409, (ask("POST", "/", "a")))
      assert.are.equal(500, (ask("GET", "/boom")))
      assert.are.equal("a:new", (select(2, ask("GET", "/"))))
    end, dir)
    with({ rate = 0 }, function(ask, sim)
      sim.world:advance(2000)
      assert.are.equal("a:done", (select(2, ask("GET", "/"))))
    end, dir)
  end)

  it("limits the rate of an account, not of others, in the time of the world", function()
    with({}, function(ask, sim)
      for left = 2, 0, -1 do
        local status, _, headers = ask("GET", "/")
        assert.are.same({ 200, tostring(left) }, { status, headers["x-left"] })
      end
      assert.are.equal(429, (ask("GET", "/")))
      assert.are.equal(200, (ask("GET", "/", nil, "you")))
      sim.world:advance(1000)
      assert.are.equal(200, (ask("GET", "/")))
      assert.are.equal(429, (ask("GET", "/")))
    end)
  end)

  it("lets in who it is told to", function()
    with({ secret = "me" }, function(ask)
      assert.are.equal(401, (ask("GET", "/", nil, "you")))
      assert.are.equal(200, (ask("GET", "/")))
    end)
  end)

  it("does what the fault script says, before or after the work", function()
    local list = {
      { fault = "lost_answer", operation = "thing.create", nth = { 1 } },
      { fault = "lost_request", operation = "thing.create", nth = { 2 } },
      { fault = "unavailable", operation = "thing.create", nth = { 3 }, retry_after = "7s" },
      { fault = "duplicate", operation = "thing.create", nth = { 4 } },
      { fault = "truncated", operation = "thing.list", nth = { 1 }, keep = 3 },
      { fault = "refuse", operation = "thing.list", nth = { 3 }, status = 418, code = "teapot", message = "short" },
    }
    with({ rate = 0, open = { faults = script(list) } }, function(ask, sim)
      assert.are.equal("unavailable", (ask("POST", "/", "lost")))
      assert.are.equal("unavailable", (ask("POST", "/", "never")))
      local status, _, headers = ask("POST", "/", "never")
      assert.are.same({ 503, "7" }, { status, headers["retry-after"] })
      assert.are.equal(409, (ask("POST", "/", "twice")))
      assert.is_string((ask("GET", "/"))) -- an error of the client, for the answer did not end
      local function both(...)
        local status_of, body = ask(...)
        return { status_of, body }
      end
      assert.are.same({ 200, "lost:new twice:new" }, both("GET", "/"))
      assert.are.same({ 418, "teapot: short" }, both("GET", "/"))
      local calls = assert(sim:calls_list())
      local seen = {}
      for i, row in ipairs(calls) do
        seen[i] = row.fault or "-"
      end
      assert.are.same({ "lost_answer", "lost_request", "unavailable", "duplicate", "truncated", "-", "refuse" }, seen)
      assert.is_nil(calls[1].headers)
      assert.are.equal("lost", calls[1].body)
    end)
  end)

  it("keeps the fault script with its counts", function()
    local dir = tmp.dir()
    with({ rate = 0, open = { faults = script({ { fault = "locked", nth = { 2 } } }) } }, function(ask)
      assert.are.equal(201, (ask("POST", "/", "a")))
    end, dir)
    with({ rate = 0 }, function(ask)
      assert.are.equal(423, (ask("POST", "/", "b")))
      assert.are.equal(201, (ask("POST", "/", "b")))
    end, dir)
  end)

  it("slows down and fails what a request begins", function()
    local list = {
      { fault = "slow_action", operation = "thing.create", nth = { 1 }, by = "10s" },
      { fault = "failed_action", operation = "thing.create", nth = { 2 } },
    }
    with({ rate = 0, open = { faults = script(list) } }, function(ask, sim)
      ask("POST", "/", "slow")
      ask("POST", "/", "fails")
      sim.world:advance(2000)
      assert.are.equal("slow:new fails:failed", (select(2, ask("GET", "/"))))
      sim.world:advance(10000)
      assert.are.equal("slow:done fails:failed", (select(2, ask("GET", "/"))))
    end)
  end)

  it("shows reads an older world when it is told to", function()
    with({ rate = 0, age = 5000 }, function(ask, sim)
      ask("POST", "/", "a")
      assert.are.equal("", (select(2, ask("GET", "/"))))
      sim.world:advance(6000)
      assert.matches("^a:", (select(2, ask("GET", "/"))))
    end)
  end)

  it("has its folder alone, and is asked over its socket", function()
    local dir = tmp.dir()
    with({ rate = 0 }, function(ask, sim)
      local again, e = simulate.open(dir)
      assert.is_nil(again)
      assert.are.equal("locked", e.code)
      local server = assert(require("prov.simulate.control").serve(sim))
      ask("POST", "/", "a")
      local state = assert(simulate.ask(dir, "state"))
      assert.are.same({ 1, "a", "thing" }, { #state, state[1].name, state[1].kind })
      assert.are.equal(1, #assert(simulate.ask(dir, "calls")))
      local _, errs = simulate.ask(dir, "set_faults", { script = { faults = json.decode('[{"fault":"x"}]') } })
      assert.are.equal("invalid", errs[1].code)
      local before = assert(simulate.ask(dir, "clock")).now
      assert.is_true(assert(simulate.ask(dir, "clock", { advance = 60 })).now >= before + 60000)
      assert(simulate.ask(dir, "reset"))
      assert.are.equal(0, #assert(simulate.ask(dir, "state")))
      ask("POST", "/", "b")
      server:close()
    end, dir)
    async.run(function()
      assert.are.equal("b", assert(simulate.ask(dir, "state"))[1].name) -- without a simulator
      local _, e = simulate.ask(dir .. "/nothing", "state")
      assert.are.equal("notfound", e.code)
      return true
    end)
  end)
end)
