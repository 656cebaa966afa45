--- Backups of transit keys in the form of Vault's: base64 of JSON, which Vault restores and which restores here.

local answer = require("prov.vault.transit.answer")
local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local keys = require("prov.vault.transit.keys")
local kinds = require("prov.vault.transit.kinds")
local numbers = require("prov.vault.transit.numbers")

local M = {}

local KDF_HKDF = 1
local CONVERGENT = 3
local NEVER = "0001-01-01T00:00:00Z" -- Go's zero of time

-- Names of curves in DER: secp256r1, secp384r1, secp521r1.
local CURVES = {
  p256 = "\x2a\x86\x48\xce\x3d\x03\x01\x07",
  p384 = "\x2b\x81\x04\x00\x22",
  p521 = "\x2b\x81\x04\x00\x23",
}
local NUMBER_LEN = { p256 = 32, p384 = 48, p521 = 66 }

-- JSON here has no integers past 64 bits: they stand as texts with this in front while it is written and read.
local LARGE = "large-number:"

local function large(bytes)
  return LARGE .. numbers.decimal(bytes)
end

local function small(text)
  if type(text) == "number" then
    return numbers.bytes(("%d"):format(text))
  end
  local digits = type(text) == "string" and text:match("^" .. LARGE:gsub("-", "%%-") .. "(%d+)$")
  return digits and #digits < 3000 and numbers.bytes(digits) or nil
end

local function encode(value)
  local text, e = json.encode(value)
  return text and text:gsub('"' .. LARGE:gsub("-", "%%-") .. '(%d+)"', "%1"), e
end

local function decode(text)
  text = text:gsub("([:,%[]%s*)(%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d+)(%s*[,%]}])", function(before, digits, after)
    return before .. '"' .. LARGE .. digits .. '"' .. after
  end)
  -- neighbours in a list share a comma: once more
  text = text:gsub("([:,%[]%s*)(%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d+)(%s*[,%]}])", function(before, digits, after)
    return before .. '"' .. LARGE .. digits .. '"' .. after
  end)
  return json.decode(text)
end

local function der_of(pem)
  return base.unbase64((pem:gsub("%-%-%-%-%-[^\n]*", ""):gsub("%s", "")))
end

-- ---- Writing ----

