local metrics = require("prov.orchestrator.metrics")

describe("metrics", function()
  local function lines(m)
    local out = {}
    for line in m:text():gmatch("[^\n]+") do
      local name, value = line:match("^([^#].-) (%S+)$")
      if name then
        out[name] = value
      end
    end
    return out
  end

  it("writes counters and gauges, and escapes labels", function()
    local m = metrics.new({
      { name = "a_total", kind = "counter", help = "A.", labels = { "x", "y" } },
      { name = "g", kind = "gauge", help = "G." },
    })
    m:add("a_total", 1, 'quote" back\\ line\n', 200)
    m:add("a_total", 2, 'quote" back\\ line\n', 200)
    m:set("g", 0.25)
    assert.are.same({ ['a_total{x="quote\\" back\\\\ line\\n",y="200"}'] = "3", g = "0.25" }, lines(m))
    assert.truthy(m:text():find("# HELP a_total A.\n# TYPE a_total counter\n", 1, true))
    m:set("g", 1 << 53)
    assert.are.equal("9007199254740992", lines(m).g)
  end)

  it("has cumulative buckets", function()
    local m = metrics.new({ { name = "h", kind = "histogram", help = "H.", buckets = { 0.1, 1, 10 } } })
    for _, value in ipairs({ 0.1, 0.05, 0.5, 5, 100 }) do
      m:observe("h", value)
    end
    assert.are.same({
      ['h_bucket{le="0.1"}'] = "2", ['h_bucket{le="1"}'] = "3", ['h_bucket{le="10"}'] = "4",
      ['h_bucket{le="+Inf"}'] = "5",
      h_count = "5", h_sum = "105.65000000000001",
    }, lines(m))
  end)
end)
