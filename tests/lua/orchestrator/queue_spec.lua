local queue = require("prov.orchestrator.queue")

--- A queue over a store that is a table: lane -> sorted list of keys.
local function with_store(opts)
  local store = {}
  local q = queue.new({
    places = opts.places or 0,
    limit = opts.limit or function()
      return 0
    end,
    weight = opts.weight,
    read = function(lane, after, limit)
      local out = {}
      for _, key in ipairs(store[lane] or {}) do
        if #out < limit and (not after or key > after) then
          out[#out + 1] = { key, "read " .. key }
        end
      end
      return out
    end,
  })
  local function put(lane, key)
    store[lane] = store[lane] or {}
    local list, at = store[lane], 1
    while list[at] and list[at] < key do
      at = at + 1
    end
    table.insert(list, at, key)
  end
  local function del(lane, key)
    for i, one in ipairs(store[lane]) do
      if one == key then
        return table.remove(store[lane], i)
      end
    end
    error(key .. " does not wait in " .. lane)
  end
  return q, put, del, store
end

describe("queue", function()
  it("gives the smallest key first, also of those behind the window", function()
    local q, put, del = with_store({})
    for i = 1, 2500 do
      put("a", ("50k%05d"):format(i))
    end
    q:open("a")
    for i = 1, 700 do
      local lane, key = q:next()
      assert.are.equal("a", lane)
      assert.are.equal(("50k%05d"):format(i), key)
      del("a", key)
      q:claimed("a", key)
    end
    put("a", "10urgent") -- while more stand in the store than are held
    q:add("a", "10urgent", "held")
    put("a", "90late")
    q:add("a", "90late", "not held")
    local _, key, item = q:next()
    assert.are.equal("10urgent", key)
    assert.are.equal("held", item)
    del("a", key)
    q:claimed("a", key)
    for i = 701, 2500 do
      _, key = q:next()
      assert.are.equal(("50k%05d"):format(i), key)
      del("a", key)
      q:claimed("a", key)
    end
    _, key, item = q:next()
    assert.are.equal("90late", key)
    assert.are.equal("read 90late", item)
    assert.is_nil(q:next())
  end)

  it("keeps one of a lane running, and lets others go on", function()
    local q, put = with_store({
      limit = function(lane)
        return lane:sub(1, 1) == "x" and 1 or 0
      end,
    })
    for _, lane in ipairs({ "x1", "x2", "s" }) do
      for i = 1, 3 do
        put(lane, "k" .. i)
        q:add(lane, "k" .. i, i)
      end
    end
    local started = {}
    for lane in function() return (q:next()) end do
      started[lane] = (started[lane] or 0) + 1
    end
    assert.are.same({ x1 = 1, x2 = 1, s = 3 }, started)
    q:claimed("x1", "k1")
    q:done("x1")
    assert.are.equal("x1", (q:next()))
    assert.is_nil(q:next())
  end)

  it("does not start what was taken out, nor what was told twice", function()
    local q, put, del = with_store({})
    for i = 1, 3 do
      put("a", "k" .. i)
      q:add("a", "k" .. i, i)
    end
    q:add("a", "k2", 2)
    q:remove("a", "k2")
    q:add("a", "k2", 2) -- its cancellation is not on disk yet
    del("a", "k2")
    q:removed("a", "k2")
    local seen = {}
    for _, key in function() return q:next() end do
      seen[#seen + 1] = key
    end
    assert.are.same({ "k1", "k3" }, seen)
  end)

  it("takes back what could not begin", function()
    local q, put = with_store({})
    put("a", "k1")
    put("a", "k2")
    q:open("a")
    local lane, key, item = q:next()
    q:undo(lane, key, item)
    local _, again = q:next()
    assert.are.equal(key, again)
    assert.are.equal(1, q.running)
  end)

  it("counts what ran before, and forgets lanes with nothing to do", function()
    local q, put, del = with_store({ limit = function() return 1 end })
    put("a", "k1")
    q:resume("a")
    q:open("a")
    assert.is_nil(q:next())
    q:done("a")
    assert.are.equal("a", (q:next()))
    del("a", "k1")
    q:claimed("a", "k1")
    q:done("a")
    assert.is_nil(next(q.lanes))
  end)

  it("shares places between lanes by their weight", function()
    local q = with_store({
      places = 1,
      weight = function(lane)
        return lane == "big" and 3 or 1
      end,
    })
    for i = 1, 400 do
      q:add("big", ("k%03d"):format(i), i)
      q:add("small", ("k%03d"):format(i), i)
    end
    local count = { big = 0, small = 0 }
    for _ = 1, 400 do
      local lane, key = q:next()
      count[lane] = count[lane] + 1
      q:claimed(lane, key)
      q:done(lane)
    end
    assert.is_true(math.abs(count.big - 300) <= 1, count.big .. " of 400 instead of 300")
  end)

  it("does as a naive model in 100,000 random steps", function()
    math.randomseed(tonumber(os.getenv("PROV_SEED")) or 20261127)
    local lanes, places, number, count = { "x:a", "x:b", "s:a", "s:b" }, 6, 0, 0
    local function limit(lane)
      return lane:sub(1, 2) == "x:" and 1 or 0
    end
    local q, put, del = with_store({ places = places, limit = limit })
    local waiting, per_lane = {}, {} -- waiting[lane][key]: whether the queue was told of it
    local running, untold, leaving = {}, {}, {}
    for _, lane in ipairs(lanes) do
      waiting[lane], per_lane[lane] = {}, 0
    end

    local function told(lane, key)
      if untold[key] then
        untold[key] = nil
        q:add(lane, key, "told")
        waiting[lane][key] = waiting[lane][key] ~= nil or nil
      end
    end

    local function smallest(lane)
      local least
      for key, known in pairs(waiting[lane]) do
        if known and (not least or key < least) then
          least = key
        end
      end
      return least
    end

    local function submit(lane)
      number = number + 1
      local key = ("%02x%06d"):format(math.random(0, 200), number)
      put(lane, key) -- a refill may read it before its submission is told
      waiting[lane][key], untold[key] = false, lane
      if math.random(3) > 1 then
        told(lane, key)
      end
    end

    local function cancel(lane)
      local key, known = next(waiting[lane])
      if known then
        q:remove(lane, key)
        waiting[lane][key] = nil
        leaving[#leaving + 1] = { lane, key }
      end
    end

    local function start()
      local lane, key, item = q:next()
      if not lane then
        for _, name in ipairs(count < places and lanes or {}) do
          assert(per_lane[name] == 1 and limit(name) == 1 or not smallest(name), name .. " could start something")
        end
        return
      end
      assert(waiting[lane][key] ~= nil, "started what does not wait")
      assert(limit(lane) == 0 or per_lane[lane] == 0, "two of one lane")
      assert(count < places, "more than there are places")
      local least = smallest(lane)
      assert(not least or key <= least, key .. " before " .. tostring(least))
      if math.random(20) == 1 then
        return q:undo(lane, key, item)
      end
      waiting[lane][key], per_lane[lane], count = nil, per_lane[lane] + 1, count + 1
      running[#running + 1] = { lane, key }
    end

    local function go_on() -- a commit: what was before it is told before it
      local at = math.random(#running)
      local lane, key = table.unpack(running[at])
      if running[at].claimed then
        table.remove(running, at)
        q:done(lane)
        per_lane[lane], count = per_lane[lane] - 1, count - 1
      else
        told(lane, key)
        running[at].claimed = true
        del(lane, key)
        q:claimed(lane, key)
      end
    end

    for step = 1, 100000 do
      local what, lane = math.random(100), lanes[math.random(#lanes)]
      if what <= (step % 25000 < 15000 and 50 or 15) then
        submit(lane)
      elseif what <= 55 then
        local key, its = next(untold)
        if key then
          told(its, key)
        end
      elseif what <= 57 then
        cancel(lane)
      elseif what <= 59 and leaving[1] then
        local one = table.remove(leaving, 1)
        del(one[1], one[2])
        q:removed(one[1], one[2])
      elseif what <= 78 then
        start()
      elseif running[1] then
        go_on()
      end
    end
    assert(number > 20000 and count <= places)
  end)
end)
