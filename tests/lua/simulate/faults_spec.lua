--- Fault scripts: which request gets which fault.

local async = require("support.async")
local faults = require("prov.simulate.faults")
local fs = require("prov.fs")
local tmp = require("support.tmp")

local function call(method, path, operation, cloud)
  return { cloud = cloud or "sky", method = method, path = path, operation = operation or "x.get" }
end

local function new(list, seed)
  return faults.new(assert(faults.check({ faults = list, seed = seed })))
end

--- Which of n equal calls meet a fault, as a text of 1 and 0.
local function pattern(it, n, one)
  local out = {}
  for i = 1, n do
    out[i] = it:decide(one or call("GET", "/a")) and "1" or "0"
  end
  return table.concat(out)
end

describe("a fault script", function()
  it("fits by cloud, method, path and operation", function()
    local it = new({
      { fault = "delay", cloud = "sea" },
      { fault = "locked", method = "POST", path = "/v1/servers/*/actions/poweroff" },
      { fault = "stale", operation = "server.*" },
      { fault = "unavailable", path = "/v1/a.b" },
    })
    local function which(...)
      local fault = it:decide(call(...))
      return fault and fault.fault
    end
    assert.are.equal("delay", which("GET", "/", "x", "sea"))
    assert.are.equal("locked", which("POST", "/v1/servers/7/actions/poweroff"))
    assert.is_nil(which("GET", "/v1/servers/7/actions/poweroff"))
    assert.is_nil(which("POST", "/v1/servers/7/actions/poweroff/x"))
    assert.are.equal("stale", which("GET", "/", "server.list"))
    assert.is_nil(which("GET", "/", "my_server.list"))
    assert.are.equal("unavailable", which("GET", "/v1/a.b"))
    assert.is_nil(which("GET", "/v1/acb")) -- a dot is a dot
  end)

  it("is due by count, by number of times, and by chance that is the same again", function()
    assert.are.equal("0100100000", pattern(new({ { fault = "delay", nth = { 2, 5 } } }), 10))
    assert.are.equal("0010010010", pattern(new({ { fault = "delay", every = 3 } }), 10))
    assert.are.equal("1100000000", pattern(new({ { fault = "delay", times = 2 } }), 10))
    local list = { { fault = "delay", probability = 0.3 } }
    local once = pattern(new(list, 7), 200)
    assert.are.equal(once, pattern(new(list, 7), 200))
    assert.are_not.equal(once, pattern(new(list, 8), 200))
    local _, ones = once:gsub("1", "")
    assert.is_true(ones > 30 and ones < 90, ones)
  end)

  it("goes on where it was", function()
    local list = { { fault = "delay", nth = { 3 } }, { fault = "stale", probability = 0.5, every = 1 } }
    local whole = new(list)
    local first = pattern(whole, 2)
    local script = assert(faults.check({ faults = list }))
    local other = faults.new(script)
    assert.are.equal(first, pattern(other, 2))
    assert.are.equal(pattern(whole, 4), pattern(faults.new(script, other.memory), 4))
  end)

  it("takes the first that is due, and counts all that fit", function()
    local it = new({ { fault = "delay", nth = { 2 } }, { fault = "stale" } })
    assert.are.equal("stale", it:decide(call("GET", "/")).fault)
    assert.are.equal("delay", it:decide(call("GET", "/")).fault)
    local rows = it:rows()
    assert.are.same({ 2, 1 }, { rows[1].matched, rows[1].happened })
    assert.are.same({ 2, 1 }, { rows[2].matched, rows[2].happened })
  end)

  it("is read from YAML and JSON, and mistakes are told with their place", async.test(function()
    local dir = tmp.dir()
    assert(fs.write_atomic(dir .. "/a.json", '[{ "fault": "delay", "by": "2s" }]'))
    assert.are.equal(2, assert(faults.read(dir .. "/a.json")).faults[1].by)
    assert(fs.write_atomic(dir .. "/b.yaml", "faults:\n  - fault: delay\n  - fault: dealy\n"))
    local script, errs = faults.read(dir .. "/b.yaml")
    assert.is_nil(script)
    assert.matches("b.yaml:3", tostring(errs[1]))
    assert.is_nil(faults.read(dir .. "/nothing.yaml"))
  end))
end)
