--- TCP connections without TLS, for protocols that are not HTTP: streams as prov.tls has them.

local async = require("prov.async")
local err = require("prov.err")
local tls = require("prov.tls")
local uv = require("luv")

local M = {}

-- What a stream needs of a handle of libuv.
local Handle = {}
Handle.__index = Handle

local function broken(self, why)
  return err.new("unavailable", ("%s: %s"):format(self.name, why))
end

function Handle:write(bytes, cb)
  return self.tcp:write(bytes, function(why)
    cb(not why or nil, why and broken(self, why))
  end)
end

function Handle:read(cb)
  return self.tcp:read_start(function(why, bytes)
    self.tcp:read_stop()
    if why then
      cb(nil, broken(self, why))
    else
      cb(bytes or "")
    end
  end)
end

function Handle:close()
  if not self.tcp:is_closing() then
    self.tcp:close()
  end
end

local function addresses(host)
  local why, found = async.await(function(resume, on_cancel)
    local request, refused = uv.getaddrinfo(host, nil, { socktype = "stream" }, function(...)
      resume(...)
    end)
    on_cancel(function()
      request:cancel()
    end)
    return request, refused
  end)
  if not found or type(found) ~= "table" then
    return err.fail("unavailable", "there is no address of '%s': %s", host, tostring(why or found))
  end
  return found
end

local function connect_to(name, address, port)
  local self = setmetatable({ tcp = assert(uv.new_tcp()), name = name }, Handle)
  local why, refused = async.await(function(resume, on_cancel)
    on_cancel(function()
      self:close()
    end)
    return self.tcp:connect(address, port, function(problem)
      resume(problem or false)
    end)
  end)
  if why ~= false then
    self:close()
    return nil, broken(self, tostring(why or refused))
  end
  self.tcp:nodelay(true)
  return tls.stream(self)
end

--- Connects to one address of the host after the other.
---@async
---@param options { host: string, port: integer }
---@return prov.tls.Stream?, prov.Err? err "unavailable"
function M.connect(options)
  local found, e = addresses(options.host)
  local stream
  for _, each in ipairs(found or {}) do
    stream, e = connect_to(("%s port %d"):format(options.host, options.port), each.addr, options.port)
    if stream then
      return stream
    end
  end
  return nil, e
end

return M
