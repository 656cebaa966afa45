--- Who has custody of the vault's root key: shares in the hands of people, a key, or a KMS.
--
-- A custody has `type`, `wrap(root, id) -> blob` and `unwrap(blob, id) -> root`, all of which may suspend.

local crypto = require("core.crypto")
local err = require("prov.err")
local shamir = require("prov.shamir")

local M = {}

M.KEY_BYTES = 32

---@class prov.vault.Custody
---@field type "shamir"|"key"|"kms"
---@field auto boolean it opens the vault without anybody's help
---@field wrap async fun(root: prov.Secret, id: string): string?, prov.Err?
---@field uri? string of the KMS
---@field rotate? async fun(): string?, prov.Err? the KMS makes a new version of its key
---@field unwrap async fun(blob: string, id: string): prov.Secret?, prov.Err?

local function by_key(kind, key)
  return {
    type = kind,
    auto = kind ~= "shamir",
    wrap = function(root, id)
      return crypto.seal(key, nil, root:reveal(), "vault root " .. id)
    end,
    unwrap = function(blob, id)
      local bytes, e = crypto.open(key, blob, "vault root " .. id)
      return bytes and crypto.secret(bytes), e
    end,
  }
end

--- By the key that shares give together.
---@param key string 32 bytes
---@return prov.vault.Custody
function M.shares(key)
  return by_key("shamir", key)
end

--- By a key somebody else keeps, as that of a workspace; the vault uses one derived from it.
---@param key string 32 bytes
---@return prov.vault.Custody
function M.key(key)
  return by_key("key", assert(crypto.hkdf("sha256", key, "", "prov vault root", M.KEY_BYTES)))
end

--- By a KMS.
---@param uri string
---@return prov.vault.Custody?, prov.Err?
function M.kms(uri)
  local kms, e = require("prov.kms").open(uri)
  if not kms then
    return nil, e
  end
  local function context(id)
    return { vault = id, purpose = "vault" }
  end
  return {
    type = "kms",
    auto = true,
    uri = kms.uri,
    wrap = function(root, id)
      local blob, why = kms:wrap(root:reveal(), context(id))
      if not blob then
        return nil, why
      end
      local back
      back, why = kms:unwrap(blob, context(id)) -- nothing is left to a KMS that might not give it back
      if not back or not crypto.equal(back, root:reveal()) then
        return nil, why or err.new("protocol", ("the KMS %s did not give back the key it had wrapped"):format(kms.uri))
      end
      return blob
    end,
    rotate = function()
      return kms:rotate()
    end,
    unwrap = function(blob, id)
      local bytes, why = kms:unwrap(blob, context(id))
      return bytes and crypto.secret(bytes), why
    end,
  }
end

--- Whether a key can be cut so.
---@param shares integer
---@param threshold integer
---@return true?, prov.Err? err "usage"
function M.check(shares, threshold)
  if shares < 1 or shares > 255 or threshold < 1 or threshold > shares or shares > 1 and threshold < 2 then
    return err.fail("usage", "%d shares of which %d are needed cannot be made: 1 of 1, or 2 or more of up to 255",
      shares, threshold)
  end
  return true
end

--- Cuts a key into shares; a single one is the key itself.
---@param key string
---@param shares integer
---@param threshold integer
---@return string[]?, prov.Err? err "usage"
function M.split(key, shares, threshold)
  local ok, e = M.check(shares, threshold)
  if not ok then
    return nil, e
  elseif shares == 1 then
    return { key }
  end
  return shamir.split(key, shares, threshold)
end

--- The key of as many shares as it needs.
---@param shares string[]
---@return string?, prov.Err?
function M.join(shares)
  if #shares == 1 then
    return shares[1]
  end
  return shamir.combine(shares)
end

--- The bytes of a share as people give it: base64 or hexadecimal.
---@param text string
---@return string?, prov.Err? err "usage"
function M.read_share(text)
  local bytes
  if (#text == 64 or #text == 66) and not text:find("%X") then
    bytes = text:gsub("%x%x", function(two)
      return string.char(tonumber(two, 16))
    end)
  else
    bytes = require("core.base").unbase64(text)
  end
  if not bytes or #bytes < M.KEY_BYTES or #bytes > M.KEY_BYTES + 1 then
    return err.fail("usage", "a share of the key is base64 or hexadecimal of %d or %d bytes", M.KEY_BYTES,
      M.KEY_BYTES + 1)
  end
  return bytes
end

return M
