--- Keys of the transit engine: how they are stored, and kept ready for use.
--
-- A key is one stored value with all its versions. In memory, secrets are in locked memory, and what was made of them
-- (ciphers, key pairs) is kept with the version. A key in the cache never changes: a change makes another, which takes
-- its place once it is stored.

local async = require("prov.async")
local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")
local kinds = require("prov.vault.transit.kinds")

local M = {}

local FOLDER = "keys/"
M.HMAC_MIN, M.HMAC_MAX = 32, 512 -- bytes of a key of HMAC

-- What is stored of a key beside its versions.
local STORED = {
  "name", "type", "derived", "convergent", "exportable", "plaintext_backup", "deletion_allowed", "latest",
  "min_decryption", "min_encryption", "min_available", "auto_rotate", "size", "imported", "rotation_allowed",
  "backup", "restored",
}

---@class prov.vault.transit.Version
---@field time integer seconds since 1970
---@field secret? prov.Secret bytes of the key, the seed of Ed25519, PEM of other pairs; none of a public key alone
---@field hmac? prov.Secret
---@field public? string PEM, when there is no secret
---@field aead? prov.Aead made at its first use, like
---@field pkey? prov.Pkey
---@field root? prov.Secret what keys of Ed25519 are derived from: seed and public half, as in Vault

---@class prov.vault.transit.Key
---@field name string
---@field type string
---@field kind prov.vault.transit.Kind
---@field derived boolean a key of its own for each context
---@field convergent boolean the same text makes the same ciphertext
---@field latest integer
---@field min_decryption integer
---@field min_encryption integer 0: any
---@field min_available integer 0: none was trimmed
---@field auto_rotate integer seconds, 0: never
---@field versions table<integer, prov.vault.transit.Version>

local function pack(key)
  local record = { versions = {} }
  for _, field in ipairs(STORED) do
    record[field] = key[field]
  end
  for number, version in pairs(key.versions) do
    record.versions[tostring(number)] = {
      time = version.time,
      public = version.public,
      secret = version.secret and version.secret:reveal(),
      hmac = version.hmac and version.hmac:reveal(),
    }
  end
  return record
end

local function unpack(record)
  local key = record
  key.kind = kinds[key.type]
  local versions = {}
  for number, version in pairs(record.versions) do
    version.secret = version.secret and crypto.secret(version.secret)
    version.hmac = version.hmac and crypto.secret(version.hmac)
    versions[math.tointeger(tonumber(number))] = version
  end
  key.versions = versions
  return key
end

-- Only names that need no escaping in a path.
local function check_name(name)
  if #name <= 128 and name:find("^[%w_][%w_.-]*$") and name:find("[%w_]$") then
    return true
  end
  return err.fail("usage", "a key cannot be called '%s': letters, digits, _, and inside also - and .", name)
end

--- A version of a key that does not stand for itself, so that keys can share it.
local function copy(key)
  local other = setmetatable({ versions = {} }, getmetatable(key))
  for field, value in pairs(key) do
    if field ~= "versions" then
      other[field] = value
    end
  end
  for number, version in pairs(key.versions) do
    other.versions[number] = version
  end
  return other
end

local function store(ctx, key)
  local ok, e = ctx.storage:put(FOLDER .. key.name, pack(key))
  if not ok then
    return nil, e
  end
  ctx.cache[FOLDER .. key.name] = key
  return key
end

local function fetch(ctx, name)
  local key = ctx.cache[FOLDER .. name]
  if key then
    return key
  end
  local ok, e = check_name(name)
  if not ok then
    return nil, e
  end
  local record
  record, e = ctx.storage:get(FOLDER .. name)
  if not record then
    return nil, e
  end
  key = unpack(record)
  ctx.cache[FOLDER .. name] = key
  return key
end

local function hold(ctx, name)
  return ctx.lock(FOLDER .. name)
end

--- Makes the secret of one version.
---@async
local function make_version(ctx, kind, size)
  local version = { time = ctx.now() }
  if kind.pkey then
    local pair, e
    if kind.bits then -- this one takes a while
      pair, e = async.await(function(done)
        return crypto.pkey_generate(kind.pkey, kind.bits, done)
      end)
    else
      pair, e = crypto.pkey_generate(kind.pkey)
    end
    if not pair then
      return nil, e
    end
    version.secret = assert(pair:secret(kind.pkey == "ed25519" and "raw" or "pem"))
  else
    version.secret = crypto.secret(assert(crypto.random(size or kind.size)))
  end
  if kind ~= kinds.hmac then
    version.hmac = crypto.secret(assert(crypto.random(32)))
  end
  return version
end

local function add_version(ctx, key)
  local version, e = make_version(ctx, key.kind, key.size)
  if not version then
    return nil, e
  end
  local other = copy(key)
  other.latest = key.latest + 1
  other.versions[other.latest] = version
  return other
