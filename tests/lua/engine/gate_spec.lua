local err = require("prov.err")
local gates = require("prov.gate")

-- A world with a clock of its own: sleeping moves it on.
local function world(dice)
  local w = { at = 0, slept = {} }
  function w.now()
    return w.at
  end
  function w.sleep(ms)
    w.slept[#w.slept + 1] = ms
    w.at = w.at + ms
  end
  function w.random()
    return dice or 1
  end
  return w
end

local function unavailable(retry_after)
  return err.new("unavailable", "busy", { data = retry_after and { retry_after = retry_after } or nil })
end

describe("the gate of an account", function()
  it("backs off exponentially with full jitter, and gives up", function()
    local w = world()
    local gate = gates.new("demo", nil, w)
    for attempt, ms in ipairs({ 200, 400, 800, 1600 }) do
      assert.equal(ms, gate:again(attempt, unavailable()))
    end
    assert.is_nil(gate:again(5, unavailable()))
    gate = gates.new("demo", nil, world(0.25))
    assert.same({ 50, 100 }, { gate:again(1, unavailable()), gate:again(2, unavailable()) })
    gate = gates.new("demo", { retry = { attempts = 20, base = 1, max = 4 } }, world())
    for attempt, ms in pairs({ [1] = 1000, [2] = 2000, [3] = 4000, [8] = 4000, [19] = 4000 }) do
      assert.equal(ms, gate:again(attempt, unavailable()))
    end
    assert.is_nil(gate:again(20, unavailable()))
  end)

  it("tries again only what may succeed later", function()
    local gate = gates.new("demo", nil, world())
    for code in pairs(err.CODES) do
      local ms = gate:again(1, err.new(code, "x"))
      assert.equal(code == "unavailable" or code == "timeout", ms ~= nil, code)
    end
  end)

  it("keeps everybody out for as long as the account asks", function()
    local w = world(0)
    local gate = gates.new("demo", nil, w)
    assert.equal(0, gate:again(1, unavailable(7)))
    gate:enter()
    assert.equal(7000, w.at)
    gate:enter()
    assert.equal(7000, w.at)
    gate:again(1, unavailable(100000)) -- no account may stop a run for a day
    gate:enter()
    assert.equal(7000 + 300000, w.at)
    gate:again(1, unavailable("soon"))
    gate:enter()
    assert.equal(307000, w.at)
  end)

  it("closes after failures in a row, for longer each time, and opens with the first answer", function()
    local w = world(0)
    local gate = gates.new("demo", nil, w)
    for _ = 1, 9 do
      gate:again(1, unavailable())
      gate:enter()
    end
    assert.equal(0, w.at)
    gate:again(1, unavailable())
    gate:enter()
    assert.equal(200, w.at)
    gate:again(1, unavailable())
    gate:enter()
    assert.equal(600, w.at)
    for _ = 1, 30 do
      gate:again(1, unavailable())
    end
    gate:enter()
    assert.equal(30600, w.at)
    gate:answered()
    gate:again(1, unavailable())
    gate:enter()
    assert.equal(30600, w.at)
  end)

  it("starts no more calls than the rate allows, after a burst", function()
    local w = world()
    local gate = gates.new("demo", { rate = { per_second = 4, burst = 3 } }, w)
    local starts = {}
    for i = 1, 8 do
      gate:enter()
      starts[i] = w.at
    end
    assert.same({ 0, 0, 0, 250, 500, 750, 1000, 1250 }, starts)
    w.at = w.at + 10000 -- idle time fills the bucket, and no more than that
    for i = 1, 5 do
      gate:enter()
      starts[i] = w.at - 11250
    end
    assert.same({ 0, 0, 0, 250, 500 }, table.move(starts, 1, 5, 1, {}))
  end)

  it("says how long a call waits and why, unless that is short", function()
    local w, told = world(), {}
    local function waiting(ms, reason)
      told[#told + 1] = ("%d %s"):format(ms, reason)
    end
    local gate = gates.new("demo", { rate = { per_second = 0.5 } }, w)
    gate:enter(waiting)
    gate:enter(waiting)
    gate:again(1, unavailable(7))
    gate:enter(waiting)
    w.at = w.at + 10000
    for _ = 1, 10 do
      gate:again(1, unavailable())
    end
    gate:enter(waiting) -- 400 ms: not worth a word
    for _ = 1, 3 do
      gate:again(1, unavailable())
    end
    gate:enter(waiting)
    assert.same({
      "2000 rate limit of provider demo", "7000 provider demo asks to wait", "3200 provider demo does not answer",
    }, told)
  end)

  it("holds the rate over any second for any arrivals", function()
    for seed = 1, 200 do
      math.randomseed(seed)
      local per_second, burst = math.random(1, 20), math.random(1, 10)
      local w = world()
      local gate = gates.new("demo", { rate = { per_second = per_second, burst = burst } }, w)
      local starts = {}
      for i = 1, 200 do
        w.at = w.at + (math.random() < 0.3 and math.random(0, 2000) or 0)
        gate:enter()
        starts[i] = w.at
      end
      for i = 1, #starts do
        local n, j = 0, i
        while starts[j] and starts[j] < starts[i] + 1000 do
          n, j = n + 1, j + 1
        end
        assert.is_true(n <= per_second + burst, ("seed %d: %d starts in a second"):format(seed, n))
      end
    end
  end)

  it("lets requests pass as the account's budget says, those under way with it", function()
    local w = world()
    local gate = gates.new("demo", nil, w)
    local flights = {}
    for i = 1, 5 do
      flights[i] = gate:pass()
    end
    local function land(i)
      getmetatable(flights[i]).__close(flights[i])
    end
    gate:budget(6, 10, 4000) -- one a second; 4 others are under way and take theirs
    land(1)
    gate:pass()
    gate:pass()
    assert.equal(0, w.at)
    gate:pass()
    gate:pass()
    assert.equal(2000, w.at) -- the second that waits, waits for the second
    gate:budget(10, 10, 0)
    gate:pass()
    assert.equal(2000, w.at)
    gate:again(1, unavailable(3)) -- a pause is for requests too
    gate:pass()
    assert.equal(5000, w.at)
  end)

  it("says now and then why requests wait that belong to no call", function()
    local w, lines = world(), {}
    function w.tell(text)
      lines[#lines + 1] = text
    end
    local gate = gates.new("demo", nil, w)
    gate:pass()
    for _, pause in ipairs({ 2, 7, 6, 20 }) do
      gate:again(1, unavailable(pause))
      gate:pass()
    end
    assert.same({ "provider demo asks to wait: waiting 7 s", "provider demo asks to wait: waiting 20 s" }, lines)
    gate:again(1, unavailable(30))
    gate:pass(function() end) -- that one says it itself
    assert.equal(2, #lines)
  end)
end)
