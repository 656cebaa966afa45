local estimate = require("prov.engine.estimate")

--- An estimate over steps { duration, needs... } of kinds of their own.
local function of(steps, opts)
  local list, durations, order = {}, {}, opts and opts.order or {}
  for i, step in ipairs(steps) do
    local needs = {}
    for k = 2, #step do
      needs[#needs + 1] = "create t" .. step[k]
    end
    list[i] = { id = "create t" .. i, action = "create", kind = "t" .. i, provider = "p", needs = needs }
    durations[estimate.slot(list[i])] = step[1] or nil
    order[i] = order[i] or i
  end
  return estimate.new(list, {
    order = order,
    parallelism = opts and opts.parallelism or 100,
    limits = opts and opts.limits or {},
    node_keys = opts and opts.node_keys or {},
    durations = durations,
  }), durations
end

describe("the estimate of a run", function()
  it("is the longest chain when there are places enough", function()
    local e = of({ { 10 }, { 20, 1 }, { 5, 1 }, { 30, 2, 3 } })
    assert.equal(60, e:left(0))
  end)

  it("takes the order of needs, not that of the steps", function()
    local e = of({ { 10, 2 }, { 20, 3 }, { 5 } }, { order = { 3, 2, 1 } })
    assert.equal(35, e:left(0))
  end)

  it("is the work divided by the places, of all and of each key", function()
    local four = { { 10 }, { 10 }, { 10 }, { 10 } }
    assert.equal(10, of(four):left(0))
    assert.equal(20, of(four, { parallelism = 2 }):left(0))
    assert.equal(30, of(four, { limits = { 1 }, node_keys = { { 1 }, { 1 }, { 1 } } }):left(0))
  end)

  it("shrinks as steps run and end, and never below nothing", function()
    local e = of({ { 10 }, { 20, 1 } })
    e:start(1, 1000)
    assert.equal(26, e:left(1004))
    assert.equal(20, e:left(5000))
    e:stop(1)
    e:start(2, 5000)
    assert.equal(0, e:left(9000))
    e:stop(2)
    assert.equal(0, e:left(9000))
  end)

  it("says nothing while a kind of step that is left is unknown", function()
    local e, durations = of({ { 10 }, { false, 1 } })
    assert.is_nil(e:left(0))
    durations["create t2 p"] = 7
    assert.equal(17, e:left(0))
  end)
end)