end

-- The key with one more version, stored.
local function store_next(ctx, key)
  local other, e = add_version(ctx, key)
  if not other then
    return nil, e
  end
  return store(ctx, other)
end

local function is_due(ctx, key)
  return key.auto_rotate > 0 and key.versions[key.latest].time + key.auto_rotate <= ctx.now()
end

--- The key with a name; rotated, when its time has come.
---@async
---@return prov.vault.transit.Key? nil when there is none
---@return prov.Err?
function M.get(ctx, name)
  local key, e = fetch(ctx, name)
  if not key or not is_due(ctx, key) then
    return key, e
  end
  local _ <close> = hold(ctx, name)
  key, e = fetch(ctx, name)
  if not key or not is_due(ctx, key) then
    return key, e
  end
  return store_next(ctx, key)
end

--- The key, or an error that says there is none.
---@async
function M.need(ctx, name)
  local key, e = M.get(ctx, name)
  if not key and not e then
    return err.fail("invalid", "encryption key not found: there is no key '%s' in %s", name, ctx.path)
  end
  return key, e
end

--- What a key is by default.
local function blank(name, type)
  return {
    name = name, type = type, kind = kinds[type], derived = false, convergent = false, exportable = false,
    plaintext_backup = false, deletion_allowed = false, latest = 0, min_decryption = 1, min_encryption = 0,
    min_available = 0, auto_rotate = 0, versions = {},
  }
end

local function check_options(options)
  local kind = kinds[options.type]
  if not kind then
    return err.fail("usage", "unknown key type %s; the types are %s", options.type,
      table.concat(require("core.data").keys(kinds), ", "))
  elseif options.convergent and not options.derived then
    return err.fail("usage", "convergent encryption requires derivation to be enabled")
  elseif options.derived and not kind.derives then
    return err.fail("usage", "key derivation is not supported for keys of type %s", options.type)
  elseif options.convergent and not kind.aead then
    return err.fail("usage", "convergent encryption is not supported for keys of type %s", options.type)
  elseif options.size and (kind ~= kinds.hmac or options.size < M.HMAC_MIN or options.size > M.HMAC_MAX) then
    return err.fail("usage", "invalid key_size %d: only keys of HMAC have one, of %d to %d bytes", options.size,
      M.HMAC_MIN, M.HMAC_MAX)
  end
  return M.check_period(options.auto_rotate or 0)
end

--- How often a key may rotate by itself.
function M.check_period(seconds)
  if seconds ~= 0 and seconds < 3600 then
    return err.fail("usage", "auto rotate period must be 0 to disable or at least an hour")
  end
  return true
end

--- Makes a key, unless there is one.
---@async
---@param options table fields of a key
---@return prov.vault.transit.Key?
---@return boolean|prov.Err existed
function M.create(ctx, name, options)
  local ok, e = check_name(name)
  if ok then
    ok, e = check_options(options)
  end
  if not ok then
    return nil, e
  end
  local _ <close> = hold(ctx, name)
  local key
  key, e = fetch(ctx, name)
  if key then
    return key, true
  elseif e then
    return nil, e
  end
  key = blank(name, options.type)
  for field, value in pairs(options) do
    key[field] = value
  end
  key, e = store_next(ctx, key)
  return key, key and false or e
end

--- Puts a whole key in the place of one with its name; without `force` only when there is none.
---@async
---@param key table fields of a key; those that are missing have their defaults
function M.put(ctx, key, force)
  local ok, e = check_name(key.name)
  if not ok then
    return nil, e
  end
  local _ <close> = hold(ctx, key.name)
  local there
  there, e = fetch(ctx, key.name)
  if e then
    return nil, e
  elseif there and not force then
    return err.fail("exists", "key '%s' already exists", key.name)
  end
  ok, e = check_options(key)
  if not ok then
    return nil, e
  end
  local whole = blank(key.name, key.type)
  for field, value in pairs(key) do
    whole[field] = value
  end
  return store(ctx, whole)
end

--- Changes a key: `change` gets a copy, and returns nothing, or false and an error.
---@async
---@param change fun(key: prov.vault.transit.Key): false?, prov.Err?
---@return prov.vault.transit.Key?, prov.Err?
function M.change(ctx, name, change)
  local _ <close> = hold(ctx, name)
  local key, e = fetch(ctx, name)
  if not key then
    return nil, e or select(2, err.fail("invalid", "no existing key named %s could be found", name))
  end
  key = copy(key)
  local ok
  ok, e = change(key)
  if ok == false then
    return nil, e
  end
  return store(ctx, key)
end

