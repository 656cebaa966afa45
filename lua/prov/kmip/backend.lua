--- What the KMS backends cosmian and kmip share: prov.kms's idea of a backend, over a key of a KMIP server. The version
--- of a key is its identifier there.

local err = require("prov.err")

local M = {}

---@class prov.kmip.Backend
---@field key string name or identifier, as in the URI
---@field custody prov.kmip.Custody
local Backend = {}
Backend.__index = Backend

local HINTS = {
  denied = "the key is not active any more, or the credentials may not use it; nothing was changed",
  unknown = "see at the KMS what it did before trying again; a key too many does no harm",
}

---@param custody prov.kmip.Custody
---@return prov.kmip.Backend
function M.new(custody)
  return setmetatable({ key = custody.key, custody = custody }, Backend)
end

local function failed(e)
  local code = e.code == "notfound" and "denied" or e.code -- it was destroyed, or never there
  if code ~= e.code then
    e = e:wrap("there is no such key")
    e.code = code
  end
  e.hint = e.hint or HINTS[code]
  return nil, e
end

--- Wraps a key.
---@async
---@param key string
---@param _ table<string, string>
---@param bound { bytes: string }
---@return { wrapped: string, version: string, alg: string }?
---@return prov.Err? err
function Backend:wrap(key, _, bound)
  local wrapped, e = self.custody:wrap(key, bound.bytes)
  if not wrapped then
    return failed(e)
  end
  return { wrapped = wrapped.bytes, version = wrapped.id, alg = wrapped.alg }
end

--- Unwraps a key.
---@async
---@param sealed prov.kms.Sealed
---@param _ table<string, string>
---@param bound { bytes: string }
---@return string? key
---@return prov.Err? err "auth": another key, another context, or it was changed; "denied"
function Backend:unwrap(sealed, _, bound)
  if sealed.key ~= self.key then
    return err.fail("auth", "the key was wrapped by '%s', not by '%s'", sealed.key, self.key)
  end
  local key, e = self.custody:unwrap({ id = sealed.version, alg = sealed.alg, bytes = sealed.wrapped }, bound.bytes)
  if not key then
    return failed(e)
  end
  return key
end

--- Makes a new key of the KMS wrap from now on; older ones still unwrap.
---@async
---@return string? version
---@return prov.Err? err "unsupported", "unknown": the answer did not come
function Backend:rotate()
  local id, e = self.custody:rotate()
  if not id then
    return failed(e)
  end
  return id
end

--- Whether the key can wrap now.
---@async
---@return { version: string, detail: string }?
---@return prov.Err? err
function Backend:health()
  local found, e = self.custody:health()
  if not found then
    return failed(e)
  elseif not found.ok then
    return failed(err.new("denied", ("the key %s is in the state %s"):format(found.id, found.state)))
  end
  return { version = found.id, detail = "state " .. found.state }
end

--- Ends its connection.
function Backend:close()
  self.custody.client:close()
end

return M
