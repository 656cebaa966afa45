--- TLS connections, for protocols that are not HTTP: one reader and one writer at a time.

local async = require("prov.async")
local err = require("prov.err")
local net = require("core.net")
local settings = require("prov.settings")

local M = {}

---@class prov.tls.Options
---@field host string
---@field port integer
---@field server_name? string whom the certificate must name; the host
---@field netns? string path of the network namespace to connect from
---@field timeout? integer ms until connected; http.connect_timeout of the settings
---@field ca? string file of trusted certificates; http.ca of the settings, else the system's
---@field ca_text? string trusted certificates in PEM, instead of a file
---@field cert? string client certificate (PEM file)
---@field key? string its private key (PEM file)
---@field verify? boolean http.verify of the settings; false accepts any certificate

---@class prov.tls.Stream
---@field package handle prov.Tls
---@field package buffer string what came and was not asked for yet
local Stream = {}
Stream.__index = Stream

-- Waits for a callback of the handle; a cancelled task closes the connection, whose place in the stream is lost.
local function wait(handle, start)
  return async.await(function(resume, on_cancel)
    local stopped = false
    local ok, refused = start(function(...)
      if not stopped then
        resume(...)
      end
    end)
    if ok then
      on_cancel(function()
        stopped = true
        handle:close()
      end)
    end
    return ok, refused
  end)
end

--- Connects.
---@async
---@param options prov.tls.Options
---@return prov.tls.Stream?
---@return prov.Err? err "auth": a certificate was refused; "unavailable", "timeout", "notfound", "protocol"
function M.connect(options)
  local o = {}
  for key, value in pairs(options) do
    o[key] = value
  end
  o.timeout = options.timeout or settings.ms(settings.http.connect_timeout)
  o.ca = options.ca or settings.http.ca
  o.min_tls = settings.http.min_tls
  if options.verify == nil then
    o.verify = settings.http.verify
  end
  local handle
  local ok, e = async.await(function(resume, on_cancel)
    local stopped, refused = false
    handle, refused = net.tls_connect(o, function(...)
      if not stopped then
        resume(...)
      end
    end)
    if handle then
      on_cancel(function()
        stopped = true
        handle:close()
      end)
    end
    return handle, refused
  end)
  if not ok then
    if handle then
      handle:close()
    end
    return nil, e
  end
  return M.stream(handle)
end

--- A stream over a connection that has the methods of core.net's: read(cb), write(bytes, cb), close().
---@param handle table
---@return prov.tls.Stream
function M.stream(handle)
  return setmetatable({ handle = handle, buffer = "" }, Stream)
end

--- Sends bytes.
---@async
---@param bytes string
---@return true?
---@return prov.Err? err
function Stream:write(bytes)
  return wait(self.handle, function(cb)
    return self.handle:write(bytes, cb)
  end)
end

--- The next n bytes.
---@async
---@param n integer
---@return string?
---@return prov.Err? err "unavailable": the stream ended before
function Stream:read(n)
  local pieces, have = { self.buffer }, #self.buffer
  while have < n do
    local bytes, e = wait(self.handle, function(cb)
      return self.handle:read(cb)
    end)
    if not bytes then
      return nil, e
    elseif bytes == "" then
      return err.fail("unavailable", "the connection was ended after %d of %d bytes", have, n)
    end
    pieces[#pieces + 1], have = bytes, have + #bytes
  end
  local all = table.concat(pieces)
  self.buffer = all:sub(n + 1)
  return all:sub(1, n)
end

--- Ends the connection.
function Stream:close()
  self.handle:close()
end

Stream.__close = Stream.close

return M
