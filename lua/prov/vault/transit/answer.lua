--- What the transit engine says about its keys, and how they are configured.

local base = require("core.base")
local err = require("prov.err")
local keys = require("prov.vault.transit.keys")

local M = {}

local function stamp(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

M.stamp = stamp

local function note(record)
  return record and { time = stamp(record.time), version = record.version }
end

-- Versions by number, as texts: when they were made, and public halves.
local function versions(key, context)
  local out = {}
  for number, version in pairs(key.versions) do
    if number < key.min_decryption then
      goto next
    elseif not key.kind.pkey then
      out[tostring(number)] = version.time
    else
      local public = ""
      if not key.derived or context and context ~= "" then
        local e
        public, e = keys.public(key, version, context)
        if not public then
          return nil, e
        end
      end
      out[tostring(number)] = {
        name = key.kind.title, public_key = public, creation_time = stamp(version.time), certificate_chain = "",
        hybrid_public_key = "",
      }
    end
    ::next::
  end
  return out
end

--- What reading a key answers.
---@param context? string shows the public half derived for it
---@return table? data, prov.Err?
function M.describe(key, context)
  local shown, e = versions(key, context)
  if not shown then
    return nil, e
  end
  local derived = key.derived or nil
  return {
    name = key.name,
    type = key.type,
    derived = key.derived,
    kdf = derived and "hkdf_sha256" or nil,
    convergent_encryption = derived and key.convergent,
    convergent_encryption_version = key.convergent and -1 or nil, -- as Vault says it: each version has its own
    deletion_allowed = key.deletion_allowed,
    exportable = key.exportable,
    allow_plaintext_backup = key.plaintext_backup,
    latest_version = key.latest,
    min_available_version = key.min_available,
    min_decryption_version = key.min_decryption,
    min_encryption_version = key.min_encryption,
    auto_rotate_period = key.auto_rotate,
    supports_encryption = key.kind.encrypts or false,
    supports_decryption = key.kind.encrypts or false,
    supports_signing = key.kind.signs or false,
    supports_derivation = key.kind.derives or false,
    imported_key = key.imported or false,
    imported_key_allow_rotation = key.imported and key.rotation_allowed or nil,
    key_size = key.size,
    backup_info = note(key.backup),
    restore_info = note(key.restored),
    keys = shown,
  }
end

local function minimum(key, given, field, what)
  if given < 0 then
    return err.fail("usage", "min %s version cannot be negative", what)
  elseif given > key.latest then
    return err.fail("usage", "cannot set min %s version of %d, latest key version is %d", what, given, key.latest)
  elseif given < key.min_available then
    return err.fail("usage", "min %s version should not be less than min available version %d", what,
      key.min_available)
  end
  key[field] = given
  return true
end

--- Applies what keys/{name}/config was given to a copy of a key.
---@return false?, prov.Err?
function M.configure(key, data)
  local ok, e = true, nil
  if data.min_decryption_version then
    ok, e = minimum(key, math.max(data.min_decryption_version, data.min_decryption_version < 0 and -1 or 1),
      "min_decryption", "decryption")
  end
  if ok and data.min_encryption_version then
    ok, e = minimum(key, data.min_encryption_version, "min_encryption", "encryption")
  end
  if ok and data.auto_rotate_period then
    ok, e = keys.check_period(data.auto_rotate_period)
    key.auto_rotate = data.auto_rotate_period
  end
  if not ok then
    return false, e
  elseif key.min_encryption > 0 and key.min_encryption < key.min_decryption then
    return false, err.new("usage", ("cannot set min encryption/decryption values; min encryption version of %d must be"
      .. " greater than or equal to min decryption version of %d"):format(key.min_encryption, key.min_decryption))
  end
  if data.deletion_allowed ~= nil then
    key.deletion_allowed = data.deletion_allowed
  end
  key.exportable = key.exportable or data.exportable or false
  key.plaintext_backup = key.plaintext_backup or data.allow_plaintext_backup or false
end

--- Deletes versions of a copy of a key that are older than the given one.
---@return false?, prov.Err?
function M.trim(key, oldest)
  local problem
  if oldest < 1 then
    problem = "minimum available version should be positive"
  elseif oldest < key.min_available then
    problem = "minimum available version cannot be decremented"
  elseif key.min_encryption == 0 then
    problem = "minimum available version cannot be set when minimum encryption version is not set"
  elseif oldest > key.min_encryption then
    problem = "minimum available version cannot be greater than minimum encryption version"
  elseif oldest > key.min_decryption then
    problem = "minimum available version cannot be greater than minimum decryption version"
  end
  if problem then
    return false, err.new("usage", problem)
  end
  for number in pairs(key.versions) do
    if number < oldest then
      key.versions[number] = nil
    end
  end
  key.min_available = oldest
end

-- ---- Export ----

-- As Vault has it: PEM of EC without its last end of line, that of RSA with it.
local function exported(key, text)
  return key.kind.bits and text or (text:gsub("\n$", ""))
end

local function secret_of(key, version)
  if not version.secret then
    return "" -- a public key alone
  elseif key.kind.pkey == "ed25519" then
    local pair = assert(keys.pair({ kind = key.kind, derived = false }, version))
    return base.base64(version.secret:reveal() .. pair:public("raw"))
  elseif key.kind.pkey then
    local text <close> = assert(keys.pair(key, version)):secret("old")
    return exported(key, text:reveal())
  end
  return base.base64(version.secret:reveal())
end

-- What can be exported of which keys.
local EXPORTS = {
  ["encryption-key"] = { needs = "encrypts", wrong = "encryption not supported for the key", get = secret_of },
  ["signing-key"] = { needs = "signs", wrong = "signing not supported for the key", get = secret_of },
  ["hmac-key"] = {
    get = function(_, version)
      local secret = version.hmac or version.secret
      return base.base64(secret:reveal())
    end,
  },
  ["public-key"] = { public = true, needs = "pkey", wrong = "the key has no public half",
    get = function(key, version)
      return exported(key, (assert(keys.public(key, version))))
    end },
}

--- What export answers.
---@param what string a name of EXPORTS
---@param asked? string version: "latest", "2" or "v2"; all without
---@return table? data, prov.Err?
function M.export(key, what, asked)
  local rule = EXPORTS[what]
  if not rule then
    return err.fail("usage", "invalid export type: %s; there are encryption-key, signing-key, hmac-key and public-key",
      what)
  elseif not key.exportable and not rule.public then
    return err.fail("invalid", "private key material is not exportable: key '%s' was not made so", key.name)
  elseif rule.needs and not key.kind[rule.needs] then
    return err.fail("invalid", "%s", rule.wrong)
  elseif rule.public and key.derived then
    return err.fail("invalid", "a derived key has a public half for each context: read keys/%s with it", key.name)
  end
  local only = asked == "latest" and key.latest or asked and math.tointeger(tonumber((asked:gsub("^v", "")), 10))
  if asked and not only then
    return err.fail("usage", "invalid key version '%s'", asked)
  end
  local out = {}
  if only then
    local version, e = keys.version(key, only)
    if not version then
      return nil, e
    end
    out[tostring(only)] = rule.get(key, version)
  else
    for number, version in pairs(key.versions) do
      if number >= key.min_decryption then
        out[tostring(number)] = rule.get(key, version)
      end
    end
  end
  return { name = key.name, type = key.type, keys = out }
end

return M
