--- A TCP relay on a loopback port that can be slow, late or silent. netem is not in every kernel,
-- so a slow network is made here: bytes wait in a queue and leave at `rate` bytes per second,
-- `delay` milliseconds after they came. stall() keeps everything from then on.

local uv = require("luv")

local M = {}

local Relay = {}
Relay.__index = Relay

local TICK = 5 -- ms

--- One direction: reads from a socket, writes to the other no faster than allowed.
local function pipe(relay, from, to)
  local queue, first, last, credit = {}, 1, 0, 0
  local ended = false
  from:read_start(function(_, bytes)
    if bytes then
      last = last + 1
      queue[last] = { bytes = bytes, due = uv.now() + relay.delay }
    else
      ended = true
    end
  end)
  local timer = uv.new_timer()
  relay.handles[#relay.handles + 1] = timer
  timer:start(TICK, TICK, function()
    credit = math.min(credit + relay.rate * TICK / 1000, relay.rate / 10)
    while not relay.stalled and credit > 0 and first <= last and queue[first].due <= uv.now() do
      local item = queue[first]
      local piece = item.bytes:sub(1, math.max(1, math.floor(credit)))
      item.bytes = item.bytes:sub(#piece + 1)
      credit = credit - #piece
      if item.bytes == "" then
        queue[first] = nil
        first = first + 1
      end
      if not to:is_closing() then
        to:write(piece)
      end
    end
    if ended and first > last and not relay.stalled then
      ended = false
      if not to:is_closing() then
        to:shutdown()
      end
    end
  end)
end

--- Lets nothing through any more.
function Relay:stall()
  self.stalled = true
end

--- Cuts what goes through now; later connections do.
function Relay:cut()
  for _ = #self.handles, 2, -1 do
    local handle = table.remove(self.handles)
    if not handle:is_closing() then
      handle:close()
    end
  end
end

function Relay:stop()
  self:cut()
  self.handles[1]:close()
end

Relay.__close = Relay.stop

--- Starts one towards 127.0.0.1:port; without port it accepts and never answers.
---@param port? integer
---@param options? { rate?: number, delay?: integer } bytes per second; milliseconds
function M.start(port, options)
  local o = options or {}
  local self = setmetatable({ handles = {}, rate = o.rate or 1e9, delay = o.delay or 0, stalled = not port }, Relay)
  local server = uv.new_tcp()
  self.handles[1] = server
  server:bind("127.0.0.1", 0)
  self.port = server:getsockname().port
  server:listen(128, function()
    local client = uv.new_tcp()
    server:accept(client)
    self.handles[#self.handles + 1] = client
    if not port then
      return
    end
    local far = uv.new_tcp()
    self.handles[#self.handles + 1] = far
    far:connect("127.0.0.1", port, function(refused)
      if refused then
        client:close()
        return
      end
      client:nodelay(true)
      far:nodelay(true)
      pipe(self, client, far)
      pipe(self, far, client)
    end)
  end)
  return self
end

return M
