--- A WebSocket server that sends back what it gets, for the judges of tests/e2e/websocket.sh.
-- prov internal lua ws_echo.lua FOLDER: listens on FOLDER/echo.sock, a port, and one with TLS (cert.pem
-- and key.pem), writes both to FOLDER/ports, and ends when its input does.

local async = require("prov.async")
local http_server = require("prov.http_server")
local uv = require("luv")

local folder = arg and arg[1] or ...
local limits = { stream_bytes = 64 << 20 }

local function echo(request)
  local socket, e = request:websocket({ message_bytes = 64 << 20, protocols = { "echo", "chat" } })
  if not socket then
    return nil, e
  end
  while true do
    local message, kind = socket:receive()
    if not message then
      return true
    end
    local ok = kind == "text" and socket:send(message) or kind == "bytes" and socket:send_bytes(message)
    if not ok then
      return true
    end
  end
end

assert(async.run(function()
  local servers = {
    assert(http_server.listen({ limits = limits }, echo)),
    assert(http_server.listen({ limits = limits, cert = folder .. "/cert.pem", key = folder .. "/key.pem" }, echo)),
    assert(http_server.listen({ limits = limits, path = folder .. "/echo.sock" }, echo)),
  }
  local out = assert(io.open(folder .. "/ports", "w"))
  out:write(("%d %d\n"):format(servers[1].port, servers[2].port))
  out:close()
  local input = uv.new_pipe()
  input:open(0)
  async.await(function(resume)
    return input:read_start(function(_, bytes)
      if not bytes then
        resume(true)
      end
    end)
  end)
  input:close()
  for _, server in ipairs(servers) do
    server:drain(2000)
  end
  return true
end))
