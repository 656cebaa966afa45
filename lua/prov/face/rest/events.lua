--- Answers of operations that go on: server-sent events (WHATWG HTML, section 9.2), or messages of a WebSocket
-- when the client asks for one, each { "id", "event", "data" }.

local async = require("prov.async")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local reply = require("prov.face.rest.reply")
local settings = require("prov.settings")

local M = {}

--- A way out for events: send(event), alive(), finish().
local function sse(request)
  local stream, e = request:stream(200, {
    ["content-type"] = "text/event-stream",
    ["cache-control"] = "no-store",
    ["x-accel-buffering"] = "no",
  })
  if not stream then
    error(e, 0)
  end
  return {
    send = function(event)
      return stream:event(event)
    end,
    alive = function()
      return stream:write(": still here\n\n")
    end,
    finish = function()
      stream:finish()
    end,
  }
end

local function websocket(request)
  local socket, e = request:websocket()
  if not socket then
    error(e, 0)
  end
  local task = async.running()
  async.spawn(function() -- a client has nothing to say, but that it leaves
    while socket:receive() do
    end
    task:cancel()
  end)
  return {
    send = function(event)
      local text = ('{"id":%s,"event":%s,"data":%s}'):format(json.encode(event.id or data.null),
        json.encode(event.event), event.data)
      return socket:send(text)
    end,
    alive = function() end, -- the server pings by itself
    finish = function()
      socket:close(1000)
    end,
  }
end

--- Runs an operation that streams. What it sends goes out as events; an error before the first one is
--- an ordinary answer, a later one an event "error".
---@async
---@param request prov.http.Incoming
---@param run async fun(send: async fun(event: { id: string?, event: string, data: string })): any, prov.Err?
function M.serve(request, run)
  if request.method == "HEAD" then
    return request:respond(200, { ["content-type"] = "text/event-stream", ["cache-control"] = "no-store" })
  end
  local open = (request.headers.upgrade or ""):lower() == "websocket" and websocket or sse
  local out
  local quiet, turn = true, async.semaphore(1) -- a stream has one writer

  local function begin()
    out = out or open(request)
  end

  local function send(event)
    begin()
    quiet = false
    local _ <close> = turn:acquire()
    local ok, e = out.send(event)
    if not ok then
      error(e, 0)
    end
  end

  local _ <close> = setmetatable({
    task = async.spawn(function()
      while true do
        async.sleep(settings.ms(settings.rest.keep_alive))
        if out and quiet and turn.free > 0 then -- else a client is slow, which is a sign of its life
          turn:with(out.alive)
        end
        quiet = true
      end
    end),
  }, {
    __close = function(self)
      self.task:cancel()
    end,
  })
  local value, e = run(send, begin)
  if value == nil and e ~= nil then
    if not out then
      return reply.problem(request, e)
    end
    send({ event = "error", data = json.encode(err.data(e), { sorted = true }) })
  end
  begin()
  out.finish()
  return true
end

return M
