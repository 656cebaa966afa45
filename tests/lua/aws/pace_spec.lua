local async = require("prov.async")
local pace = require("prov.aws.pace")
local test = require("support.async").test

-- An account with a token bucket, in a time of its own that only sleeping moves on.
local function account(burst, per_second)
  local w = { at = 0, level = burst, refused = 0 }
  function w.now()
    return w.at
  end
  function w.sleep(ms)
    w.at, w.level = w.at + ms, math.min(burst, w.level + ms / 1000 * per_second)
  end
  function w.take()
    local granted = w.level >= 1
    w.level, w.refused = w.level - (granted and 1 or 0), w.refused + (granted and 0 or 1)
    return granted
  end
  return w
end

--- Sends n requests, one after the other, each until it is granted.
local function send(w, tempo, n)
  for _ = 1, n do
    local call = {}
    repeat
      tempo:pass(call)
      local granted = w.take()
      if granted then
        tempo:grant()
      else
        assert.is_true(tempo:refuse(call))
      end
    until granted
  end
end

describe("the pace of an operation", function()
  it("is none until something is refused", test(function()
    local w = account(100, 20)
    send(w, pace.new(w), 100)
    assert.equal(0, w.at)
  end))

  it("comes to what the bucket gives, with few refusals", test(function()
    for _, limit in ipairs({ { 100, 20 }, { 5, 2 }, { 1000, 2 }, { 50, 100 } }) do
      local burst, rate = table.unpack(limit)
      local w = account(burst, rate)
      send(w, pace.new(w), burst + rate * 60)
      assert.is_true(w.at >= 59000 and w.at < 66000, ("%d and %d/s took %d ms"):format(burst, rate, w.at))
      assert.is_true(w.refused < 30 + rate * 6, ("%d and %d/s: %d refused"):format(burst, rate, w.refused))
    end
  end))

  it("is cut once by all that were on their way", test(function()
    local w = account(0, 0)
    local tempo, calls = pace.new(w), {}
    for i = 1, 10 do
      calls[i] = {}
      tempo:pass(calls[i])
    end
    for _, call in ipairs(calls) do
      tempo:refuse(call)
    end
    tempo:pass(calls[1])
    tempo:pass(calls[2])
    assert.equal(2 * math.ceil(1000 / 7), w.at)
  end))

  it("knows when nobody is granted anything", test(function()
    local w, call = account(0, 0), {}
    local tempo = pace.new(w)
    for _ = 1, 2 do
      tempo:pass(call)
      assert.is_true(tempo:refuse(call))
    end
    tempo:pass(call)
    assert.is_false(tempo:refuse(call))
    tempo:grant()
    tempo:pass(call)
    assert.is_true(tempo:refuse(call))
  end))

  it("lets no more than fifty be under way", test(function()
    local tempo, inside, most = pace.new(account(0, 0)), 0, 0
    async.scope(function(scope)
      for _ = 1, 120 do
        scope:spawn(function()
          local _ <close> = tempo:enter()
          inside = inside + 1
          most = math.max(most, inside)
          async.sleep(1)
          inside = inside - 1
          return true
        end)
      end
      return true
    end)
    assert.equal(50, most)
  end))
end)
