--- Server-sent events (WHATWG HTML, section 9.2): answers of operations that go on.

local async = require("prov.async")
local err = require("prov.err")
local json = require("prov.json")
local reply = require("prov.face.rest.reply")

local M = {}

local KEEP_MS = 15000 -- between signs of life, for proxies and clients

--- Runs an operation that streams. What it sends goes out as events; an error before the first one is
--- an ordinary answer, a later one an event "error".
---@async
---@param request prov.http.Incoming
---@param run async fun(send: async fun(event: { id: string?, event: string, data: string })): any, prov.Err?
function M.serve(request, run)
  if request.method == "HEAD" then
    return request:respond(200, { ["content-type"] = "text/event-stream", ["cache-control"] = "no-store" })
  end
  local stream, e
  local quiet_since = 0

  local function begin()
    if not stream then
      stream, e = request:stream(200, {
        ["content-type"] = "text/event-stream",
        ["cache-control"] = "no-store",
        ["x-accel-buffering"] = "no",
      })
      if not stream then
        error(e, 0)
      end
    end
  end

  local function send(event)
    begin()
    quiet_since = 0
    local ok, why = stream:event(event)
    if not ok then
      error(why, 0)
    end
  end

  local alive = async.spawn(function()
    while true do
      async.sleep(KEEP_MS // 3)
      quiet_since = quiet_since + 1
      if stream and quiet_since >= 3 then
        quiet_since = 0
        stream:write(": still here\n\n")
      end
    end
  end)
  local _ <close> = setmetatable({}, {
    __close = function()
      alive:cancel()
    end,
  })
  local value, why = run(send, begin)
  if value == nil and why ~= nil then
    if not stream then
      return reply.problem(request, why)
    end
    send({ event = "error", data = json.encode(err.data(why), { sorted = true }) })
  end
  begin()
  stream:finish()
  return true
end

return M