--- Adds a version.
---@async
function M.rotate(ctx, name)
  local _ <close> = hold(ctx, name)
  local key, e = fetch(ctx, name)
  if not key then
    return nil, e or select(2, err.fail("invalid", "key not found: there is no key '%s' in %s", name, ctx.path))
  elseif key.imported and not key.rotation_allowed then
    return err.fail("invalid", "imported key '%s' does not allow rotation within Vault", name)
  end
  return store_next(ctx, key)
end

--- Forgets a key for ever.
---@async
function M.delete(ctx, name)
  local _ <close> = hold(ctx, name)
  local key, e = fetch(ctx, name)
  if not key then
    return nil, e or select(2, err.fail("invalid", "could not delete key; not found: '%s'", name))
  elseif not key.deletion_allowed then
    return err.fail("invalid", "error deleting policy %s: deletion is not allowed for this key;"
      .. " set deletion_allowed in keys/%s/config first", name, name)
  end
  local ok
  ok, e = ctx.storage:delete(FOLDER .. name)
  if ok then
    ctx.cache[FOLDER .. name] = nil
  end
  return ok, e
end

--- Names of all keys.
function M.list(ctx)
  return ctx.storage:list(FOLDER)
end

--- A version that may be used.
---@return prov.vault.transit.Version?, prov.Err?
function M.version(key, number)
  local version = number >= key.min_decryption and key.versions[number]
  if not version then
    return err.fail("invalid", "no such key version: '%s' has %d to %d", key.name, key.min_decryption, key.latest)
  end
  return version
end

--- The version that new ciphertexts and signatures are made with, and its number.
---@param asked? integer 0: the latest
---@param what string "encryption", "signing" or "HMAC"
---@return prov.vault.transit.Version?
---@return integer|prov.Err number
function M.writing_version(key, asked, what)
  local number = asked ~= 0 and asked or key.latest
  if number < 0 then
    return err.fail("invalid", "requested version for %s is negative", what)
  elseif number > key.latest then
    return err.fail("invalid", "requested version for %s is higher than the latest key version", what)
  elseif number < key.min_encryption then
    return err.fail("invalid", "requested version for %s is less than the minimum encryption key version", what)
  end
  local version, e = M.version(key, number)
  return version, version and number or e
end

--- Takes "vault:v3:..." apart, and finds its version.
---@param what string "ciphertext", "signature" or "HMAC"
---@return prov.vault.transit.Version?
---@return string|prov.Err rest
---@return integer? number
function M.parse(key, text, what)
  local number, rest = text:match("^vault:v(%d+):(.*)$")
  if not number then
    return err.fail("invalid", text:find("^vault:v") and "invalid %s: version number could not be decoded"
      or "invalid %s: no prefix", what)
  end
  number = #number < 10 and math.max(tonumber(number), 1) or math.maxinteger
  if number > key.latest then
    return err.fail("invalid", "invalid %s: version is too new", what)
  elseif number < key.min_decryption then
    return err.fail("invalid", "%s version is disallowed by policy (too old): '%s' takes %d and later",
      what == "HMAC" and what or "ciphertext or signature", key.name, key.min_decryption)
  end
  local version, e = M.version(key, number)
  return version, version and rest or e, number
end

--- What a version's secret is for a context: its own, or one derived by HKDF.
---@return string|prov.Secret|nil bytes, prov.Err?
function M.derive(key, version, context, size)
  if not key.derived then
    return version.secret
  elseif not context or context == "" then
    return err.fail("usage", "missing 'context' for key derivation; the key was created using a derived key, which"
      .. " means additional, per-request information must be included in order to perform operations with the key")
  end
  return crypto.hkdf("sha256", version.root or version.secret, "", context, size)
end

local function root_of(version)
  local pair <close> = assert(crypto.pkey_raw("ed25519", "secret", version.secret))
  return crypto.secret(version.secret:reveal() .. pair:public("raw"))
end

--- The key pair of a version, for a context when it is derived.
---@return prov.Pkey?, prov.Err?
function M.pair(key, version, context)
  if key.derived then
    version.root = version.root or root_of(version)
    local seed, e = M.derive(key, version, context, 32)
    if not seed then
      return nil, e
    end
    return crypto.pkey_raw("ed25519", "secret", seed)
  end
  if not version.pkey then
    local e
    if version.secret and key.kind.pkey == "ed25519" then
      version.pkey, e = crypto.pkey_raw("ed25519", "secret", version.secret)
    else
      version.pkey, e = crypto.pkey_parse(version.secret or version.public)
    end
    if not version.pkey then
      return nil, e
    end
  end
  return version.pkey
end

--- The public half as the API shows it: base64 of Ed25519, else PEM.
---@return string?, prov.Err?
function M.public(key, version, context)
  local pair, e = M.pair(key, version, context)
  if not pair then
    return nil, e
  elseif key.kind.pkey == "ed25519" then
    return base.base64(pair:public("raw"))
  end
  return pair:public("pem")
end

return M
