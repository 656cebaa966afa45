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

--- What a handler gets; it answers with respond, problem, stream or websocket. Without an answer it becomes a 500.
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

--- What is left when the handler has ended.
function Incoming:__close()
  self.reply:close()
  if self.socket then
    self.socket:close(1011)
  end
end

---@class prov.http.Stream
local Stream = {}
Stream.__index = Stream

--- A WebSocket. Several tasks may send, one receives.
---@class prov.http.Socket
---@field protocol? string the one agreed on
local Socket = {}
Socket.__index = Socket

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

--- Cuts the connection instead of an answer.
function Incoming:abort()
  self.reply:abort()
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

local function wake(socket, name)
  local resume = socket[name]
  socket[name] = nil
  if resume then
    resume(true)
  end
end

---@class prov.http.SocketOptions
---@field protocols? string[] ours, the best first
---@field message_bytes? integer the largest message of the client; 1 MiB
---@field ping_ms? integer silence until the client is pinged, and again until it is cut; 30 s
---@field close_ms? integer for the client's answer to a close; 5 s

--- Answers with a WebSocket (RFC 6455, without extensions). A browser sends no request of its own, but those of other
-- sites come too: look at `headers.origin` before. What is no handshake is answered with 400, 405 or 426.
-- The socket closes with the handler: 1000 when that ends well, else 1011.
---@param options? prov.http.SocketOptions
---@return prov.http.Socket?, prov.Err?
function Incoming:websocket(options)
  local socket = setmetatable({ turn = async.semaphore(1) }, Socket)
  local handle_of, protocol = self.reply:websocket(options or {}, function(event)
    wake(socket, "wake_sender") -- it may have closed
    if event == "ready" then
      wake(socket, "wake_receiver")
    end
  end)
  if not handle_of then
    return nil, protocol
  end
  socket.handle, socket.protocol, self.socket = handle_of, protocol, socket
  return socket
end

local function wait_for(socket, name)
  async.await(function(resume, on_cancel)
    on_cancel(function()
      socket[name] = nil
    end)
    socket[name] = resume
    return true
  end)
end

local function send(socket, bytes, is_binary)
  local _ <close> = socket.turn:acquire()
  local sent, e
  while socket.handle do
    if not sent then
      sent, e = socket.handle:send(bytes, is_binary)
    end
    if sent and socket.handle:pending() <= HIGH then
      return true
    elseif not sent and e.code ~= "limit" then
      return nil, e
    end
    wait_for(socket, "wake_sender")
  end
  if sent then
    return true
  end
  return err.fail("closed", "the WebSocket is closed")
end

--- Sends a text, which is UTF-8, and waits while the client is slow.
---@async
---@param text string
---@return true?, prov.Err? code "closed" when the client has left
function Socket:send(text)
  return send(self, text, false)
end

--- Sends bytes, and waits while the client is slow.
---@async
---@param bytes string
---@return true?, prov.Err?
function Socket:send_bytes(bytes)
  return send(self, bytes, true)
end

--- Waits for the next message. Who only sends has a task that receives, to see that the client leaves.
---@async
---@return string? message
---@return "text"|"bytes"|prov.Err kind or code "closed", with the code and reason of the close frame in data
function Socket:receive()
  while self.handle do
    local message, kind, reason = self.handle:take()
    if message then
      return message, kind
    elseif message == false then
      local why = reason ~= "" and (" (%s)"):format(reason) or ""
      return nil, err.new("closed", ("the WebSocket has closed: %d%s"):format(kind, why),
        { data = { code = kind, reason = reason } })
    end
    wait_for(self, "wake_receiver")
  end
  return err.fail("closed", "the WebSocket is closed")
end

--- Closes, once; what the client still sends is dropped. Whoever waits in send or receive gets an error.
---@param code? integer 1000
---@param reason? string at most 123 bytes of it are sent
function Socket:close(code, reason)
  local handle_of = self.handle
  if not handle_of then
    return
  end
  handle_of:close(code, reason) -- raises when the code may not be sent
  self.handle = nil
  wake(self, "wake_receiver")
  wake(self, "wake_sender")
end

local function with_trace(raised)
  return err.is(raised) and raised or debug.traceback(tostring(raised), 2)
end

local function handle(handler, request)
  local _ <close> = request
  local ok, value, e = xpcall(handler, with_trace, request)
  local failure = not ok and value or value == nil and e
  if failure then
    log.error("a request failed", { method = request.method, path = request.path, error = tostring(failure) })
  elseif request.socket then
    request.socket:close()
  end
end

local function serve(server)
  local _ <close> = server.handle
  server.spawn = async.spawner()
  async.forever()
end

--- Listens. The server belongs to the running task and ends with it.
---@async
---@param options prov.http.ServerOptions
---@param handler async fun(request: prov.http.Incoming)
---@return prov.http.Server?, prov.Err?
function M.listen(options, handler)
  local server = setmetatable({}, Server)
  local handle_of, e = net_server.listen(options, function(request, reply)
    request.reply = reply
    server.spawn(handle, handler, setmetatable(request, Incoming))
  end)
  if not handle_of then
    return nil, e
  end
  server.handle, server.port = handle_of, handle_of:port()
  server.task = async.spawn(serve, server)
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
