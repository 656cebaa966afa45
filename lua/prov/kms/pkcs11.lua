--- A KMS in a token (HSM, card, SoftHSM) by PKCS#11: the URI is one of RFC 7512.
-- The version of a key is its CKA_ID in hexadecimal; wrapping is AES-256-GCM in the token, with the context as AAD.

local key = require("prov.kms.pkcs11_key")

local M = {}

local Pkcs11 = {}
Pkcs11.__index = Pkcs11

-- An error of the token; where it is about the PIN, with what to do about that.
local function told(e)
  if (e.code == "auth" or e.code == "denied") and e.msg:find("PIN", 1, true) then
    e.hint = e.hint or "?pin-source=file:/PATH in the URI names a file of mode 0600 with the PIN; nothing was changed"
  end
  return nil, e
end

local function hex(bytes)
  return (bytes:gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end))
end

local function unhex(text)
  return (text:gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

--- Opens the key of a token; the token is asked at first use.
---@param place prov.kms.Place
function M.new(place)
  local found, e = key.new(place.uri)
  return found and setmetatable({ key = found.uri.object, inner = found }, Pkcs11), e
end

function Pkcs11:wrap(plain, _, canonical)
  local wrapped, version = self.inner:wrap(plain, canonical.bytes)
  if not wrapped then
    return told(version)
  end
  return { wrapped = wrapped, version = hex(version), alg = "A256GCM" }
end

function Pkcs11:unwrap(sealed, _, canonical)
  local plain, e = self.inner:unwrap(unhex(sealed.version), sealed.wrapped, canonical.bytes)
  if not plain then
    return told(e)
  end
  local _ <close> = plain
  return plain:reveal()
end

function Pkcs11:rotate()
  local made, e = self.inner:rotate()
  if not made then
    return told(e)
  end
  return hex(made.id)
end

function Pkcs11:health()
  local info, keys = self.inner:look()
  if not info then
    return told(keys)
  end
  local newest = keys[#keys]
  if not newest or not (newest.encrypt and newest.decrypt) then
    return require("prov.err").fail("denied", "token '%s' has no AES key '%s' that may wrap", info.token, self.key)
  end
  return { version = hex(newest.id), detail = ("token '%s' of %s"):format(info.token, info.manufacturer) }
end

return M
