--- The process of `prov serve`: opens what is to be served, listens, and ends in order.

local async = require("prov.async")
local clock = require("prov.clock")
local collector = require("prov.collector")
local dirs = require("prov.dirs")
local err = require("prov.err")
local fs = require("prov.fs")
local linux = require("core.linux")
local log = require("prov.log")
local orchestrator = require("prov.orchestrator")
local uv = require("luv")

local M = {}

--- The token of a data folder, made at first use.
---@async
---@param dir string
---@return string?, prov.Err?
function M.token(dir)
  local path = dir .. "/token"
  local text, e = fs.read(path)
  if text then
    text = text:match("^%s*(%S+)%s*$")
    if not text or #text < 32 then
      return err.fail("corrupt", "%s is not a token; remove it, and the next start makes a new one", path)
    end
    return text
  elseif e.code ~= "notfound" then
    return nil, e
  end
  text = clock.random_hex(32)
  local ok
  ok, e = fs.write_atomic(path, text .. "\n", { mode = 384 })
  return ok and text, e
end

local function is_loopback(host)
  return host == "localhost" or host == "::1" or host:match("^127%.%d+%.%d+%.%d+$") ~= nil
end

--- A socket systemd has opened for this process (sd_listen_fds(3)); nil when there is none.
---@return integer?, prov.Err?
local function inherited()
  local count = math.tointeger(tonumber(os.getenv("LISTEN_FDS") or ""))
  if not count or tonumber(os.getenv("LISTEN_PID")) ~= uv.os_getpid() then
    return nil
  elseif count ~= 1 then
    return err.fail("usage", "%d sockets were handed over; one is wanted", count)
  end
  return 3
end

local function where(p, default)
  local fd, e = inherited()
  if fd or e then
    return fd and { fd = fd, cert = p.cert, key = p.key }, e
  elseif p.socket then
    return { path = p.socket }
  end
  local listen = p.listen or default
  local host, port = listen:match("^%[?([^%]]*)%]?:(%d+)$")
  port = math.tointeger(tonumber(port))
  if not host or host == "" or port > 65535 then
    return err.fail("usage", "--listen wants HOST:PORT, not '%s'", listen)
  elseif not is_loopback(host) and not p.cert then
    return nil, err.new("usage", ("%s is not a loopback address: there TLS is needed"):format(host), {
      hint = "add --cert FILE --key FILE, or put a proxy in front",
    })
  end
  return { host = host, port = port, cert = p.cert, key = p.key }
end

local function shown(options, server)
  if options.path then
    return "unix:" .. options.path
  end
  local given = options.host or "127.0.0.1" -- a socket that was handed over tells its port only
  local host = given:find(":", 1, true) and "[" .. given .. "]" or given
  return ("%s://%s:%d"):format(options.cert and "https" or "http", host, server.port)
end

--- Tells the service manager that requests are taken, and from then on that the loop turns.
local function announce(address)
  local ok, e = linux.notify("READY=1\nSTATUS=listening at " .. address)
  if not ok then
    log.warn("the service manager cannot be told", { error = tostring(e) })
  end
  local wanted = tonumber(os.getenv("WATCHDOG_USEC") or "")
  if not wanted then
    return nil
  end
  return clock.every(math.max(1, wanted // 2000), function()
    linux.notify("WATCHDOG=1")
  end)
end

---@class prov.Service what is served
---@field address string
---@field drain async fun(self, hurry: fun(): boolean) lets what is under way come to its end
---@field close fun(self)
---@field reload? fun(self) on SIGHUP

local Orchestrator = {}
Orchestrator.__index = Orchestrator

local function taken(e)
  e.hint = e.code == "locked" and "another program listens there; --listen HOST:PORT names another place" or e.hint
  return nil, e
end

local function open_orchestrator(ctx, p, options)
  local dir = p.data or dirs.state() .. "/orchestrator"
  local o, e = orchestrator.open({
    dir = dir,
    workers = p.workers or #uv.cpu_info(),
    places = p.concurrency,
    calls = p.concurrency,
    memory = p.memory,
    silent = math.floor(p.silence * 1000),
    keep = p.keep,
  })
  if not o then
    return nil, e
  end
  local self = setmetatable({ o = o, ui = ctx.ui, within_ms = math.floor(p.drain * 1000) }, Orchestrator)
  local token
  token, e = M.token(dir)
  if token then
    self.face, e = require("prov.face.rest").open(o, { server = options, token = token })
    if not self.face then
      taken(e)
    end
  end
  local ok
  if self.face then
    self.address = shown(options, self.face.server)
    ok, e = fs.write_atomic(dir .. "/address", self.address .. "\n", { mode = 384, sync = false })
  end
  if not ok then
    o:close()
    return nil, e
  end
  ctx.ui.info("orchestrator at %s, its data in %s", self.address, dir)
  return self
end

function Orchestrator:drain(hurry)
  log.info("ending", { running = self.o:count_running() })
  local left = self.o:drain(self.within_ms, hurry)
  self.face:drain()
  self.o.pool:shut(5000)
  if left > 0 then
    self.ui.warn("%d jobs were interrupted; they go on with the next start", left)
  end
end

function Orchestrator:close()
  self.o:close()
end

local function open_vault(ctx, p, options)
  local service, e = require("prov.vault.serve").open(ctx, p, options)
  if not service then
    return taken(e)
  end
  service:announce(shown(options, service.server))
  ctx.ui.info("vault at %s, its data in %s", service.address, service.dir)
  return service
end

-- What can be served, and where it listens by default.
local SERVICES = {
  orchestrator = { open = open_orchestrator, listen = "127.0.0.1:9090" },
  vault = { open = open_vault, listen = "127.0.0.1:8200" },
}

local function open_all(ctx, p, into)
  if #p.services > 1 and (p.listen or p.socket or p.data) then
    return err.fail("usage", "--listen, --socket and --data are of one service: start each by itself to choose them")
  end
  for _, name in ipairs(p.services) do
    local options, e = where(p, SERVICES[name].listen)
    local service
    if options then
      service, e = SERVICES[name].open(ctx, p, options)
    end
    if not service then
      return nil, e
    end
    into[#into + 1] = service
  end
  return true
end

--- Runs until a signal asks for the end.
---@async
---@param ctx prov.Ctx
---@param p table parameters of the operation "serve"
---@return true?, prov.Err?
function M.run(ctx, p)
  local services <close> = setmetatable({}, {
    __close = function(list)
      for _, service in ipairs(list) do
        service:close()
      end
    end,
  })
  local ok, e = open_all(ctx, p, services)
  if not ok then
    return nil, e
  end
  local _ <close> = announce(services[1].address)
  collector.steadily()
  local asked = async.queue()
  function ctx.cancel.stop()
    asked:put(true)
  end
  function ctx.cancel.reload()
    for _, service in ipairs(services) do
      if service.reload then
        service:reload()
      end
    end
  end
  asked:take()
  linux.notify("STOPPING=1")
  for _, service in ipairs(services) do
    service:drain(function()
      return ctx.cancel.killed
    end)
  end
  return true
end

return M
