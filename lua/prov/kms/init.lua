--- Key management: other keys wrap prov's, so that what lies on a disk opens only with a KMS that agrees.
--
-- A key management system is named by a URI, SCHEME:REST. What one can do is in the module of its scheme, which is
-- loaded when it is first needed and exports new(place, opts) -> backend. A backend has, all of them free to suspend
-- and all `value | nil, err`:
--   key                                   the KMS's name of the key
--   uri                                   optional: a better one than was given, one that holds in other folders too
--   wrap(key, context) -> { wrapped, version, alg, key? }
--   unwrap(sealed, context) -> key        sealed as prov.kms.envelope reads it
--   generate(context) -> key, sealed      optional: the KMS makes the key; else 32 random bytes are wrapped
--   rewrap(sealed, context) -> sealed     optional: under the newest version, with the key inside the KMS
--   rotate() -> version                   a new version of the key; what older ones wrapped still opens
--   health() -> { version?, since?, detail? }  asks the KMS whether the key can be used; since: when its version was
--                                         made, seconds since 1970
-- Behind `context` comes a table whose field `bytes` is the one canonical encoding of it (prov.kms.envelope).
--
-- Errors have a closed meaning: "auth": another key or another context, or changed bytes; "denied": the key was
-- revoked, disabled or deleted, or who asks may not use it; "unavailable" and "timeout": no answer, try again;
-- "corrupt": the envelope; "unsupported": the KMS cannot. No call loses or replaces anything when it fails.

local async = require("prov.async")
local clock = require("prov.clock")
local envelope = require("prov.kms.envelope")
local err = require("prov.err")
local settings = require("prov.settings")

local M = {}

M.KEY_SIZE = 32

--- Scheme -> the module that speaks to it, and how such a URI is written.
M.SCHEMES = {
  ["local"] = { module = "prov.kms.local", form = "local:FILE" },
  aws = { module = "prov.kms.aws", form = "aws:KEY-ARN or aws:alias/NAME, ?region= and ?endpoint=" },
  vault = { module = "prov.kms.vault", form = "vault:https://HOST:8200/MOUNT/KEY" },
  cosmian = { module = "prov.kms.cosmian", form = "cosmian:https://HOST:9998/KEY" },
  kmip = { module = "prov.kms.kmip", form = "kmip:HOST:5696/KEY" },
  pkcs11 = { module = "prov.kms.pkcs11", form = "pkcs11:token=TOKEN;object=LABEL" },
}

---@class prov.kms.Place a URI in parts
---@field uri string as it was given
---@field scheme string
---@field rest string behind the scheme
---@field body string rest, without what stands behind ?
---@field query table<string, string>

---@class prov.Kms
---@field uri string
---@field scheme string
---@field key string
local Kms = {}
Kms.__index = Kms

local function schemes()
  local names = {}
  for name in pairs(M.SCHEMES) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- Takes a URI apart.
---@param uri string
---@return prov.kms.Place?
---@return prov.Err? err "invalid"
function M.parse(uri)
  local scheme, rest = tostring(uri):match("^([a-z][a-z0-9]*):(.+)$")
  if not scheme then
    return nil, err.new("invalid", ("'%s' names no KMS"):format(tostring(uri)), {
      hint = "write SCHEME:WHERE, with a scheme of " .. table.concat(schemes(), ", ") })
  elseif not M.SCHEMES[scheme] then
    local e = require("prov.suggest").unknown("KMS", scheme, schemes())
    e.code = "invalid"
    return nil, e
  end
  local body, text = rest:match("^([^?]*)%??(.*)$")
  local query = {}
  for name, value in text:gmatch("([^=&]+)=([^&]*)") do
    query[name] = unescape(value)
  end
  return { uri = uri, scheme = scheme, rest = rest, body = body, query = query }
end

--- Opens a KMS; asks it nothing yet.
---@async
---@param uri string
---@param opts? { timeout: integer?, ask: boolean?, env: (fun(name: string): string?)? } milliseconds for each call;
--- whether a passphrase may be asked for (true); where variables are read (os.getenv)
---@return prov.Kms?
---@return prov.Err? err "invalid", "unsupported": not in this prov
function M.open(uri, opts)
  opts = opts or {}
  local place, e = M.parse(uri)
  if not place then
    return nil, e
  end
  local name = M.SCHEMES[place.scheme].module
  local found, module = pcall(require, name)
  if not found then
    if not tostring(module):find(("module '%s' not found"):format(name), 1, true) then
      error(module, 0)
    end
    return err.fail("unsupported", "this prov was built without the KMS '%s'", place.scheme)
  end
  local backend
  backend, e = module.new(place, opts)
  if not backend then
    return nil, e:wrap("the KMS %s", uri)
  end
  return setmetatable({
    uri = backend.uri or uri, scheme = place.scheme, key = backend.key, backend = backend,
    timeout = opts.timeout or settings.ms(settings.kms.timeout),
  }, Kms)
end

