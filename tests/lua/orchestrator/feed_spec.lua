local async = require("prov.async")
local feed = require("prov.orchestrator.feed")
local test = require("support.async").test

local function numbers(listener, most)
  local out = {}
  while #out < (most or math.huge) do
    local event = listener:take(0)
    if not event then
      break
    end
    out[#out + 1] = event[1]
  end
  return out
end

local function count_up(from, to)
  local out = {}
  for i = from, to do
    out[#out + 1] = i
  end
  return out
end

describe("feed", function()
  it("tells what comes, and what was before on demand", test(function()
    local f = feed.feed("e")
    for i = 1, 5 do
      f:push("v" .. i)
    end
    local now <close> = f:listen()
    local old <close> = f:listen(2)
    f:push("v6")
    assert.are.same({ 6 }, numbers(now))
    assert.are.same({ 3, 4, 5, 6 }, numbers(old))
    assert.is_nil(f:listen(7), "an event that has not come")
  end))

  it("forgets what is long ago", test(function()
    local f = feed.feed("e")
    for i = 1, 10500 do
      f:push(i)
    end
    assert.is_nil(f:listen(3))
    local listener <close> = f:listen(600)
    assert.are.same(count_up(601, 10500), numbers(listener))
  end))

  it("loses nothing for a slow listener within what is remembered, and shows the gap beyond", test(function()
    local f = feed.feed("e")
    local slow <close> = f:listen()
    local lost <close> = f:listen()
    for i = 1, 9000 do
      f:push(i)
    end
    assert.are.same(count_up(1, 9000), numbers(slow))
    for i = 9001, 12000 do
      f:push(i)
    end
    local first = numbers(lost, 1)[1]
    assert.is_true(first > 1 and first <= 2002)
    assert.are.same(count_up(first + 1, 12000), numbers(lost))
  end))

  it("goes on while it replays", test(function()
    local watches, disk = feed.watches(), {}
    for i = 1, 2500 do
      disk[i] = i
    end
    local listener <close> = watches:listen("j", 10, function(after)
      local out = {}
      for i = after + 1, math.min(#disk, after + 1000) do
        out[#out + 1] = { i, disk[i] }
      end
      return out
    end)
    assert.are.same(count_up(11, 1200), numbers(listener, 1190))
    disk[2501] = 2501
    watches:tell("j", 2501, 2501)
    watches:tell("other", 1, "not mine")
    assert.are.same(count_up(1201, 2501), numbers(listener))
    disk[2502] = 2502
    watches:tell("j", 2502, 2502)
    assert.are.same({ 2502 }, numbers(listener))
  end))

  it("wakes who waits, in time, and ends a cancelled wait", test(function()
    local watches = feed.watches()
    local listener <close> = watches:listen("j", 0, function()
      return {}
    end)
    local task = async.spawn(function()
      return listener:take(10000)
    end)
    watches:tell("j", 1, "x")
    assert.are.same({ 1, "x" }, task:join())
    assert.is_nil(listener:take(5))
    local other = async.spawn(function()
      return listener:take(10000)
    end)
    other:cancel()
    other:join()
    watches:tell("j", 2, "y")
    assert.are.same({ 2, "y" }, listener:take(0))
    listener:close()
    assert.is_nil(next(watches.by_id))
  end))
end)