local function ec_entry(key, version, entry)
  local pair = assert(keys.pair(key, version))
  local point = pair:public("raw")
  local half = (#point - 1) // 2
  entry.ec_x, entry.ec_y = large(point:sub(2, 1 + half)), large(point:sub(2 + half))
  if version.secret then
    local pem <close> = assert(pair:secret("old"))
    entry.ec_d = large(numbers.sequence(der_of(pem:reveal()))[2][2])
  end
  entry.public_key = pair:public("pem")
end

local function rsa_entry(key, version, entry)
  local pair = assert(keys.pair(key, version))
  if not version.secret then
    local bits = numbers.sequence(der_of(pair:public("pem")))[2][2]
    local public = numbers.sequence(bits:sub(2))
    entry.rsa_public_key = { N = large(public[1][2]), E = large(public[2][2]) }
    return
  end
  local pem <close> = assert(pair:secret("old"))
  local n = numbers.sequence(der_of(pem:reveal()))
  local function at(i)
    return large(n[i][2])
  end
  entry.rsa_key = {
    N = at(2), E = at(3), D = at(4), Primes = { at(5), at(6) },
    Precomputed = { Dp = at(7), Dq = at(8), Qinv = at(9), CRTValues = data.list() },
  }
  entry.rsa_public_key = { N = at(2), E = at(3) }
end

local function entry_of(key, version)
  local entry = {
    key = json.null,
    hmac_key = version.hmac and base.base64(version.hmac:reveal()) or json.null,
    time = answer.stamp(version.time),
    creation_time = version.time,
    convergent_version = key.convergent and CONVERGENT or nil,
  }
  local pkey = key.kind.pkey
  if CURVES[pkey] then
    ec_entry(key, version, entry)
  elseif pkey == "rsa" then
    rsa_entry(key, version, entry)
  elseif pkey then
    local pair = assert(keys.pair({ kind = key.kind, derived = false }, version))
    local public = pair:public("raw")
    entry.key = version.secret and base.base64(version.secret:reveal() .. public) or json.null
    entry.public_key = base.base64(public)
  else
    entry.key = base.base64(version.secret:reveal())
    if key.kind == kinds.hmac then
      entry.hmac_key = entry.key
    end
  end
  return entry
end

local function whole(key)
  local current, archive = {}, data.list()
  local none = { key = json.null, hmac_key = json.null, time = NEVER, creation_time = 0 }
  for number = key.min_available, key.latest do
    local version = key.versions[number]
    local entry = version and entry_of(key, version) or none
    archive[#archive + 1] = entry
    if version and number >= key.min_decryption then
      current[tostring(number)] = entry
    end
  end
  return {
    policy = {
      name = key.name, type = key.kind.id, keys = current, derived = key.derived,
      kdf = key.derived and KDF_HKDF or 0, convergent_encryption = key.convergent,
      convergent_version = key.convergent and -1 or 0, exportable = key.exportable,
      min_decryption_version = key.min_decryption, min_encryption_version = key.min_encryption,
      latest_version = key.latest, archive_version = key.latest, archive_min_version = key.min_available,
      min_available_version = key.min_available, deletion_allowed = key.deletion_allowed,
      allow_plaintext_backup = key.plaintext_backup, version_template = "", storage_prefix = "",
      auto_rotate_period = key.auto_rotate * 1000000000, key_size = key.size,
      backup_info = { time = answer.stamp(key.backup.time), version = key.backup.version }, restore_info = json.null,
      Imported = key.imported or false, AllowImportedKeyRotation = key.rotation_allowed or false,
    },
    archived_keys = { keys = archive },
  }
end

--- A key as a text.
---@async
---@return string?, prov.Err?
function M.write(ctx, name)
  local key, e = keys.change(ctx, name, function(key)
    if not key.exportable then
      return false, err.new("invalid", "exporting is disallowed on the policy: key '" .. name .. "' is not exportable")
    elseif not key.plaintext_backup then
      return false, err.new("invalid", "plaintext backup is disallowed on the policy: key '" .. name
        .. "' has no allow_plaintext_backup")
    end
    key.backup = { time = ctx.now(), version = key.latest }
  end)
  if not key then
    return nil, e
  end
  local text
  text, e = encode(whole(key))
  return text and base.base64(text), e
end

-- ---- Reading ----

local function padded(bytes, size)
  return bytes and #bytes <= size and ("\0"):rep(size - #bytes) .. bytes or nil
end

-- ECPrivateKey of RFC 5915.
local function ec_secret(curve, entry)
  local size = NUMBER_LEN[curve]
  local x, y, d = padded(small(entry.ec_x), size), padded(small(entry.ec_y), size), padded(small(entry.ec_d), size)
  if not x or not y or not d or not d:find("[^\0]") then
    return nil
  end
  return numbers.tagged(0x30, numbers.integer("\1") .. numbers.tagged(4, d)
    .. numbers.tagged(0xa0, numbers.tagged(6, CURVES[curve]))
    .. numbers.tagged(0xa1, numbers.tagged(3, "\0\4" .. x .. y)))
end

local function rsa_secret(given)
  local primes, more = given.Primes or {}, given.Precomputed or {}
  local der = { numbers.integer("") }
  for _, value in ipairs({ given.N or 0, given.E or 0, given.D or 0, primes[1] or 0, primes[2] or 0, more.Dp or 0,
    more.Dq or 0, more.Qinv or 0 }) do
    local bytes = small(value)
    if not bytes then
      return nil
    end
    der[#der + 1] = numbers.integer(bytes)
  end
  return #primes == 2 and numbers.tagged(0x30, table.concat(der)) or nil
end

-- The pair an entry has, as PEM in a secret; or its public half.
local function pair_of(kind, entry)
  local der
  if CURVES[kind.pkey] then
    der = ec_secret(kind.pkey, entry)
  elseif type(entry.rsa_key) == "table" then
    der = rsa_secret(entry.rsa_key)
  end
  local pair = der and crypto.pkey_parse(der)
  local how = CURVES[kind.pkey] and "ecdsa" or "rsa-pss"
  local signature = pair and pair:sign(how, "")
  if signature and pair:verify(how, "", signature) then -- its numbers belong together
    return pair:secret("pem")
  end
  return err.fail("invalid", "a version of the key has no secret half that can be read")
end

local function bytes_of(text)
  return type(text) == "string" and base.unbase64(text) or nil
end

local function version_of(kind, entry, policy)
  local version = { time = math.tointeger(entry.creation_time) or 0 }
  local hmac = bytes_of(entry.hmac_key)
  version.hmac = hmac and #hmac > 0 and kind ~= kinds.hmac and crypto.secret(hmac) or nil
  if policy.convergent_encryption and (entry.convergent_version or policy.convergent_version) ~= CONVERGENT then
    return err.fail("invalid", "the key makes nonces as Vault did before 0.8; rotate and rewrap it there first")
  end
  local e
  if kind.pkey and kind.pkey ~= "ed25519" then
    version.secret, e = pair_of(kind, entry)
    return version.secret and version, e
  end
  local bytes = bytes_of(entry.key)
  local size = kind.pkey and 64 or kind.size
  if not bytes or (#bytes ~= size and kind ~= kinds.hmac) then
    return err.fail("invalid", "a version of the key has no key of %d bytes", size)
  end
  version.secret = crypto.secret(kind.pkey and bytes:sub(1, 32) or bytes)
  return version
end

local function kind_of(id)
  for name, kind in pairs(kinds) do
    if kind.id == id then
      return name, kind
    end
  end
end

local function integer(v, least)
  v = math.tointeger(v)
  return v and v >= least and v <= 1000000 and v or nil
end

local function versions_of(kind, policy, archived, from, latest)
  local out = {}
  for number = math.max(from, 1), latest do
    local entry = type(policy.keys) == "table" and policy.keys[tostring(number)]
      or type(archived) == "table" and archived[number - from + 1]
    if type(entry) ~= "table" then
      return err.fail("invalid", "the backup lacks version %d", number)
    end
    local version, e = version_of(kind, entry, policy)
    if not version then
      return nil, e
    end
    out[number] = version
  end
  return out
end

local function key_of(whole_backup, name, now)
  local policy = type(whole_backup) == "table" and whole_backup.policy
  if type(policy) ~= "table" or type(policy.name) ~= "string" then
    return err.fail("invalid", "the backup holds no key")
  end
  local type_name, kind = kind_of(policy.type)
  local latest = integer(policy.latest_version, 1)
  local from = integer(policy.min_available_version or 0, 0)
  local oldest = integer(policy.min_decryption_version, 1)
  if not kind then
    return err.fail("invalid", "the backup holds a key of a type that is not known here (%s)", policy.type)
  elseif policy.derived and policy.kdf ~= KDF_HKDF then
    return err.fail("invalid", "the key is derived as Vault did before 0.3, not by HKDF")
  elseif not latest or not from or not oldest or oldest > latest or from > oldest then
    return err.fail("invalid", "the versions of the key in the backup make no sense")
  end
  local archived = type(whole_backup.archived_keys) == "table" and whole_backup.archived_keys.keys
  local versions, e = versions_of(kind, policy, archived, from, latest)
  if not versions then
    return nil, e
  end
  local rotate = math.tointeger(policy.auto_rotate_period)
  return {
    name = name or policy.name, type = type_name, versions = versions, latest = latest, min_decryption = oldest,
    min_encryption = integer(policy.min_encryption_version, 0) or 0, min_available = from,
    derived = policy.derived == true, convergent = policy.convergent_encryption == true,
    exportable = policy.exportable == true, plaintext_backup = policy.allow_plaintext_backup == true,
    deletion_allowed = policy.deletion_allowed == true, auto_rotate = rotate and rotate // 1000000000 or 0,
    size = integer(policy.key_size, 1), imported = policy.Imported == true or nil,
    rotation_allowed = policy.AllowImportedKeyRotation == true or nil,
    restored = { time = now, version = latest },
  }
end

--- Makes the key of a backup.
---@async
---@param text string
---@param name? string another one than its own
---@param force? boolean replaces a key of that name
---@return prov.vault.transit.Key?, prov.Err?
function M.restore(ctx, text, name, force)
  local bytes = base.unbase64(text)
  if not bytes then
    return err.fail("usage", "'backup' must be base64")
  end
  local whole_backup = decode(bytes)
  local key, e = key_of(whole_backup, name, ctx.now())
  if not key then
    return nil, e
  end
  return keys.put(ctx, key, force)
end

return M
