local async = require("prov.async")
local err = require("prov.err")
local http_server = require("prov.http_server")
local log = require("prov.log")
local run = require("support.async").run
local uv = require("luv")

local HELLO = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

local function listen(handler, options)
  local server = assert(http_server.listen(options or {}, handler))
  return setmetatable({ server = server, port = server.port }, {
    __close = function()
      server:close()
    end,
  })
end

--- A frame of a client, masked with zeroes.
local function frame(first, payload)
  local length = #payload < 126 and ("B"):pack(128 + #payload)
    or #payload < 65536 and (">BI2"):pack(254, #payload)
    or (">BI8"):pack(255, #payload)
  return string.char(first) .. length .. "\0\0\0\0" .. payload
end

--- A client: `frame()` waits for the next frame and gives its first byte and payload, nil at the end.
local Client = {}
Client.__index = Client

function Client:__close()
  if not self.socket:is_closing() then
    self.socket:close()
  end
end

function Client:wait(read)
  return async.deadline(10000, function()
    while true do
      local a, b = read()
      if a ~= nil then
        return a, b
      end
      async.await(function(resume)
        self.wake = resume
        return true
      end)
    end
  end)
end

function Client:head()
  return self:wait(function()
    local head, rest = self.heard:match("^(.-\r\n\r\n)(.*)$")
    if head then
      self.heard = rest
    end
    return head
  end)
end

function Client:frame()
  return self:wait(function()
    local heard = self.heard
    local length, at = heard:byte(2), 3
    if length == 126 and #heard >= 4 then
      length, at = (">I2"):unpack(heard, 3)
    elseif length == 127 and #heard >= 10 then
      length, at = (">I8"):unpack(heard, 3)
    end
    if not length or #heard < at + length - 1 then
      if self.ended then
        return false
      end
      return nil
    end
    self.heard = heard:sub(at + length)
    return heard:byte(1), heard:sub(at, at + length - 1)
  end)
end

function Client:send(first, payload)
  self.socket:write(frame(first, payload))
end

local function connect(port, extra)
  local client = setmetatable({ socket = uv.new_tcp(), heard = "" }, Client)
  client.socket:connect("127.0.0.1", port, function()
    client.socket:write(HELLO .. (extra or "") .. "\r\n")
    client.socket:read_start(function(_, bytes)
      client.heard = client.heard .. (bytes or "")
      client.ended = not bytes
      local wake = client.wake
      client.wake = nil
      if wake then
        wake()
      end
    end)
  end)
  return client, client:head()
end

local function quietly(fn)
  log.configure("off")
  local ok, raised = pcall(fn)
  log.from_env()
  assert(ok, raised)
end

local function close_frame(code, reason)
  return (">I2"):pack(code) .. (reason or "")
end

describe("websocket", function()
  it("carries texts and bytes both ways", function()
    run(function()
      local heard, protocol = {}, nil
      local s <close> = listen(function(request)
        assert.are.equal("http://here", request.headers.origin)
        local socket = assert(request:websocket({ protocols = { "a", "b" } }))
        protocol = socket.protocol
        for i = 1, 3 do
          heard[i] = { socket:receive() }
        end
        assert(socket:send("grüß"))
        assert(socket:send_bytes("\255"))
        assert(socket:send(("x"):rep(70000)))
        return true
      end)
      local c <close>, head = connect(s.port, "Origin: http://here\r\nSec-WebSocket-Protocol: c, b\r\n")
      assert.is_truthy(head:find("^HTTP/1.1 101 "))
      assert.is_truthy(head:find("\r\nSec-WebSocket-Protocol: b\r\n", 1, true))
      c:send(0x81, "hello")
      c:send(0x02, "\0")
      c:send(0x80, "\1")
      c:send(0x81, "")
      assert.are.same({ 0x81, "grüß" }, { c:frame() })
      assert.are.same({ 0x82, "\255" }, { c:frame() })
      assert.are.same({ 0x81, ("x"):rep(70000) }, { c:frame() })
      assert.are.same({ 0x88, close_frame(1000) }, { c:frame() }) -- the handler has ended
      c:send(0x88, close_frame(1000))
      assert.is_false((c:frame()))
      assert.are.same({ { "hello", "text" }, { "\0\1", "bytes" }, { "", "text" } }, heard)
      assert.are.equal("b", protocol)
    end)
  end)

  it("says how it closed", function()
    run(function()
      local ends = async.queue()
      local s <close> = listen(function(request)
        local socket = assert(request:websocket({ message_bytes = 100 }))
        local message, e = socket:receive()
        assert.is_nil(message)
        assert.is_true(err.is(e))
        local sent, why = socket:send("late")
        assert.is_nil(sent)
        assert.are.equal("closed", why.code)
        ends:put({ e.code, e.msg, e.data.code, e.data.reason })
        return true
      end)
      for _, case in ipairs({
        { frame(0x88, close_frame(4000, "bye")), 4000, "bye", 4000 },
        { frame(0x88, ""), 1005, "", nil },
        { frame(0x81, "\255"), 1007, "the text is not UTF-8", 1007 },
        { frame(0x81, ("x"):rep(101)), 1009, "the message is too large", 1009 },
        { "\x81\1x", 1002, "a frame is not masked", 1002 },
      }) do
        local c <close> = connect(s.port)
        c.socket:write(case[1])
        local first, payload = c:frame()
        assert.are.equal(0x88, first)
        assert.are.equal(case[4], #payload > 0 and (">I2"):unpack(payload) or nil)
        assert.is_false((c:frame()))
        local why = case[3] ~= "" and (" (%s)"):format(case[3]) or ""
        assert.are.same({ "closed", ("the WebSocket has closed: %d%s"):format(case[2], why), case[2], case[3] },
          ends:take())
      end
      do
        local c <close> = connect(s.port) -- luacheck: ignore c
      end
      assert.are.same({ "closed", "the WebSocket has closed: 1006", 1006, "" }, ends:take())
    end)
  end)

  it("closes with the code it is told, once", function()
    run(function()
      local s <close> = listen(function(request)
        local socket = assert(request:websocket())
        assert.is_false(pcall(socket.close, socket, 1005))
        assert.is_false(pcall(socket.close, socket, 1000, "\255"))
        return true
      end)
      local c <close> = connect(s.port)
      assert.are.same({ 0x88, close_frame(1000) }, { c:frame() }) -- by the end of the handler
      local waiter
      local t <close> = listen(function(request)
        local socket = assert(request:websocket())
        async.scope(function(scope)
          scope:spawn(function()
            waiter = { socket:receive() }
            return true
          end)
          socket:close(4321, "enough")
          socket:close(1000)
        end)
        return true
      end)
      local d <close> = connect(t.port)
      assert.are.same({ 0x88, close_frame(4321, "enough") }, { d:frame() })
      assert.is_nil(waiter[1])
      assert.are.equal("closed", waiter[2].code)
    end)
  end)

  it("refuses what is no handshake", function()
    run(function()
      local e
      local s <close> = listen(function(request)
        local socket
        socket, e = request:websocket()
        assert.is_nil(socket)
        return true
      end)
      local c <close>, head = connect(s.port, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
      assert.is_truthy(head:find("^HTTP/1.1 400 "))
      assert.are.equal("protocol", e.code)
      assert.is_truthy(c)
    end)
  end)

  it("ends with 1011 when its handler fails", function()
    quietly(function()
      run(function()
        local s <close> = listen(function(request)
          assert(request:websocket())
          error("broken")
        end)
        local c <close> = connect(s.port)
        assert.are.same({ 0x88, close_frame(1011) }, { c:frame() })
      end)
    end)
  end)

  it("waits for a slow client, and lets several tasks send", function()
    run(function()
      local sent, total = 0, 200
      local s <close> = listen(function(request)
        local socket = assert(request:websocket())
        return async.scope(function(scope)
          for _ = 1, 4 do
            scope:spawn(function()
              for _ = 1, total / 4 do
                assert(socket:send_bytes(("x"):rep(100000)))
                sent = sent + 1
              end
              return true
            end)
          end
          return true
        end)
      end)
      local c <close> = connect(s.port)
      c.socket:read_stop()
      local before
      repeat
        before = sent
        async.sleep(100)
      until sent == before
      assert.is_true(sent < total)
      c.socket:read_start(function(_, bytes)
        c.heard = c.heard .. (bytes or "")
        if c.wake then
          c.wake()
        end
      end)
      for _ = 1, total do
        local first, payload = c:frame()
        assert.are.equal(0x82, first)
        assert.are.equal(100000, #payload)
      end
      assert.are.same({ 0x88, close_frame(1000) }, { c:frame() })
    end)
  end)

  it("lets who waits for a slow client go when that leaves", function()
    run(function()
      local done = async.queue()
      local s <close> = listen(function(request)
        local socket = assert(request:websocket())
        while true do
          local ok, e = socket:send_bytes(("x"):rep(100000))
          if not ok then
            done:put(e.code)
            return true
          end
        end
      end)
      do
        local c <close> = connect(s.port)
        c.socket:read_stop()
        async.sleep(100)
      end
      assert.are.equal("closed", done:take())
    end)
  end)

  it("pings, and drains with 1001", function()
    run(function()
      local last
      local s <close> = listen(function(request)
        local socket = assert(request:websocket({ ping_ms = 30 }))
        last = { socket:receive() }
        return true
      end)
      local c <close> = connect(s.port)
      assert.are.same({ 0x89, "" }, { c:frame() })
      c:send(0x8A, "")
      local draining = async.spawn(function()
        return s.server:drain(5000)
      end)
      local first, payload
      repeat
        first, payload = c:frame()
      until first ~= 0x89
      assert.are.same({ 0x88, close_frame(1001, "the server is going away") }, { first, payload })
      c:send(0x88, close_frame(1001))
      assert.is_false((c:frame()))
      c.socket:close()
      assert.are.equal(0, draining:join())
      assert.are.equal(1001, last[2].data.code)
    end)
  end)

  it("is let go of when its handler is cancelled", function()
    run(function()
      for _ = 1, 3 do
        local s = listen(function(request)
          return assert(request:websocket()):receive()
        end)
        local c <close> = connect(s.port)
        s.server:close()
        assert.is_false((c:frame()))
      end
      collectgarbage()
    end)
  end)
end)