local HINTS = {
  auth = "the key was wrapped by another key, or for another workspace or purpose; nothing was changed",
  denied = "have the key enabled again, or be allowed to use it; nothing was changed",
  unavailable = "look whether it runs and can be reached from here, and try again; nothing was changed",
  timeout = "look whether it can be reached from here, and try again (kms.timeout); nothing was changed",
}

-- Calls a method in the time it has; errors say which KMS it is and what to do.
local function call(self, doing, method, ...)
  local function finish(value, second, ...)
    if value == nil then
      local e = err.from(second)
      local code = e.code
      if code == "io" or code == "closed" then
        code = "unavailable"
      end
      local wrapped = e:wrap("the KMS %s: %s", self.uri, doing)
      wrapped.code = code
      wrapped.hint = e.hint or HINTS[code]
      return nil, wrapped
    end
    return value, second, ...
  end
  return finish(async.deadline(self.timeout, self.backend[method], self.backend, ...))
end

local function seal(self, made)
  return envelope.encode({
    kms = self.scheme, key = made.key or self.backend.key, version = made.version or "", alg = made.alg,
    wrapped = made.wrapped, created = made.created or clock.wall() // 1000,
  })
end

local function open(self, blob, context)
  local bytes, e = envelope.context(context)
  if not bytes then
    return nil, e
  end
  local sealed
  sealed, e = envelope.decode(blob)
  if not sealed then
    return nil, e
  elseif sealed.kms ~= self.scheme then
    return nil, err.new("auth", ("the key was wrapped by a KMS of kind '%s', not by %s"):format(sealed.kms, self.uri),
      { hint = HINTS.auth })
  end
  return sealed, bytes
end

--- Wraps a key.
---@async
---@param key string 32 bytes
---@param context table<string, string>
---@return string? blob
---@return prov.Err? err
function Kms:wrap(key, context)
  if type(key) ~= "string" or #key ~= M.KEY_SIZE then
    return err.fail("invalid", "a key has %d bytes", M.KEY_SIZE)
  end
  local bytes, e = envelope.context(context)
  if not bytes then
    return nil, e
  end
  local made
  made, e = call(self, "wrap a key", "wrap", key, context, { bytes = bytes })
  if not made then
    return nil, e
  end
  return seal(self, made)
end

--- A new key, and the same one wrapped.
---@async
---@param context table<string, string>
---@return string? key 32 bytes
---@return string|prov.Err blob
function Kms:generate(context)
  local bytes, e = envelope.context(context)
  if not bytes then
    return nil, e
  end
  local key, made
  if self.backend.generate then
    key, made = call(self, "make a key", "generate", context, { bytes = bytes })
    if not key then
      return nil, made
    elseif #key ~= M.KEY_SIZE then
      return err.fail("protocol", "the KMS %s made a key of %d bytes", self.uri, #key)
    end
    return key, seal(self, made)
  end
  key, e = require("core.crypto").random(M.KEY_SIZE)
  if not key then
    return nil, e
  end
  made, e = self:wrap(key, context)
  return made and key, made or e
end

--- Unwraps a key. Always asks the KMS; prov.kms.cache remembers.
---@async
---@param blob string
---@param context table<string, string>
---@return string? key
---@return prov.Err? err
function Kms:unwrap(blob, context)
  local sealed, bytes = open(self, blob, context)
  if not sealed then
    return nil, bytes
  end
  local key, e = call(self, "unwrap a key", "unwrap", sealed, context, { bytes = bytes })
  if key and #key ~= M.KEY_SIZE then
    return err.fail("corrupt", "the KMS %s unwrapped %d bytes, and a key has %d", self.uri, #key, M.KEY_SIZE)
  end
  return key, e
end

--- Wraps a wrapped key anew, under the newest version of the KMS's key.
---@async
---@param blob string
---@param context table<string, string>
---@return string? blob
---@return prov.Err? err
function Kms:rewrap(blob, context)
  local sealed, bytes = open(self, blob, context)
  if not sealed then
    return nil, bytes
  end
  if self.backend.rewrap then
    local made, e = call(self, "wrap a key anew", "rewrap", sealed, context, { bytes = bytes })
    if not made then
      return nil, e
    end
    return seal(self, made)
  end
  local key, e = self:unwrap(blob, context)
  if not key then
    return nil, e
  end
  return self:wrap(key, context)
end

--- Makes a new version of the KMS's key. What older ones wrapped still opens.
---@async
---@return string? version
---@return prov.Err? err
function Kms:rotate()
  return call(self, "rotate the key", "rotate")
end

--- Asks the KMS whether the key can be used.
---@async
---@return { ok: boolean, key: string, version: string?, since: integer?, detail: string? }?
---@return prov.Err? err
function Kms:health()
  local found, e = call(self, "look after the key", "health")
  if not found then
    return nil, e
  end
  return { ok = true, key = found.key or self.backend.key, version = found.version, since = found.since,
    detail = found.detail }
end

return M
