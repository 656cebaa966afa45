--- A KMS that speaks KMIP, as prov.kms has it: what its backends kmip and cosmian share.

local clock = require("prov.clock")
local crypto = require("core.crypto")
local envelope = require("prov.kms.envelope")

local M = {}

---@class prov.kmip.Backend
---@field scheme "kmip"|"cosmian"
---@field where string the KMS and the key, for errors
---@field custody prov.kmip.Custody
local Backend = {}
Backend.__index = Backend

local KEY_SIZE = 32

local HINTS = {
  unavailable = "nothing was changed: see whether the KMS runs and can be reached from here, and try again",
  timeout = "nothing was changed: see whether the KMS runs and can be reached from here, and try again",
  denied = "the key is not active any more, or the credentials may not use it: ask who keeps the KMS",
  notfound = "the KMS does not have this key: it was destroyed, or this is another KMS",
  auth = "is it the same workspace, purpose and revision, and does the KMS accept the certificate?",
  unknown = "see at the KMS what it did before trying again",
}

---@param scheme "kmip"|"cosmian"
---@param where string
---@param custody prov.kmip.Custody
---@return prov.kmip.Backend
function M.new(scheme, where, custody)
  return setmetatable({ scheme = scheme, where = where, custody = custody }, Backend)
end

function Backend:_failed(e, what)
  local wrapped = e:wrap("%s: %s", self.where, what)
  wrapped.hint = e.hint or HINTS[e.code]
  return nil, wrapped
end

--- Wraps a key.
---@async
---@param key string
---@param context table<string, string>
---@return string? blob
---@return prov.Err? err
function Backend:wrap(key, context)
  local wrapped, e = self.custody:wrap(key, envelope.context(context))
  if not wrapped then
    return self:_failed(e, "wrap a key")
  end
  return envelope.write({
    kms = self.scheme, key = wrapped.id, alg = wrapped.alg, bytes = wrapped.bytes, created = clock.wall() // 1000,
  })
end

--- Unwraps a key.
---@async
---@param blob string
---@param context table<string, string>
---@return string? key
---@return prov.Err? err "auth": another context, or it was changed; "denied"; "notfound"; "corrupt"
function Backend:unwrap(blob, context)
  local fields, e = envelope.read(blob, self.scheme)
  local key
  if fields then
    key, e = self.custody:unwrap({ id = fields.key, alg = fields.alg, bytes = fields.bytes },
      envelope.context(context))
  end
  if not key then
    return self:_failed(e, "unwrap a key")
  end
  return key
end

--- A new key, and the same wrapped.
---@async
---@param context table<string, string>
---@return string? key 32 bytes
---@return string|prov.Err blob
function Backend:generate(context)
  local key, e = crypto.random(KEY_SIZE)
  if not key then
    return nil, e
  end
  local blob
  blob, e = self:wrap(key, context)
  if not blob then
    return nil, e
  end
  return key, blob
end

--- Wraps with the newest key what an older one wrapped. KMIP has no operation for it: the key passes through prov.
---@async
---@param blob string
---@param context table<string, string>
---@return string? blob
---@return prov.Err? err
function Backend:rewrap(blob, context)
  local key, e = self:unwrap(blob, context)
  if not key then
    return nil, e
  end
  return self:wrap(key, context)
end

--- Makes a new key of the KMS wrap from now on; older ones still unwrap.
---@async
---@return string? version identifier of the new key
---@return prov.Err? err "unsupported", "unknown"
function Backend:rotate()
  local id, e = self.custody:rotate()
  if not id then
    return self:_failed(e, "rotate the key")
  end
  return id
end

--- Whether the key can wrap now.
---@async
---@return { ok: boolean, key: string, version: string, detail: string }?
---@return prov.Err? err
function Backend:health()
  local found, e = self.custody:health()
  if not found then
    return self:_failed(e, "look at the key")
  end
  return { ok = found.ok, key = self.custody.key, version = found.id, detail = "state " .. found.state }
end

--- What it is.
---@return { kms: string, key: string, where: string }
function Backend:describe()
  return { kms = self.scheme, key = self.custody.key, where = self.where }
end

--- Ends its connection.
function Backend:close()
  self.custody.client:close()
end

Backend.__close = Backend.close

return M
