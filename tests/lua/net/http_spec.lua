local async = require("prov.async")
local err = require("prov.err")
local http = require("prov.http")
local net = require("prov.net")
local run = require("support.async").run
local tmp = require("support.tmp")
local uv = require("luv")

local function fails(code, value, e)
  assert.is_nil(value)
  assert.is_true(err.is(e))
  assert.are.equal(code, e.code)
  return e:text()
end

--- A server on a loopback port that hands each request's bytes to reply(socket, bytes).
local function serve(reply)
  local self = { handles = {}, connections = 0 }
  local server = uv.new_tcp()
  self.handles[1] = server
  server:bind("127.0.0.1", 0)
  self.port = server:getsockname().port
  self.url = "http://127.0.0.1:" .. self.port
  server:listen(64, function()
    local socket = uv.new_tcp()
    server:accept(socket)
    self.connections = self.connections + 1
    self.handles[#self.handles + 1] = socket
    local seen = ""
    socket:read_start(function(_, bytes)
      if not bytes then
        if not socket:is_closing() then
          socket:close()
        end
        return
      end
      seen = seen .. bytes
      local head = seen:find("\r\n\r\n", 1, true)
      local length = tonumber(seen:match("[Cc]ontent%-[Ll]ength: (%d+)")) or 0
      if head and #seen >= head + 3 + length then
        local request = seen
        seen = ""
        reply(socket, request)
      end
    end)
  end)
  return setmetatable(self, {
    __close = function()
      for _, handle in ipairs(self.handles) do
        if not handle:is_closing() then
          handle:close()
        end
      end
    end,
  })
end

local function answer(socket, body, headers, status)
  socket:write(("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n"):format(status or "200 OK", #body, headers or "") .. body)
end

describe("http", function()
  it("sends what it was told and returns status, headers and body", function()
    run(function()
      local seen
      local server <close> = serve(function(socket, request)
        seen = request
        answer(socket, "a\0b", "X-One: 1\r\nX-One: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "404 Not Found")
      end)
      local r = assert(http.request({
        method = "PUT",
        url = server.url .. "/path?q=1",
        headers = { Accept = "text/x", ["X-Many"] = { "a", "b" }, ["X-Empty"] = "" },
        body = "\1\0\2",
      }))
      assert.are.equal(404, r.status)
      assert.are.equal("a\0b", r.body)
      assert.are.equal("1, 2", r.headers["x-one"])
      assert.are.same({ "a=1", "b=2" }, r.cookies)
      assert.is_truthy(seen:find("^PUT /path%?q=1 HTTP/1%.1\r\n"), seen)
      assert.is_truthy(seen:find("\r\nAccept: text/x\r\n", 1, true), seen)
      assert.is_truthy(seen:find("\r\nX-Many: a\r\nX-Many: b\r\n", 1, true), seen)
      assert.is_truthy(seen:find("\r\nX-Empty:\r\n", 1, true), seen)
      assert.is_nil(seen:find("Content-Type", 1, true))
      assert.is_truthy(seen:find("\r\n\r\n\1\0\2$"))
      assert(http.request({ method = "POST", url = server.url, body = "{}", headers = { ["Content-Type"] = "a/b" } }))
      assert.is_truthy(seen:find("\r\nContent-Type: a/b\r\n", 1, true), seen)
      assert(http.request({ method = "DELETE", url = server.url }))
      assert.is_truthy(seen:find("^DELETE / "), seen)
      assert.are.equal(2, server.connections) -- one connection for all, but for the POST
    end)
  end)

  it("connects by itself when told to, whatever the environment says", function()
    run(function()
      local server <close> = serve(function(socket)
        answer(socket, "here")
      end)
      uv.os_setenv("http_proxy", "http://127.0.0.1:1")
      local through, by_itself = http.request({ url = server.url }), http.request({ url = server.url, proxy = false })
      uv.os_unsetenv("http_proxy")
      assert.is_nil(through)
      assert.are.equal("here", by_itself.body)
    end)
  end)

  it("answers a HEAD without a body", function()
    run(function()
      local server <close> = serve(function(socket)
        socket:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
      end)
      local r = assert(http.request({ method = "HEAD", url = server.url }))
      assert.are.equal("", r.body)
      assert.are.equal("5", r.headers["content-length"])
    end)
  end)

  it("runs many requests at once", function()
    run(function()
      local server <close> = serve(function(socket, request)
        local timer = uv.new_timer()
        timer:start(50, 0, function()
          timer:close()
          answer(socket, request:match("^GET /(%d+)"))
        end)
      end)
      local count, started = 0, uv.hrtime()
      assert(async.scope(function(scope)
        for i = 1, 50 do
          scope:spawn(function()
            assert.are.equal(tostring(i), assert(http.request({ url = server.url .. "/" .. i })).body)
            count = count + 1
            return true
          end)
        end
        return true
      end))
      assert.are.equal(50, count)
      assert.is_true((uv.hrtime() - started) / 1e6 < 2000)
    end)
  end)

  it("hands a body on piece by piece, and caps one", function()
    run(function()
      local server <close> = serve(function(socket)
        answer(socket, ("x"):rep(5000000))
      end)
      local size, pieces = 0, 0
      local r = assert(http.request({
        url = server.url,
        on_data = function(bytes)
          size, pieces = size + #bytes, pieces + 1
        end,
      }))
      assert.are.equal(5000000, size)
      assert.is_true(pieces > 1)
      assert.are.equal("", r.body)
      fails("limit", http.request({ url = server.url, max_body = 1000 }))
      fails("limit", http.request({ url = server.url, max_body = 1000, on_data = function() end }))
    end)
  end)

  it("follows redirects only when told to", function()
    run(function()
      local server <close> = serve(function(socket, request)
        if request:match("^GET /there") then
          answer(socket, "here")
        else
          answer(socket, "", "Location: /there\r\n", "302 Found")
        end
      end)
      assert.are.equal(302, assert(http.request({ url = server.url })).status)
      local r = assert(http.request({ url = server.url, redirects = 3 }))
      assert.are.equal("here", r.body)
      assert.is_nil(r.headers.location)
    end)
  end)

  it("fails with a code and without secrets in the message", function()
    run(function()
      local server <close> = serve(function(socket, request)
        if request:match("^GET /drop") then
          socket:close()
        elseif request:match("^GET /nonsense") then
          socket:write("nonsense\r\n\r\n")
        end
      end)
      local text = fails("timeout", http.request({ url = server.url .. "/silent?token=s3cret", timeout = 200 }))
      assert.is_nil(text:find("s3cret", 1, true))
      fails("unavailable", http.request({ url = server.url .. "/drop" }))
      fails("protocol", http.request({ url = server.url .. "/nonsense" }))
      fails("unavailable", http.request({ url = "http://user:s3cret@127.0.0.1:1/" }))
      fails("notfound", http.request({ url = "http://no-such-host.invalid/" }))
      fails("invalid", http.request({ url = "nonsense://x" }))
      fails("invalid", http.request({ url = "http://" }))
      fails("invalid", http.request({ url = "file:///etc/passwd" }))
      fails("invalid", http.request({ url = server.url, method = "GET\r\nX: y" }))
      fails("invalid", http.request({ url = server.url, headers = { ["X-Bad"] = "a\r\nX-Injected: b" } }))
      assert.has_error(function()
        http.request({ url = server.url, headers = { ["X Bad"] = "a" } })
      end)
    end)
  end)

  it("never sends twice what must not be, when a kept connection is cut", function()
    for _, case in ipairs({
      { method = "POST", seen = 1 },
      { method = "PATCH", seen = 1 },
      { method = "POST", repeatable = true, seen = 2 },
      { method = "GET", seen = 2 },
      { method = "DELETE", seen = 2 },
    }) do
      local seen = 0
      local server <close> = serve(function(socket, request)
        if request:find("^GET /first") then
          return answer(socket, "")
        end
        seen = seen + 1
        if seen == 1 then -- the work is done, the answer is not given
          return socket:close()
        end
        answer(socket, "done")
      end)
      run(function()
        assert(http.request({ url = server.url .. "/first" }))
        local response, e = http.request({
          url = server.url .. "/second", method = case.method, repeatable = case.repeatable, body = "x",
        })
        if case.seen == 1 then
          fails("unavailable", response, e)
        else
          assert.equal("done", response.body)
        end
      end)
      assert.equal(case.seen, seen, case.method)
    end
  end)

  it("ends the request of a cancelled task", function()
    run(function()
      local closed = 0
      local server <close> = serve(function(socket)
        socket:read_stop()
        socket:read_start(function(_, bytes)
          if not bytes then
            closed = closed + 1
            socket:close()
          end
        end)
      end)
      for _ = 1, 5 do
        local task = async.spawn(function()
          return http.request({ url = server.url })
        end)
        async.sleep(20)
        task:cancel()
        fails("canceled", task:join())
      end
      async.sleep(50)
      assert.are.equal(5, closed)
      assert.are.equal(5, server.connections)
    end)
  end)

  it("may start and cancel requests from its callbacks", function()
    run(function()
      local server <close> = serve(function(socket, request)
        if request:match("^GET /half") then
          socket:write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        else
          answer(socket, ("x"):rep(1000000))
        end
      end)
      local task
      task = async.spawn(function()
        return http.request({
          url = server.url .. "/half",
          on_data = function()
            task:cancel()
          end,
        })
      end)
      fails("canceled", task:join())
      assert.are.equal(1000000, #assert(http.request({ url = server.url })).body)
    end)
  end)

  it("checks certificates", function()
    run(function()
      local dir = tmp.dir()
      assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=t "
        .. "-addext subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/cert 2>/dev/null"):format(dir, dir)))
      local socket = uv.new_tcp()
      socket:bind("127.0.0.1", 0)
      local port = socket:getsockname().port
      socket:close()
      local ended
      local server = assert(uv.spawn("openssl", {
        args = {
          "s_server", "-quiet", "-www", "-accept", "127.0.0.1:" .. port,
          "-key", dir .. "/key", "-cert", dir .. "/cert",
        },
      }, function()
        ended = true
      end))
      assert(net.wait({ host = "127.0.0.1", port = port, timeout = 5000 }))
      local url = "https://127.0.0.1:" .. port .. "/"
      fails("auth", http.request({ url = url }))
      local r = assert(http.request({ url = url, ca = dir .. "/cert" }))
      assert.are.equal(200, r.status)
      assert.are.equal(200, assert(http.request({ url = url, verify = false })).status)
      fails("auth", http.request({ url = "https://localhost:" .. port .. "/", ca = dir .. "/cert" }))
      local with = require("support.settings").with
      assert.are.equal(200, assert(with({ ["http.ca"] = dir .. "/cert" }, http.request, { url = url })).status)
      assert.are.equal(200, assert(with({ ["http.verify"] = false, ["http.min_tls"] = "1.3" }, http.request,
        { url = url })).status)
      server:kill("sigkill")
      repeat
        async.sleep(10)
      until ended
      server:close()
    end)
  end)

  it("connects inside a network namespace, and never through the wrong one", function()
    if uv.getuid() ~= 0 then
      return pending("needs root")
    end
    local name = ("prov-http-%d"):format(uv.os_getpid())
    local path = "/run/netns/" .. name
    assert(os.execute("ip netns add " .. name .. " && ip -n " .. name .. " link set lo up"))
    local ok, raised = pcall(run, function()
      local server <close> = serve(function(socket)
        answer(socket, "outside")
      end)
      assert.are.equal("outside", assert(http.request({ url = server.url })).body)
      fails("unavailable", http.request({ url = server.url, netns = path }))
      assert.are.equal("outside", assert(http.request({ url = server.url })).body)
      fails("notfound", http.request({ url = server.url, netns = "/run/netns/none-such" }))
    end)
    os.execute("ip netns del " .. name)
    assert(ok, raised)
  end)
end)

describe("net.probe", function()
  it("tells whether a port answers and what it says", function()
    run(function()
      local greeting = uv.new_tcp()
      greeting:bind("127.0.0.1", 0)
      local port = greeting:getsockname().port
      local clients = {}
      greeting:listen(16, function()
        local socket = uv.new_tcp()
        greeting:accept(socket)
        clients[#clients + 1] = socket
        socket:write("SSH-2.0-test\r\nmore")
      end)
      assert.are.equal("", net.probe({ host = "127.0.0.1", port = port }))
      assert.are.equal("SSH-2.0-test", net.probe({ host = "127.0.0.1", port = port, banner = true }))
      assert.are.equal("SSH-2.0-test", net.probe({ host = "localhost", port = port, banner = true }))
      async.sleep(20)
      greeting:close()
      for _, socket in ipairs(clients) do
        socket:close()
      end
      fails("unavailable", net.probe({ host = "127.0.0.1", port = port }))
      local text = fails("timeout", net.wait({ host = "127.0.0.1", port = port, timeout = 200 }))
      assert.matches("did not answer in 0.2 s", text)
      fails("notfound", net.wait({ host = "no-such-host.invalid", port = port, timeout = 200 }))
      fails("invalid", net.probe({ host = "", port = port }))
      fails("invalid", net.probe({ host = "127.0.0.1", port = 0 }))
    end)
  end)

  it("waits for a banner no longer than it should, and can be cancelled", function()
    run(function()
      local server <close> = serve(function() end)
      fails("timeout", net.probe({ host = "127.0.0.1", port = server.port, banner = true, timeout = 100 }))
      local task = async.spawn(function()
        return net.probe({ host = "127.0.0.1", port = server.port, banner = true })
      end)
      async.sleep(20)
      task:cancel()
      fails("canceled", task:join())
    end)
  end)

  it("sees a port that comes up later", function()
    run(function()
      local socket = uv.new_tcp()
      socket:bind("127.0.0.1", 0)
      local port = socket:getsockname().port
      local task = async.spawn(function()
        return net.wait({ host = "127.0.0.1", port = port, timeout = 5000 })
      end)
      async.sleep(150)
      assert.is_false(task.done)
      socket:listen(4, function() end)
      assert.are.equal("", assert(task:join()))
      socket:close()
    end)
  end)
end)
