--- HTTP server: every request is handled by a task of its own, which may suspend.

local async = require("prov.async")
local err = require("prov.err")
local lines = require("prov.http_lines")
local log = require("prov.log")
local net_server = require("core.net.server")

local M = {}

---@class prov.http.ServerOptions
---@field host? string numeric address or "localhost"; 127.0.0.1
---@field port? integer 0: a free one
---@field path? string a Unix socket instead, mode 0600
---@field fd? integer a listening socket somebody else has opened, instead
---@field cert? string PEM file: speaks TLS
---@field key? string PEM file
---@field limits? table<string, integer> head_bytes body_bytes stream_bytes connections per_address head_ms body_ms
--- idle_ms write_ms; core/net/server.h has the defaults

--- What a handler gets; it answers with respond, problem or stream. Without an answer it becomes a 500.
---@class prov.http.Incoming
---@field method string
---@field target string
---@field path string raw, as it came
---@field query string raw; empty when there is none
---@field host string
---@field headers table<string, string> names in lower case; repeated ones joined with ", "
---@field body string
---@field peer string address; "unix" for a Unix socket
---@field peer_port integer
---@field peer_uid? integer user of the process on a Unix socket
---@field tls boolean
local Incoming = {}
Incoming.__index = Incoming

---@class prov.http.Stream
local Stream = {}
Stream.__index = Stream

---@class prov.http.Server
local Server = {}
Server.__index = Server

--- Where a stream stops taking more until the client has read.
local HIGH = 65536

--- Answers.
---@param status integer
---@param headers? table<string, string|string[]>
---@param body? string
---@return true?, prov.Err?
function Incoming:respond(status, headers, body)
  return self.reply:respond(status, lines.of(headers), body)
end

--- Answers with problem+json (RFC 9457).
---@param status integer
---@param detail? string
function Incoming:problem(status, detail)
  self.reply:problem(status, detail)
end

--- Begins an answer in pieces. When the client leaves, the running task is cancelled.
---@param status integer
---@param headers? table<string, string|string[]>
---@return prov.http.Stream?, prov.Err?
function Incoming:stream(status, headers)
  local stream = setmetatable({ reply = self.reply }, Stream)
  local task = async.running()
  local ok, e = self.reply:start(status, lines.of(headers), function(event)
    local wake = stream.wake
    stream.wake = nil
    if event == "gone" and task then
      task:cancel()
    elseif wake then
      wake(true)
    end
  end)
  if not ok then
    return nil, e
  end
  return stream
end

--- Sends a piece, and waits while the client is slow. One task at a time writes to a stream.
---@async
---@param bytes string
---@return true?, prov.Err?
function Stream:write(bytes)
  local ok, e = self.reply:write(bytes)
  if ok and self.reply:pending() <= HIGH then
    return true
  elseif not ok and e.code ~= "limit" then
    return nil, e
  end
  async.await(function(resume, on_cancel)
    on_cancel(function()
      self.wake = nil
    end)
    self.wake = resume
    return true
  end)
  if ok then
    return true
  end
  return self.reply:write(bytes)
end

--- Sends an event of a text/event-stream; lines of data stay lines.
---@async
---@param event { data: string, event?: string, id?: string }
---@return true?, prov.Err?
function Stream:event(event)
  local text = {}
  for _, name in ipairs({ "event", "id" }) do
    local value = event[name]
    if value then
      if value:find("[\r\n%z]") then
        error("http: the " .. name .. " of an event is one line", 2)
      end
      text[#text + 1] = name .. ": " .. value .. "\n"
    end
  end
  for line in (event.data:gsub("\r\n?", "\n") .. "\n"):gmatch("(.-)\n") do
    text[#text + 1] = "data: " .. line .. "\n"
  end
  text[#text + 1] = "\n"
  return self:write(table.concat(text))
end

--- Ends the stream. A handler that returns without it has failed, and the client sees that.
function Stream:finish()
  self.reply:finish()
end

local function handle(handler, request)
  local _ <close> = request.reply
  local ok, value, e = xpcall(handler, function(raised)
    return err.is(raised) and raised or debug.traceback(tostring(raised), 2)
  end, request)
  local failure = not ok and value or value == nil and e
  if failure then
    log.error("a request failed", { method = request.method, path = request.path, error = tostring(failure) })
  end
end

local function serve(server, handler)
  local _ <close> = server.handle
  while true do
    local request = server.queue:take()
    async.spawn(handle, handler, request)
  end
end

--- Listens. The server belongs to the running task and ends with it.
---@async
---@param options prov.http.ServerOptions
---@param handler async fun(request: prov.http.Incoming)
---@return prov.http.Server?, prov.Err?
function M.listen(options, handler)
  local queue = async.queue()
  local handle_of, e = net_server.listen(options, function(request, reply)
    request.reply = reply
    queue:put(setmetatable(request, Incoming))
  end)
  if not handle_of then
    return nil, e
  end
  local server = setmetatable({ handle = handle_of, queue = queue, port = handle_of:port() }, Server)
  server.task = async.spawn(serve, server, handler)
  return server
end

--- Counts the connections.
---@return integer
function Server:connections()
  return self.handle:connections()
end

--- Accepts no more, lets requests under way be answered within the time, and closes. Returns how many
-- connections had to be cut.
---@async
---@param within_ms integer
---@return integer cut
function Server:drain(within_ms)
  local cut = async.await(function(resume)
    return self.handle:drain(within_ms, resume)
  end)
  self:close()
  return cut
end

--- Cuts everything; handlers that run are cancelled.
function Server:close()
  self.handle:close()
  self.task:cancel()
end

return M
