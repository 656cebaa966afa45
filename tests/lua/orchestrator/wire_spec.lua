local async = require("prov.async")
local data = require("core.data")
local test = require("support.async").test
local uv = require("luv")
local wire = require("prov.orchestrator.wire")

--- Two ends of a socket pair: a wire that collects what it hears, and the other end as a pipe.
local function pair()
  local fds = assert(uv.socketpair(nil, nil, { nonblock = true }, { nonblock = true }))
  local near, far = uv.new_pipe(false), uv.new_pipe(false)
  near:open(fds[1])
  far:open(fds[2])
  local heard, over = {}, async.queue()
  local w = wire.new(near, function(message)
    heard[#heard + 1] = message
  end, function(e)
    over:put(e or "end")
  end)
  return w, far, heard, over
end

local function settle(condition)
  for _ = 1, 1000 do
    if condition() then
      return true
    end
    async.sleep(1)
  end
  error("it does not come")
end

describe("wire", function()
  it("hears messages however they are cut", test(function()
    local messages, bytes = {}, ""
    for i, text in ipairs({ "", "x", ("long "):rep(40), "\0\n\255" }) do
      messages[i] = { t = "m", text = text, n = i }
      bytes = bytes .. string.pack("<s4", data.encode(messages[i]))
    end
    for cut = 1, #bytes - 1 do
      local w, far, heard = pair()
      far:write(bytes:sub(1, cut))
      async.sleep(0)
      far:write(bytes:sub(cut + 1))
      settle(function()
        return #heard == #messages
      end)
      assert.are.same(messages, heard)
      far:close()
      w:stop()
    end
    local w, far, heard = pair()
    for i = 1, #bytes do
      far:write(bytes:sub(i, i))
      async.sleep(0)
    end
    settle(function()
      return #heard == #messages
    end)
    far:close()
    w:stop()
  end))

  it("carries large messages whole", test(function()
    local a, b = assert(uv.socketpair(nil, nil, { nonblock = true }, { nonblock = true })), async.queue()
    local near, far = uv.new_pipe(false), uv.new_pipe(false)
    near:open(a[1])
    far:open(a[2])
    local left = wire.new(near, function() end, function() end)
    local right = wire.new(far, function(message)
      b:put(message)
    end, function() end)
    local text = ("0123456789abcdef"):rep(1 << 18)
    left:send({ t = "big", text = text })
    left:send({ t = "small" })
    assert.are.equal(text, b:take().text)
    assert.are.equal("small", b:take().t)
    left:stop()
    right:stop()
  end))

  it("ends at a message that is too large, at garbage, and at the end", test(function()
    local _, far, _, over = pair()
    far:write("\255\255\255\255")
    assert.are.equal("protocol", over:take().code)
    far:close()
    _, far, _, over = pair()
    far:write(string.pack("<s4", "\255 no value"))
    assert.are_not.equal("end", over:take())
    far:close()
    local w, heard
    w, far, heard, over = pair()
    far:write(string.pack("<I4", 100) .. "half")
    async.sleep(5)
    far:close()
    assert.are.equal("end", over:take())
    assert.are.same({}, heard)
    w:send({ t = "to nobody" })
    w:stop()
  end))
end)
