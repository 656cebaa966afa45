--- Clocks that go on whatever is done to that of the wall.

local clock = require("prov.clock")
local uv = require("luv")

describe("the clock", function()
  it("counts from the start of the machine, with its sleep", function()
    local file = assert(io.open("/proc/uptime"))
    local seconds = file:read("n")
    file:close()
    local up = clock.uptime()
    assert.equal("integer", math.type(up))
    assert.is_true(up >= seconds * 1000 - 1 and up < seconds * 1000 + 5000)
    assert.is_true(up >= clock.monotonic() - 1000)
    uv.sleep(30)
    assert.is_true(clock.uptime() - up >= 20)
  end)

  it("knows one start of the machine from another", function()
    local boot = assert(clock.boot())
    assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+/[%d?]+$", boot)
    assert.equal(boot, clock.boot())
  end)
end)
