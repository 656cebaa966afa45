local async = require("prov.async")
local err = require("prov.err")
local http = require("prov.http")
local http_server = require("prov.http_server")
local log = require("prov.log")
local net_server = require("core.net.server")
local run = require("support.async").run
local tmp = require("support.tmp")
local uv = require("luv")

local function fails(code, value, e)
  assert.is_nil(value)
  assert.is_true(err.is(e))
  assert.are.equal(code, e.code)
  return e:text()
end

--- A server in a scope of its own: closed when the test's block ends.
local function listen(handler, options)
  local server = assert(http_server.listen(options or {}, handler))
  server.url = "http://127.0.0.1:" .. server.port
  return setmetatable({ server = server, url = server.url }, {
    __close = function()
      server:close()
    end,
  })
end

--- Connects, sends the text, and gives a function that waits until `pattern` has been heard.
local function raw(port, text)
  local socket, heard, wake = uv.new_tcp(), "", nil
  socket:connect("127.0.0.1", port, function()
    socket:write(text)
    socket:read_start(function(_, bytes)
      heard = heard .. (bytes or "<closed>")
      if wake then
        wake()
      end
    end)
  end)
  local self = { socket = socket }
  function self.hear(pattern)
    return async.deadline(10000, function()
      while not heard:find(pattern) do
        async.await(function(resume)
          wake = resume
          return true
        end)
      end
      return heard
    end)
  end
  return setmetatable(self, {
    __close = function()
      if not socket:is_closing() then
        socket:close()
      end
    end,
  })
end

local function quietly(fn)
  log.configure("off")
  local ok, raised = pcall(fn)
  log.from_env()
  assert(ok, raised)
end

