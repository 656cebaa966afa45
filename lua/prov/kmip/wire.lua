--- Binary KMIP over TLS: one connection, made when it is needed, one request at a time.

local async = require("prov.async")
local clock = require("prov.clock")
local err = require("prov.err")
local message = require("prov.kmip.message")
local settings = require("prov.settings")
local tls = require("prov.tls")
local tree = require("prov.kmip.tree")
local ttlv = require("prov.kmip.ttlv")

local M = {}

--- The port that is KMIP's.
M.PORT = 5696

-- Servers end connections that nobody used for a while; one this old is not begun with again.
local IDLE_MS = 5000

---@class prov.kmip.Wire: prov.kmip.Transport
local Wire = {}
Wire.__index = Wire

--- A transport. Nothing is connected yet.
---@param options prov.tls.Options|{ version: integer[]?, timeout: integer? } version: of the protocol, else the server
--- is asked; timeout: ms for a request, with connecting; http.timeout of the settings
---@return prov.kmip.Wire
function M.new(options)
  return setmetatable({
    options = options,
    version = options.version,
    timeout = options.timeout or settings.ms(settings.http.timeout),
    turn = async.semaphore(1),
  }, Wire)
end

function Wire:_drop()
  if self.stream then
    self.stream:close()
    self.stream = nil
  end
end

-- Sends a message and reads the one that answers. What goes wrong leaves the connection at no known place: it ends.
function Wire:_exchange(request)
  local done = false
  local _ <close> = setmetatable({}, {
    __close = function() -- a cancelled task comes here, too
      if not done then
        self:_drop()
      end
    end,
  })
  local bytes, e = ttlv.encode(request)
  if not bytes then
    return nil, e
  end
  local ok
  ok, e = self.stream:write(bytes)
  if not ok then
    return nil, e
  end
  local header, size, rest, answer
  header, e = self.stream:read(8)
  if not header then
    return nil, e
  end
  size, e = ttlv.size(header)
  if not size then
    return nil, e
  end
  rest, e = self.stream:read(size - 8)
  if not rest then
    return nil, e
  end
  answer, e = ttlv.decode(header .. rest)
  done = answer ~= nil
  self.used = clock.monotonic()
  return answer, e
end

-- The version that both sides like best.
function Wire:_discover()
  local e
  for _, asking in ipairs({ { 1, 2 }, { 2, 1 } }) do
    local answer, payload
    answer, e = self:_exchange(message.request(asking, "DiscoverVersions", {}))
    if not answer then
      return nil, e
    end
    payload, e = message.response(answer, "DiscoverVersions")
    local offered = {}
    for _, one in ipairs(payload and tree.children(payload) or {}) do
      local major, minor = tree.get(one, "Integer", "ProtocolVersionMajor"),
        tree.get(one, "Integer", "ProtocolVersionMinor")
      offered[("%s.%s"):format(major, minor)] = true
    end
    for _, version in ipairs(message.VERSIONS) do
      if offered[message.show_version(version)] then
        self.version = version
        return true
      end
    end
  end
  if e then
    return nil, e:wrap("ask for the versions of KMIP")
  end
  return err.fail("unsupported", "the server speaks no version of KMIP that prov does, which are 1.2 to 2.1")
end

function Wire:_connect()
  local e
  self.stream, e = tls.connect(self.options)
  if not self.stream then
    if e.code == "notfound" then -- the name of the host, or a file of certificates
      e.code = e.msg:find("cannot be read", 1, true) and "invalid" or "unavailable"
    end
    return nil, e
  end
  return self.version and true or self:_discover()
end

-- asked[1] becomes true when the request was begun to be sent.
function Wire:_call(operation, payload, repeatable, asked)
  local _ <close> = self.turn:acquire()
  local reused = self.stream ~= nil
  if reused and (not repeatable or clock.monotonic() - self.used > IDLE_MS) then
    self:_drop()
    reused = false
  end
  local answer, e
  repeat
    if not self.stream then
      answer, e = self:_connect()
      if not answer then
        self:_drop()
        return nil, e
      end
    end
    asked[1] = true
    local items = type(payload) == "function" and payload(self.version) or payload
    answer, e = self:_exchange(message.request(self.version, operation, items))
    local again = not answer and reused and e.code == "unavailable" -- cut meanwhile
    reused = false
  until not again
  if not answer then
    return nil, e
  end
  return message.response(answer, operation)
end

--- Does one operation.
---@async
---@param operation string
---@param payload prov.kmip.Payload
---@param repeatable boolean doing it twice is like doing it once
---@return prov.kmip.Item? payload
---@return prov.Err? err "unknown": it is not repeatable, and its answer did not come
function Wire:call(operation, payload, repeatable)
  local asked = { false }
  local answer, e = async.deadline(self.timeout, self._call, self, operation, payload, repeatable, asked)
  if not answer and asked[1] and not repeatable and (e.code == "timeout" or e.code == "unavailable") then
    return nil, message.lost(operation, e)
  end
  return answer, e
end

--- The version of the protocol; the server is asked when it is not known.
---@async
---@return integer[]? version
---@return prov.Err? err
function Wire:agree()
  if self.version then
    return self.version
  end
  return async.deadline(self.timeout, function()
    local _ <close> = self.turn:acquire()
    local ok, e = true, nil
    if not self.stream then
      ok, e = self:_connect()
    end
    if not ok then
      self:_drop()
      return nil, e
    end
    return self.version
  end)
end

--- Ends the connection; another call makes a new one.
function Wire:close()
  self:_drop()
end

return M
