--- A key of a KMIP server that wraps other keys, with a context that has to be the same when one is unwrapped.
--
-- From version 1.4 the server encrypts with AES-GCM and binds the context itself. Before it knows no additional data:
-- there it encrypts a new secret with AES-CBC, and the key is sealed here, under a key that is derived from that
-- secret and the context. Either way another context, or a changed byte, opens nothing.

local crypto = require("core.crypto")
local err = require("prov.err")
local message = require("prov.kmip.message")
local tree = require("prov.kmip.tree")

local item = message.item

local M = {}

---@class prov.kmip.Custody
---@field client prov.kmip.Client
---@field key string name or identifier, as the user wrote it
---@field named boolean the key may be a name
---@field id string? of the key that wraps, when it is known
local Custody = {}
Custody.__index = Custody

--- Replacements of a key that are followed, at most.
local HOPS = 1000

local SECRET = 32

--- How a key is wrapped: what the envelope says of it.
M.GCM, M.CBC = "A256GCM", "A256CBC+HKDF+A256GCM"

---@param client prov.kmip.Client
---@param options { key: string, named: boolean?, parameters: prov.kmip.Item[]? } parameters: of AES-GCM, beside mode
--- and algorithm
---@return prov.kmip.Custody
function M.new(client, options)
  return setmetatable({
    client = client,
    key = options.key,
    named = options.named or false,
    parameters = options.parameters or {},
  }, Custody)
end

