--- One key of a token, with its versions: what a KMS backend over PKCS#11 wraps and unwraps with.
-- A version is a key object with the label of the URI; its id is the version. The newest wraps, each unwraps its own.

local async = require("prov.async")
local crypto = require("core.crypto")
local err = require("prov.err")
local fs = require("prov.fs")
local uri = require("prov.kms.pkcs11_uri")

local M = {}

-- Where module-name is looked for.
local FOLDERS <const> = {
  "/usr/lib/x86_64-linux-gnu/pkcs11",
  "/usr/lib/aarch64-linux-gnu/pkcs11",
  "/usr/lib/pkcs11",
  "/usr/lib64/pkcs11",
  "/usr/lib/softhsm",
  "/usr/local/lib/pkcs11",
}

---@class prov.Pkcs11Key
---@field uri prov.Pkcs11Uri
---@field opening table semaphore
---@field token? prov.Token
---@field refused? prov.Err the token refused the PIN: it is not tried again
local Key = {}
Key.__index = Key

local function module_path(parts)
  if parts.module_path then
    return parts.module_path
  end
  for _, folder in ipairs(FOLDERS) do
    for _, form in ipairs({ "%s/%s.so", "%s/lib%s.so" }) do
      local path = form:format(folder, parts.module_name)
      if fs.stat(path) then
        return path
      end
    end
  end
  local _, e = err.fail("unavailable", "there is no PKCS#11 module '%s' on this machine", parts.module_name)
  e.hint = "install its package (softhsm2, opensc, ykcs11 ...), or say where it is by module-path"
  return nil, e
end

--- The token with a session; opened at first use, by one task: the others would try a wrong PIN again.
local function token_of(self)
  local _ <close> = self.opening:acquire()
  if self.token or self.refused then
    return self.token, self.refused
  end
  local module, e = module_path(self.uri)
  if not module then
    return nil, e
  end
  local place = {
    module = module,
    token = self.uri.token,
    manufacturer = self.uri.manufacturer,
    serial = self.uri.serial,
    model = self.uri.model,
    slot = self.uri.slot,
    pin_file = self.uri.pin_file,
  }
  local token
  token, e = async.await(function(resume)
    return crypto.token(place, nil, resume)
  end)
  self.token = token
  if not token and e.code == "auth" then
    e.code, self.refused = "denied", e -- of the PIN, not of a wrapped key; a token may allow few tries
  end
  return token, e
end

--- A key by its URI; nothing is opened yet.
---@param text string
---@return prov.Pkcs11Key?
---@return prov.Err? err "invalid"
function M.new(text)
  local parts, e = uri.parse(text)
  return parts and setmetatable({ uri = parts, opening = async.semaphore(1) }, Key), e
end

--- Wraps with the newest version, or with the one that the URI names.
---@async
---@param plain string|prov.Secret
---@param aad string
---@return string? sealed
---@return string|prov.Err|nil version
function Key:wrap(plain, aad)
  local token, e = token_of(self)
  if not token then
    return nil, e
  end
  return async.await(function(resume)
    return token:wrap(self.uri.object, self.uri.id, plain, aad, resume)
  end)
end

---@async
---@param version string that wrap gave
---@param sealed string
---@param aad string
---@return prov.Secret?
---@return prov.Err? err "auth": another context or damaged; "denied": the version was deleted or may not decrypt
function Key:unwrap(version, sealed, aad)
  local token, e = token_of(self)
  if not token then
    return nil, e
  end
  return async.await(function(resume)
    return token:unwrap(self.uri.object, version, sealed, aad, resume)
  end)
end

--- Makes the next version (the first, when there is no key yet). Older ones stay and open what they wrapped.
---@async
---@return prov.TokenKey?
---@return prov.Err?
function Key:rotate()
  if self.uri.id then
    return err.fail("invalid", "the URI names one version (id=) of key '%s': take it out to rotate", self.uri.object)
  end
  local token, e = token_of(self)
  if not token then
    return nil, e
  end
  return async.await(function(resume)
    return token:generate(self.uri.object, resume)
  end)
end

--- What the token says about itself, and the versions of the key, the oldest first.
---@async
---@return prov.TokenInfo?
---@return prov.TokenKey[]|prov.Err|nil versions
function Key:look()
  local token, e = token_of(self)
  if not token then
    return nil, e
  end
  local info
  info, e = async.await(function(resume)
    return token:describe(resume)
  end)
  if not info then
    return nil, e
  end
  local keys
  keys, e = async.await(function(resume)
    return token:keys(self.uri.object, resume)
  end)
  return keys and info, keys or e
end

function Key:close()
  if self.token then
    self.token:close()
    self.token = nil
  end
end

Key.__close = Key.close

return M
