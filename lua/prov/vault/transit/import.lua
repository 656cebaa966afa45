--- Keys that were made elsewhere: wrapped for the engine's wrapping key (RSA-OAEP of an AES key, which wraps the key by
-- RFC 5649), or public halves alone. The form is that of `vault transit import`.

local async = require("prov.async")
local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local keys = require("prov.vault.transit.keys")
local kinds = require("prov.vault.transit.kinds")

local M = {}

local WRAPPING = "config/wrapping-key"
local BITS = 4096

--- Names of hashes of RSA-OAEP -> those of core.crypto.
M.HASHES = { SHA1 = "sha1", SHA224 = "sha224", SHA256 = "sha256", SHA384 = "sha384", SHA512 = "sha512" }

--- The pair of the wrapping key; made when it is asked for first.
---@async
---@return prov.Pkey?, prov.Err?
function M.wrapping_key(ctx)
  if ctx.cache[WRAPPING] then
    return ctx.cache[WRAPPING]
  end
  local _ <close> = ctx.lock(WRAPPING)
  local pem, e = ctx.storage:get(WRAPPING)
  local pair
  if e then
    return nil, e
  elseif pem then
    pair, e = crypto.pkey_parse(pem)
  else
    pair, e = async.await(function(done)
      return crypto.pkey_generate("rsa", BITS, done)
    end)
    if pair then
      local text <close> = assert(pair:secret("pem"))
      local ok
      ok, e = ctx.storage:put(WRAPPING, text:reveal())
      if not ok then
        return nil, e
      end
    end
  end
  ctx.cache[WRAPPING] = pair
  return pair, e
end

-- The bytes that a ciphertext wraps, in a secret.
local function unwrap(ctx, ciphertext, hash)
  local sealed = base.unbase64(ciphertext)
  local pair, e = M.wrapping_key(ctx)
  if not pair then
    return nil, e
  elseif not sealed or #sealed <= BITS // 8 then
    return err.fail("usage", "'ciphertext' must be base64 of an AES key sealed with the wrapping key, and of the key"
      .. " wrapped with that")
  end
  local kek <close>, failure = pair:oaep_open(hash, hash, "", sealed:sub(1, BITS // 8))
  local plain
  if kek then
    plain, failure = crypto.kwp_open(kek, sealed:sub(BITS // 8 + 1))
  end
  if not plain then
    return err.fail("invalid", "the ciphertext does not open with the wrapping key and %s: %s", hash, failure.msg)
  end
  return plain
end

-- A pair of the type that a key has.
local function check_pair(kind, pair)
  if pair:type() ~= kind.pkey then
    return err.fail("invalid", "the key is one of %s, not of %s", pair:type(), kind.pkey)
  elseif kind.bits then
    local signature_len = #assert(pair:oaep_seal("sha256", "sha256", "", "x"))
    if signature_len * 8 ~= kind.bits then
      return err.fail("invalid", "the key has %d bits, not %d", signature_len * 8, kind.bits)
    end
  end
  return true
end

-- PKCS #8, or bytes -> what a version keeps.
local function secret_of(kind, plain)
  if not kind.pkey then
    local bytes = plain.reveal and plain:reveal() or plain
    if kind == kinds.hmac and (#bytes < keys.HMAC_MIN or #bytes > keys.HMAC_MAX)
      or kind ~= kinds.hmac and #bytes ~= kind.size then
      return err.fail("invalid", "the key has %d bytes, which is not what its type has", #bytes)
    end
    return plain
  end
  local pair, e = crypto.pkey_parse(plain)
  if not pair then
    return nil, e
  elseif not select(2, pair:type()) then
    return err.fail("invalid", "the key has no secret half")
  end
  local ok
  ok, e = check_pair(kind, pair)
  if not ok then
    return nil, e
  end
  return pair:secret(kind.pkey == "ed25519" and "raw" or "pem")
end

local function public_of(kind, text)
  if not kind.pkey then
    return err.fail("usage", "only keys with two halves have a public one")
  end
  local pair, e = crypto.pkey_parse(text)
  local ok
  if pair then
    ok, e = check_pair(kind, pair)
  end
  if not ok then
    return nil, e
  end
  return pair:public("pem")
end

--- A version out of what import was given.
---@async
---@param data { ciphertext: string?, public_key: string?, hash_function: string }
---@return prov.vault.transit.Version?, prov.Err?
function M.version(ctx, kind, data)
  local version = { time = ctx.now() }
  if kind ~= kinds.hmac then
    version.hmac = crypto.secret(assert(crypto.random(32)))
  end
  if (data.ciphertext == nil) == (data.public_key == nil) then
    return err.fail("usage", "give one of 'ciphertext' and 'public_key'")
  end
  local e
  if data.public_key then
    version.public, e = public_of(kind, data.public_key)
    return version.public and version, e
  end
  local plain
  plain, e = unwrap(ctx, data.ciphertext, M.HASHES[data.hash_function])
  if not plain then
    return nil, e
  end
  version.secret, e = secret_of(kind, plain)
  return version.secret and version, e
end

return M