function Custody:_parameters(alg)
  local out = { item("BlockCipherMode", "Enumeration", alg == M.GCM and "GCM" or "CBC") }
  if alg == M.CBC then
    out[2] = item("PaddingMethod", "Enumeration", "PKCS5")
  end
  out[#out + 1] = item("CryptographicAlgorithm", "Enumeration", "AES")
  return table.move(alg == M.GCM and self.parameters or {}, 1, #self.parameters, #out + 1, out)
end

-- The newest key of the name; one that was made and not activated is none yet.
function Custody:_by_name()
  local ids, e = self.client:locate(self.key)
  if not ids then
    return nil, e
  end
  local best, best_date
  for _, id in ipairs(#ids > 1 and ids or {}) do
    local attributes
    attributes, e = self.client:attributes(id, { "State", "InitialDate" })
    if not attributes then
      return nil, e
    end
    local state = attributes.State and attributes.State[1].value
    local date = attributes.InitialDate and attributes.InitialDate[1].value or 0
    local newer = not best or date > best_date or date == best_date and #id >= #best and id > best
    if state ~= "PreActive" and newer then
      best, best_date = id, date
    end
  end
  return best or ids[1] or self.key
end

-- What took the place of a key, if anything did.
function Custody:_replacement(id)
  local attributes, e = self.client:attributes(id, { "Link" })
  if not attributes then
    return nil, e
  end
  for _, link in ipairs(attributes.Link or {}) do
    if tree.get(link, "Enumeration", "LinkType") == "ReplacementObjectLink" then
      return tree.get(link, "TextString", "LinkedObjectIdentifier")
    end
  end
end

-- Finds the key that wraps: the one of the name, or what took the place of the one of the identifier.
function Custody:_find()
  local id, e = self.key
  if self.named then
    id, e = self:_by_name()
    if not id then
      return nil, e
    end
  end
  for _ = 1, HOPS do
    local next_id
    next_id, e = self:_replacement(id)
    if e and e.code ~= "unsupported" then
      return nil, e
    elseif not next_id then
      self.id = id
      return id
    end
    id = next_id
  end
  return err.fail("limit", "more than %d keys replaced each other", HOPS)
end

-- Encrypts with the key that is known, or, when it is refused, with the one that is found anew.
function Custody:_encrypt(alg, plain, aad)
  local known, id, e = self.id, self.id
  repeat
    if not id then
      id, e = self:_find()
      if not id then
        return nil, e
      end
    end
    local sealed
    sealed, e = self.client:encrypt(id, self:_parameters(alg), plain, aad)
    if sealed then
      return sealed
    end
    local again = known ~= nil and (e.code == "denied" or e.code == "notfound")
    known, id, self.id = nil, nil, nil
  until not again
  return nil, e
end

local function fields(format, bytes)
  local found = table.pack(pcall(string.unpack, format, bytes))
  if not found[1] then
    return nil
  end
  return table.unpack(found, 2, found.n)
end

local function derived(secret, context)
  return crypto.hkdf("sha256", secret, "", "prov kmip\0" .. context, 32)
end

-- Version 1.4 has bytes that are bound to what is encrypted.
local function alg_of(version)
  return message.at_least(version, 1, 4) and M.GCM or M.CBC
end

--- Wraps a key.
---@async
---@param key string
---@param context string bytes that must be the same to unwrap it
---@return { id: string, alg: string, bytes: string }? wrapped id: of the key that wrapped it
---@return prov.Err? err
function Custody:wrap(key, context)
  local version, e = self.client:version()
  if not version then
    return nil, e
  end
  local alg, secret = alg_of(version), nil
  if alg == M.CBC then
    secret, e = crypto.random(SECRET)
    if not secret then
      return nil, e
    end
  end
  local sealed
  sealed, e = self:_encrypt(alg, secret or key, alg == M.GCM and context or nil)
  if not sealed then
    return nil, e
  end
  local bytes = (">s1s1s2"):pack(sealed.iv or "", sealed.tag or "", sealed.data)
  if secret then
    local inner
    inner, e = crypto.seal(derived(secret, context), nil, key, context)
    if not inner then
      return nil, e
    end
    bytes = bytes .. inner
  elseif not sealed.tag then
    return err.fail("protocol", "the KMS answers Encrypt without AuthenticatedEncryptionTag")
  end
  return { id = sealed.id, alg = alg, bytes = bytes }
end

-- A server may not say that it could not decrypt, but that something went wrong.
local function not_opened(e)
  local reason = e.data and e.data.reason
  if e.code == "auth" or reason == "GeneralFailure" or reason == "CryptographicFailure" then
    return err.new("auth", "the KMS did not unwrap the key: it is for another context, or was changed",
      { cause = e, data = e.data, hint = "the log of the KMS may say more" })
  end
  return e
end

--- Unwraps a key.
---@async
---@param wrapped { id: string, alg: string, bytes: string }
---@param context string
---@return string? key
---@return prov.Err? err "auth": another context, or changed bytes; "denied": the key must not be used any more
function Custody:unwrap(wrapped, context)
  local alg = wrapped.alg
  if alg ~= M.GCM and alg ~= M.CBC then
    return err.fail("unsupported", "a key wrapped by '%s'", tostring(alg))
  end
  local iv, tag, bytes, rest = fields(">s1s1s2", wrapped.bytes)
  if not iv or alg == M.GCM and (#tag ~= 16 or rest <= #wrapped.bytes) then
    return err.fail("auth", "the wrapped key was changed")
  end
  local sealed = { id = wrapped.id, data = bytes, iv = iv ~= "" and iv or nil, tag = tag ~= "" and tag or nil }
  local plain, e = self.client:decrypt(sealed, self:_parameters(alg), alg == M.GCM and context or nil)
  if not plain then
    return nil, not_opened(e)
  elseif alg == M.GCM then
    return plain
  end
  plain, e = crypto.open(derived(plain, context), wrapped.bytes:sub(rest), context)
  if not plain then
    return nil, not_opened(e)
  end
  return plain
end

-- Servers give the replacement the state of the key it replaces, or not.
function Custody:_activate(id)
  local attributes, e = self.client:attributes(id, { "State" })
  if not attributes then
    return nil, e
  elseif attributes.State and attributes.State[1].value == "PreActive" then
    return self.client:activate(id)
  end
  return id
end

--- Makes a new key take the place of the one that wraps. The old one still unwraps what it wrapped.
---@async
---@return string? id of the new key
---@return prov.Err? err "unsupported": the server replaces no keys, and this one has no name to find another by
function Custody:rotate()
  local able, e = self.client:query()
  if not able then
    return nil, e
  end
  local old, new
  old, e = self:_find()
  if not old then
    return nil, e
  end
  if able.operations.ReKey then
    new, e = self.client:rekey(old)
  elseif self.named and old ~= self.key then
    new, e = self.client:create(self.key)
  else
    return nil, err.new("unsupported", "the KMS has no ReKey", {
      hint = "give the key a name, and use that in the URI",
    })
  end
  if not new then
    return nil, e
  end
  local ok
  ok, e = self:_activate(new)
  if not ok then
    return nil, e
  end
  if not able.operations.ReKey then
    self.client:unname(old, self.key) -- else the newest of the name counts
  end
  self.id = new
  return new
end

--- Whether the key that wraps can be used.
---@async
---@return { ok: boolean, id: string, state: string|integer }?
---@return prov.Err? err
function Custody:health()
  local id, e = self:_find()
  if not id then
    return nil, e
  end
  local attributes
  attributes, e = self.client:attributes(id, { "State" })
  if not attributes then
    return nil, e
  end
  local state = attributes.State and attributes.State[1].value or "unknown"
  return { ok = state == "Active", id = id, state = state }
end

return M
