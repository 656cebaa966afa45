local event_stream = require("prov.face.cli.event_stream")

local function parsed(chunks)
  local events = {}
  local parse = event_stream.parser(function(event)
    events[#events + 1] = event
  end)
  for _, chunk in ipairs(chunks) do
    parse(chunk)
  end
  return events
end

describe("event stream", function()
  it("gives the same events however it is cut", function()
    local text = ": hello\n\nid: 7\nevent: show\ndata: {\"a\":1}\n\ndata: x\ndata:y\n\nevent: none\n\ndata: open"
    local whole = parsed({ text })
    assert.same({ { id = "7", event = "show", data = "{\"a\":1}" }, { data = "x\ny" } }, whole)
    for size = 1, 20 do
      local chunks = {}
      for at = 1, #text, size do
        chunks[#chunks + 1] = text:sub(at, at + size - 1)
      end
      assert.same(whole, parsed(chunks))
    end
  end)

  it("looks at a long line once", function() -- it would not end in hours if it looked from every byte
    local chunks, count = { "data: " }, 1000
    for i = 1, count do
      chunks[i + 1] = ("x"):rep(4000)
    end
    chunks[count + 2] = "\n\n"
    assert.equal(4000 * count, #parsed(chunks)[1].data)
  end)
end)
