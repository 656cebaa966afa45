--- Encryption by keys of the transit engine. A ciphertext is "vault:v<version>:" and base64 of nonce, sealed bytes and
-- tag, as Vault writes it; of RSA, base64 of RSA-OAEP with SHA-256.

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local keys = require("prov.vault.transit.keys")

local M = {}

local NONCE = 12
local CONVERGENT = 32 -- bytes of the key that makes nonces from texts (Vault's convergent version 3)

---@class prov.vault.transit.Item
---@field context? string
---@field associated_data? string
---@field nonce? string refused, for no key of ours takes one
---@field padding_scheme? string of RSA
---@field key_version? integer 0: the latest

local function check_item(key, item, way)
  if not key.kind.encrypts then
    return err.fail("invalid", "message %s not supported for key type %s", way, key.type)
  elseif item.nonce and item.nonce ~= "" then
    return err.fail("invalid", "provided nonce not allowed for this key")
  elseif item.associated_data and item.associated_data ~= "" and not key.kind.aead then
    return err.fail("invalid", "'associated_data' provided for non-AEAD cipher suite %s", key.type)
  elseif item.padding_scheme and item.padding_scheme ~= "" and item.padding_scheme ~= "oaep" then
    return err.fail("invalid", "padding_scheme '%s' is not supported, only oaep: PKCS #1 v1.5 lets those who can"
      .. " ask for decryption read any ciphertext", item.padding_scheme)
  end
  return true
end

-- The cipher of a version, and the key of nonces when it is convergent. A derived one is for this call alone.
local function cipher(key, version, context)
  if version.aead then
    return version.aead
  end
  local kind = key.kind
  local secret, e = keys.derive(key, version, context, kind.size + (key.convergent and CONVERGENT or 0))
  if not secret then
    return nil, e
  elseif not key.derived then
    version.aead, e = crypto.aead(kind.aead, secret)
    return version.aead, e
  end
  local aead
  aead, e = crypto.aead(kind.aead, secret:sub(1, kind.size))
  return aead, aead and key.convergent and secret:sub(kind.size + 1) or e
end

-- The nonce of a text. One nonce for two associated data would give away the key of tags, so they go into it too;
-- without any it is as Vault's.
local function nonce_of(key, plain, associated_data)
  if associated_data and associated_data ~= "" then
    key = crypto.mac("sha256", key, "associated data")
    plain = string.pack(">s8", associated_data) .. plain
  end
  return crypto.mac("sha256", key, plain):sub(1, NONCE)
end

local function seal(key, version, plain, item)
  if not key.kind.aead then
    local pair, e = keys.pair(key, version)
    if not pair then
      return nil, e
    end
    return pair:oaep_seal("sha256", "sha256", "", plain)
  end
  local aead, nonce_key = cipher(key, version, item.context)
  if not aead then
    return nil, nonce_key
  end
  local nonce = nonce_key and nonce_of(nonce_key, plain, item.associated_data) or crypto.random(NONCE)
  local sealed, e = aead:seal(nonce, plain, item.associated_data)
  if key.derived then
    aead:close()
  end
  return sealed and nonce .. sealed, e
end

--- Encrypts.
---@param key prov.vault.transit.Key
---@param plain string
---@param item prov.vault.transit.Item
---@return string? ciphertext
---@return integer|prov.Err version
function M.encrypt(key, plain, item)
  local ok, e = check_item(key, item, "encryption")
  if not ok then
    return nil, e
  end
  local version, number = keys.writing_version(key, item.key_version, "encryption")
  if not version then
    return nil, number
  end
  local sealed
  sealed, e = seal(key, version, plain, item)
  if not sealed then
    return nil, e
  end
  return "vault:v" .. number .. ":" .. base.base64(sealed), number
end

local WRONG = "the ciphertext does not open: it was made with another key, context or associated data, or was changed"

local function open(key, version, sealed, item)
  if not key.kind.aead then
    local pair, e = keys.pair(key, version)
    if not pair then
      return nil, e
    end
    local plain <close>, failure = pair:oaep_open("sha256", "sha256", "", sealed)
    return plain and plain:reveal(), failure
  end
  local aead, e = cipher(key, version, item.context)
  if not aead then
    return nil, e
  elseif #sealed < NONCE then
    return err.fail("invalid", "invalid ciphertext length")
  end
  local plain
  plain, e = aead:open(sealed:sub(1, NONCE), sealed:sub(NONCE + 1), item.associated_data)
  if key.derived then
    aead:close()
  end
  return plain, e
end

--- Decrypts.
---@param key prov.vault.transit.Key
---@param ciphertext string
---@param item prov.vault.transit.Item
---@return string? plain, prov.Err?
function M.decrypt(key, ciphertext, item)
  local ok, e = check_item(key, item, "decryption")
  if not ok then
    return nil, e
  end
  local version, rest, number = keys.parse(key, ciphertext, "ciphertext")
  if not version then
    return nil, rest
  end
  local sealed = base.unbase64(rest)
  if not sealed then
    return err.fail("invalid", "invalid ciphertext: could not decode base64")
  elseif key.kind.pkey and not version.secret then
    return err.fail("invalid", "version %d of '%s' is a public key alone, and cannot decrypt", number, key.name)
  end
  local plain
  plain, e = open(key, version, sealed, item)
  if not plain and e.code == "auth" then
    return err.fail("invalid", "%s", WRONG)
  end
  return plain, e
end

return M
