--- Signatures and HMAC by keys of the transit engine: "vault:v<version>:" and base64.

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local keys = require("prov.vault.transit.keys")

local M = {}

--- Vault's names of hashes -> those of core.crypto.
M.HASHES = {
  sha1 = "sha1",
  ["sha2-224"] = "sha224",
  ["sha2-256"] = "sha256",
  ["sha2-384"] = "sha384",
  ["sha2-512"] = "sha512",
  ["sha3-224"] = "sha3-224",
  ["sha3-256"] = "sha3-256",
  ["sha3-384"] = "sha3-384",
  ["sha3-512"] = "sha3-512",
}

--- The hash with a name of Vault's.
---@return prov.Hash?, prov.Err?
function M.hash(name)
  local hash = M.HASHES[name]
  if not hash then
    return err.fail("usage", "unsupported algorithm '%s'; there are %s", name,
      table.concat(require("core.data").keys(M.HASHES), ", "))
  end
  return hash
end

---@class prov.vault.transit.Signing
---@field hash prov.Hash
---@field prehashed boolean
---@field marshaling "asn1"|"jws"
---@field scheme "pss"|"pkcs1v15" of RSA
---@field salt "auto"|"hash"|integer

local TO_URL = { ["+"] = "-", ["/"] = "_", ["="] = "" }
local FROM_URL = { ["-"] = "+", ["_"] = "/" }

local function write(bytes, marshaling)
  local text = base.base64(bytes)
  return marshaling == "jws" and text:gsub("[+/=]", TO_URL) or text
end

local function read(text, marshaling)
  if marshaling == "jws" then
    if text:find("[^%w_-]") then
      return nil
    end
    text = text:gsub("[-_]", FROM_URL) .. ("="):rep(-#text % 4)
  end
  return base.unbase64(text)
end

-- What core.crypto calls the way a key signs.
local function way(key, how)
  if key.kind.pkey == "rsa" then
    return how.scheme == "pkcs1v15" and "rsa-pkcs1" or "rsa-pss"
  elseif key.kind.pkey == "ed25519" then
    return "ed25519"
  end
  return how.marshaling == "jws" and "jose" or "ecdsa"
end

local function check(key, how, what)
  if not key.kind.signs then
    return err.fail("invalid", "message %s not supported for key type %s", what, key.type)
  elseif (how.prehashed or how.hash == "sha512") and key.kind.pkey == "ed25519" then
    return err.fail("invalid", "only pure Ed25519 signatures are supported, of the text itself:"
      .. " leave 'prehashed' and 'hash_algorithm' out")
  end
  return true
end

--- Signs.
---@param key prov.vault.transit.Key
---@param text string
---@param how prov.vault.transit.Signing
---@param asked? integer version
---@param context? string
---@return string? signature
---@return integer|prov.Err version
---@return string? public of a derived key
function M.sign(key, text, how, asked, context)
  local ok, e = check(key, how, "signing")
  if not ok then
    return nil, e
  end
  local version, number = keys.writing_version(key, asked, "signing")
  if not version then
    return nil, number
  elseif not version.secret then
    return err.fail("invalid", "requested version for signing does not contain a private part")
  end
  local pair, signature
  pair, e = keys.pair(key, version, context)
  if not pair then
    return nil, e
  end
  signature, e = pair:sign(way(key, how), text, how.hash, how.prehashed, how.salt)
  if not signature then
    return nil, e
  end
  return "vault:v" .. number .. ":" .. write(signature, how.marshaling), number,
    key.derived and base.base64(pair:public("raw")) or nil
end

--- Whether a signature is that of the text.
---@return boolean?, prov.Err?
function M.verify(key, text, signature, how, context)
  local ok, e = check(key, how, "verification")
  if not ok then
    return nil, e
  end
  local version, rest = keys.parse(key, signature, "signature")
  if not version then
    return nil, rest
  end
  local bytes = read(rest, how.marshaling)
  if not bytes then
    return err.fail("invalid", "invalid base64 signature value")
  end
  local pair
  pair, e = keys.pair(key, version, context)
  if not pair then
    return nil, e
  end
  ok, e = pair:verify(way(key, how), text, bytes, how.hash, how.prehashed, how.salt)
  if not ok and e.code ~= "auth" then
    return nil, e
  end
  return ok == true
end

local function mac(key, version, number, text, hash)
  local secret = version.hmac or not key.kind.pkey and not key.kind.aead and version.secret
  if not secret then
    return err.fail("invalid", "no HMAC key exists for version %d of '%s'", number, key.name)
  end
  return crypto.mac(hash, secret, text)
end

--- HMAC of a text.
---@return string?, prov.Err?
function M.hmac(key, text, hash, asked)
  local version, number = keys.writing_version(key, asked, "HMAC")
  if not version then
    return nil, number
  end
  local bytes, e = mac(key, version, number, text, hash)
  return bytes and "vault:v" .. number .. ":" .. base.base64(bytes), e
end

--- Whether an HMAC is that of the text.
---@return boolean?, prov.Err?
function M.verify_hmac(key, text, hmac, hash)
  local version, rest, number = keys.parse(key, hmac, "HMAC")
  if not version then
    return nil, rest
  end
  local given = base.unbase64(rest)
  if not given then
    return err.fail("invalid", "unable to decode verification HMAC as base64")
  end
  local bytes, e = mac(key, version, number, text, hash)
  if not bytes then
    return nil, e
  end
  return crypto.equal(bytes, given)
end

return M