describe("http_server", function()
  it("hands requests to tasks that may suspend", function()
    run(function()
      local seen
      local s <close> = listen(function(request)
        seen = request
        async.sleep(10)
        local headers = { ["X-Many"] = { "a", "b" }, ["Content-Type"] = "text/plain" }
        assert(request:respond(201, headers, "got " .. request.body))
      end)
      local r = assert(http.request({
        method = "PUT",
        url = s.url .. "/a%20b?c=d",
        headers = { ["X-One"] = "1", ["X-Two"] = { "a", "b" } },
        body = "\0\1",
      }))
      assert.are.equal(201, r.status)
      assert.are.equal("got \0\1", r.body)
      assert.are.equal("a, b", r.headers["x-many"])
      assert.are.equal("PUT", seen.method)
      assert.are.equal("/a%20b?c=d", seen.target)
      assert.are.equal("/a%20b", seen.path)
      assert.are.equal("c=d", seen.query)
      assert.are.equal("127.0.0.1:" .. s.server.port, seen.host)
      assert.are.equal("1", seen.headers["x-one"])
      assert.are.equal("a, b", seen.headers["x-two"])
      assert.are.equal("127.0.0.1", seen.peer)
      assert.is_true(seen.peer_port > 0)
      assert.is_nil(seen.peer_uid)
      assert.is_false(seen.tls)
      assert.is_true(s.server:connections() >= 1)
    end)
  end)

  it("handles many at once", function()
    run(function()
      local at_once, most = 0, 0
      local s <close> = listen(function(request)
        at_once = at_once + 1
        most = math.max(most, at_once)
        async.sleep(30)
        at_once = at_once - 1
        request:respond(200, nil, request.path)
      end)
      assert(async.scope(function(scope)
        for i = 1, 20 do
          scope:spawn(function()
            assert.are.equal("/" .. i, assert(http.request({ url = s.url .. "/" .. i })).body)
            return true
          end)
        end
        return true
      end))
      assert.is_true(most >= 10)
    end)
  end)

  it("answers problems, and 500 for handlers that fail or do not answer", function()
    run(function()
      local s <close> = listen(function(request)
        if request.path == "/none" then
          return
        elseif request.path == "/raise" then
          error("s3cret")
        elseif request.path == "/err" then
          return err.fail("denied", "s3cret")
        elseif request.path == "/malformed" then
          fails("invalid", request:respond(200, { Date = "x" }))
          assert.has_error(function()
            request:respond(200)
          end, "http_reply is closed")
          return
        end
        request:problem(404, 'no "such" thing')
      end)
      local r = assert(http.request({ url = s.url }))
      assert.are.equal("application/problem+json", r.headers["content-type"])
      local problem = '{"type":"about:blank","title":"Not Found","status":404,"detail":"no \\"such\\" thing"}\n'
      assert.are.equal(problem, r.body)
      quietly(function()
        for _, path in ipairs({ "/none", "/raise", "/err", "/malformed" }) do
          r = assert(http.request({ url = s.url .. path }))
          assert.are.equal(500, r.status)
          assert.is_nil(r.body:find("s3cret", 1, true))
        end
      end)
    end)
  end)

  it("streams events, and waits for slow clients", function()
    run(function()
      local written, ended = 0, 0
      local s <close> = listen(function(request)
        local stream = assert(request:stream(200, { ["Content-Type"] = "text/event-stream" }))
        assert(stream:event({ data = "one\ntwo", event = "note", id = "7" }))
        assert.has_error(function()
          stream:event({ data = "", id = "a\nb" })
        end)
        if request.path == "/big" then
          for _ = 1, 300 do
            assert(stream:write(("x"):rep(100000)))
            written = written + 1
          end
        end
        stream:finish()
        ended = ended + 1
      end, { limits = { stream_bytes = 200000 } })
      local r = assert(http.request({ url = s.url }))
      assert.are.equal("event: note\nid: 7\ndata: one\ndata: two\n\n", r.body)
      local client <close> = raw(s.server.port, "GET /big HTTP/1.0\r\n\r\n")
      assert(client.hear("two\n\n"))
      client.socket:read_stop()
      async.sleep(100)
      local held = written
      async.sleep(50)
      assert.are.equal(held, written)
      assert.are.equal(1, ended)
      local size = 0
      client.socket:read_start(function(_, bytes)
        size = size + #(bytes or "")
      end)
      for _ = 1, 500 do
        if ended == 2 and size >= 29000000 then
          break
        end
        async.sleep(10)
      end
      assert.are.equal(2, ended)
      assert.are.equal(300, written)
    end)
  end)

  it("cancels the task of a stream whose client has left", function()
    run(function()
      local closed = 0
      local s <close> = listen(function(request)
        local _ <close> = setmetatable({}, {
          __close = function()
            closed = closed + 1
          end,
        })
        local stream = assert(request:stream(200))
        assert(stream:write("hello"))
        async.sleep(60000)
      end)
      do
        local client <close> = raw(s.server.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert(client.hear("hello"))
      end
      for _ = 1, 200 do
        if closed == 1 then
          break
        end
        async.sleep(10)
      end
      assert.are.equal(1, closed)
      local open <close> = raw(s.server.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      assert(open.hear("hello"))
      s.server:close()
      assert(open.hear("<closed>"))
      async.sleep(20)
      assert.are.equal(2, closed)
    end)
  end)

  it("cuts a stream that its handler did not finish", function()
    run(function()
      local s <close> = listen(function(request)
        assert(assert(request:stream(200)):write("part"))
      end)
      fails("unavailable", http.request({ url = s.url }))
    end)
  end)

  it("drains", function()
    run(function()
      local s = assert(http_server.listen({}, function(request)
        async.sleep(100)
        request:respond(200, nil, "late")
      end))
      local task = async.spawn(function()
        return http.request({ url = "http://127.0.0.1:" .. s.port })
      end)
      async.sleep(30)
      assert.are.equal(0, s:drain(5000))
      assert.are.equal("late", assert(task:join()).body)
      fails("unavailable", http.request({ url = "http://127.0.0.1:" .. s.port }))
    end)
  end)

  it("listens on a Unix socket and refuses what it cannot", function()
    run(function()
      local path = tmp.dir() .. "/socket"
      local s <close> = listen(function(request)
        request:respond(200, nil, request.peer .. " " .. request.peer_uid)
      end, { path = path })
      local r = assert(http.request({ url = "http://localhost/", socket = path }))
      assert.are.equal("unix " .. uv.getuid(), r.body)
      fails("locked", http_server.listen({ path = path }, function() end))
      fails("invalid", http_server.listen({ host = "no.such.name" }, function() end))
      fails("notfound", http_server.listen({ cert = "/none", key = "/none" }, function() end))
      assert.has_error(function()
        http_server.listen({ limits = { head_bytes = -1 } }, function() end)
      end)
      assert.is_not_nil(s)
    end)
  end)

  it("lets go of what is dropped", function()
    run(function()
      local server = assert(net_server.listen({}, function() end)) -- replies are collected
      local client <close> = raw(server:port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
      for _ = 1, 20 do
        async.sleep(5)
        collectgarbage()
      end
      assert.are.equal("<closed>", client.hear("<closed>"))
      server:close()
      server:close()
      assert.has_error(function()
        server:port()
      end, "http_server is closed")
    end)
  end)
end)
