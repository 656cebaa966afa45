local async = require("support.async")
local http_server = require("prov.http_server")
local relay = require("support.relay")
local tls = require("prov.tls")
local tmp = require("support.tmp")

local function certificate()
  local dir = tmp.dir()
  assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=t "
    .. "-addext subjectAltName=DNS:localhost -keyout %s/key -out %s/cert 2>/dev/null"):format(dir, dir)))
  return dir .. "/cert", dir .. "/key"
end

describe("tls", function()
  local cert, key = certificate()

  -- Calls fn with the port of a server of HTTP that answers with the body it got.
  local function serving(fn)
    return async.test(function()
      local server = assert(http_server.listen({ cert = cert, key = key }, function(request)
        request:respond(200, {}, request.body)
      end))
      fn(server.port)
      server:close()
    end)
  end

  local function post(stream, body)
    assert(stream:write(("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"):format(#body)))
    assert(stream:write(body))
    local head = ""
    while not head:find("\r\n\r\n$") do
      head = head .. assert(stream:read(1))
    end
    return head, assert(stream:read(#body))
  end

  it("talks to a server it trusts", serving(function(port)
    local stream <close> = assert(tls.connect({ host = "localhost", port = port, ca = cert }))
    for _, body in ipairs({ "hello", ("x"):rep(300000), "" }) do
      local head, answer = post(stream, body)
      assert.truthy(head:find("^HTTP/1.1 200"))
      assert.equal(body, answer)
    end
  end))

  it("refuses others", serving(function(port)
    for _, options in ipairs({ { host = "localhost" }, { host = "127.0.0.1", ca = cert },
      { host = "localhost", ca = cert, server_name = "elsewhere" } }) do
      options.port = port
      local stream, e = tls.connect(options)
      assert.is_nil(stream)
      assert.equal("auth", e.code)
      options.verify = false
      local unverified <close> = assert(tls.connect(options))
      assert.equal("hello", select(2, post(unverified, "hello")))
    end
  end))

  it("tells that nobody is there, answers, or stays", serving(function(port)
    local stream, e = tls.connect({ host = "127.0.0.1", port = 1 })
    assert.is_nil(stream)
    assert.equal("unavailable", e.code)
    local silent <close> = relay.start()
    stream, e = tls.connect({ host = "127.0.0.1", port = silent.port, timeout = 100 })
    assert.is_nil(stream)
    assert.equal("timeout", e.code)
    local between <close> = relay.start(port)
    local cut <close> = assert(tls.connect({ host = "localhost", port = between.port, ca = cert }))
    between:cut()
    local bytes
    bytes, e = cut:read(1)
    assert.is_nil(bytes)
    assert.equal("unavailable", e.code)
    assert.is_nil((cut:write("x")))
    cut:close()
    assert.has_error(function()
      cut:read(1)
    end)
  end))

  it("ends when its task does", serving(function(port)
    local tasks = require("prov.async")
    local _, e = tasks.deadline(100, function()
      local stream <close> = assert(tls.connect({ host = "localhost", port = port, ca = cert }))
      return stream:read(1) -- nothing comes
    end)
    assert.equal("timeout", e.code)
    local silent <close> = relay.start()
    _, e = tasks.deadline(100, tls.connect, { host = "127.0.0.1", port = silent.port })
    assert.equal("timeout", e.code)
  end))
end)
