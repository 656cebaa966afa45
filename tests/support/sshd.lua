--- Real sshd processes on loopback ports, each in a mount and PID namespace of its own: root's
-- login shell there is /bin/sh without anybody's dotfiles, and killing it kills all it started.
-- Needs root; M.available() says whether that is so. Inside a task only.

local async = require("prov.async")
local net = require("prov.net")
local ssh = require("prov.ssh")
local tmp = require("support.tmp")
local uv = require("luv")

local M = {}

local Server = {}
Server.__index = Server

local INIT = [[set -e
mount --make-rprivate /
mount --bind "$1/passwd" /etc/passwd
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f "$1/config"]]

local CONFIG = [[
Port %d
ListenAddress 127.0.0.1
PidFile none
AuthorizedKeysFile %s/authorized
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
MaxStartups 1000
PerSourceMaxStartups none
%s
]]

function M.available()
  return uv.getuid() == 0 and uv.fs_stat("/usr/sbin/sshd") ~= nil
end

--- A loopback port nobody listens on.
function M.free_port()
  local socket = uv.new_tcp()
  socket:bind("127.0.0.1", 0)
  local port = socket:getsockname().port
  socket:close()
  return port
end

--- Sends the server, and all it started, a signal; the default ends them.
function Server:kill(signal)
  if self.process then
    uv.kill(self.process:get_pid(), signal or "sigkill")
  end
end

function Server:stop()
  if self.process then
    self:kill()
    async.await(function(resume)
      if self.ended then
        return resume() or true
      end
      self.on_end = resume
      return true
    end)
    self.process = nil
  end
end

--- Options for ssh.connect; `with` adds or replaces some.
function Server:target(with)
  local o = { host = "127.0.0.1", port = self.port, host_key = self.host_key, keys = { self.user_key.private } }
  for key, value in pairs(with or {}) do
    o[key] = value
  end
  return o
end

--- Lets another public key line in.
function Server:allow(line)
  local file = assert(io.open(self.dir .. "/authorized", "a"))
  file:write(line, "\n")
  file:close()
end

--- Starts a server with a host key of each type in `host_keys` (ed25519) and `config` lines, in
-- the network namespace named `netns`.
---@param options? { config?: string, host_keys?: string[], netns?: string }
function M.start(options)
  local o = options or {}
  local self = setmetatable({ dir = tmp.dir(), port = M.free_port(), host_keys = {} }, Server)
  local lines = { o.config or "" }
  for _, kind in ipairs(o.host_keys or { "ed25519" }) do
    local pair = assert(ssh.keygen(kind))
    local path = self.dir .. "/host_" .. kind
    tmp.write(path, pair.private)
    uv.fs_chmod(path, tonumber("600", 8))
    lines[#lines + 1] = "HostKey " .. path
    self.host_keys[kind] = pair.public
    self.host_key = self.host_key or pair.public
  end
  self.user_key = assert(ssh.keygen())
  self:allow(self.user_key.public)
  tmp.write(self.dir .. "/passwd", "root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n")
  tmp.write(self.dir .. "/config", CONFIG:format(self.port, self.dir, table.concat(lines, "\n")))
  local log = assert(uv.fs_open(self.dir .. "/log", "a", tonumber("600", 8)))
  local args = { "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", INIT, "sh", self.dir }
  if o.netns then
    table.insert(args, 1, "--net=/run/netns/" .. o.netns)
    table.insert(args, 2, "unshare")
  end
  local process
  process = assert(uv.spawn(o.netns and "nsenter" or "unshare", {
    args = args,
    stdio = { nil, log, log },
    detached = true,
  }, function()
    self.ended = true
    process:close()
    if self.on_end then
      self.on_end()
    end
  end))
  self.process = process
  uv.fs_close(log)
  local ok, e = net.wait({ host = "127.0.0.1", port = self.port, timeout = 10000, banner = true,
    netns = o.netns and "/run/netns/" .. o.netns })
  if not ok then
    local text = tmp.read(self.dir .. "/log")
    self:stop()
    error("sshd did not start: " .. e:text() .. "\n" .. text, 2)
  end
  return self
end

Server.__close = Server.stop

--- Starts a server, connects, and calls fn(session, server); both are closed whatever comes of it.
function M.with_session(options, fn)
  local server <close> = M.start(options)
  local session, e = ssh.connect(server:target())
  if not session then
    error(e:text())
  end
  local ok, raised = xpcall(fn, function(what)
    return type(what) == "string" and debug.traceback(what) or what
  end, session, server)
  session:close()
  server:stop()
  if not ok then
    error(raised, 0)
  end
end

return M
