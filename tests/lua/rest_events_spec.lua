--- Streams of the REST face.

local async = require("prov.async")
local events = require("prov.face.rest.events")
local with = require("support.settings").with
local test = require("support.async").test

describe("a stream of events", function()
  it("has one writer, also when the client is slow", test(function()
    local writing, most, written = 0, 0, 0
    local function write()
      writing, written = writing + 1, written + 1
      most = math.max(most, writing)
      async.sleep(100)
      writing = writing - 1
      return true
    end
    local request = {
      method = "GET",
      headers = {},
      stream = function()
        return { event = write, write = write, finish = function() end }
      end,
    }
    with({ ["rest.keep_alive"] = 0.05 }, function()
      assert(events.serve(request, function(send)
        send({ event = "one", data = "{}" })
        async.sleep(300)
        send({ event = "two", data = "{}" })
        return true
      end))
    end)
    assert.is_true(written > 2, "no sign of life")
    assert.are.equal(1, most)
  end))
end)
