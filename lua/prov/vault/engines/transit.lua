--- The transit engine: encryption, signatures and HMAC as a service, whose keys nobody sees. Paths, fields and formats
-- are those of Vault.

local answer = require("prov.vault.transit.answer")
local base = require("core.base")
local batch = require("prov.vault.transit.batch")
local cipher = require("prov.vault.transit.cipher")
local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local fields = require("prov.vault.transit.fields")
local keys = require("prov.vault.transit.keys")
local kinds = require("prov.vault.transit.kinds")
local sign = require("prov.vault.transit.sign")

-- ---- Encryption ----

-- A handler of what needs the key a request names.
local function with_key(fn)
  return function(ctx, req)
    local key, e = keys.need(ctx, req.params.name)
    if not key then
      return nil, e
    end
    return fn(ctx, req, key)
  end
end

local function has_context(item)
  return item.context ~= nil and item.context ~= ""
end

-- Whether a batch has contexts: all of its items have, or none.
local function batch_context(req)
  local input = req.given.batch_input
  if type(input) ~= "table" then
    return has_context(req.data)
  end
  local has
  for _, item in ipairs(input) do
    local this = type(item) == "table" and has_context(item)
    if has ~= nil and this ~= has then
      return err.fail("usage", "context should be set either in all the request blocks or in none")
    end
    has = this
  end
  return has or false
end

local function key_exists(ctx, req)
  local key, e = keys.get(ctx, req.params.name)
  if e then
    return nil, e
  end
  return key ~= nil
end

-- The key to encrypt with; made when there is none.
local function key_for_writing(ctx, req, derived)
  local key, e = keys.get(ctx, req.params.name)
  if key or e then
    return key, e
  end
  local config
  config, e = ctx.storage:get("config/keys")
  if e then
    return nil, e
  elseif config and config.disable_upsert then
    return keys.need(ctx, req.params.name)
  end
  local made, failure = keys.create(ctx, req.params.name, {
    type = req.data.type, derived = derived, convergent = req.data.convergent_encryption,
  })
  return made, not made and failure or nil
end

local function encrypted(key, plain, item)
  local text, version = cipher.encrypt(key, plain, item)
  if not text then
    return nil, version
  end
  return { ciphertext = text, key_version = version }
end

local function encrypt(ctx, req)
  local derived, e = batch_context(req)
  if derived == nil then
    return nil, e
  end
  local key
  key, e = key_for_writing(ctx, req, derived)
  if not key then
    return nil, e
  end
  return batch.each(req, fields.encrypt, function(item)
    if not item.plaintext then
      return err.fail("usage", "missing plaintext to encrypt")
    end
    return encrypted(key, item.plaintext, item)
  end, true)
end

local function decrypted(key, item)
  if not item.ciphertext or item.ciphertext == "" then
    return err.fail("usage", "missing ciphertext to decrypt")
  end
  return cipher.decrypt(key, item.ciphertext, item)
end

local decrypt = with_key(function(_, req, key)
  return batch.each(req, fields.decrypt, function(item)
    local plain, e = decrypted(key, item)
    return plain and { plaintext = base.base64(plain) }, e
  end, true)
end)

local rewrap = with_key(function(_, req, key)
  return batch.each(req, fields.rewrap, function(item)
    local plain, e = decrypted(key, item)
    if not plain then
      return nil, e
    end
    return encrypted(key, plain, item)
  end)
end)

local BITS = { [128] = true, [256] = true, [512] = true }

local function datakey(ctx, req)
  local how = req.params.what
  if how ~= "plaintext" and how ~= "wrapped" then
    return err.fail("usage", "Invalid path, must be 'plaintext' or 'wrapped'")
  elseif not BITS[req.data.bits] then
    return err.fail("usage", "invalid bit length: 'bits' must be 128, 256 or 512")
  end
  local key, e = keys.need(ctx, req.params.name)
  if not key then
    return nil, e
  end
  local plain = assert(crypto.random(req.data.bits // 8))
  local made
  made, e = encrypted(key, plain, req.data)
  if not made then
    return nil, e
  end
  made.plaintext = how == "plaintext" and base.base64(plain) or nil
  return { data = made }
end

-- ---- Signatures, HMAC, hashes ----

local function hash_of(req)
  return sign.hash(req.params.algorithm or req.data.hash_algorithm or req.data.algorithm or "sha2-256")
end

local function signing_of(req)
  local hash, e = hash_of(req)
  if not hash then
    return nil, e
  end
  local salt = req.data.salt_length:lower()
  if salt ~= "auto" and salt ~= "hash" then
    salt = math.tointeger(tonumber(salt, 10))
    if not salt or salt < 0 or salt > 1024 then
      return err.fail("usage", "salt length neither 'auto', 'hash', nor an int: %s", req.data.salt_length)
    end
  end
  return {
    hash = hash, prehashed = req.data.prehashed, marshaling = req.data.marshaling_algorithm,
    scheme = req.data.signature_algorithm, salt = salt,
  }
end

local function do_sign(ctx, req)
  local how, e = signing_of(req)
  local key
  if how then
    key, e = keys.need(ctx, req.params.name)
  end
  if not key then
    return nil, e
  end
  local is_batch = req.given.batch_input ~= nil
  return batch.each(req, fields.sign, function(item)
    local text, version, public = sign.sign(key, item.input or "", how, req.data.key_version, item.context)
    if not text then
      return nil, version
    end
    return { signature = text, key_version = version, [is_batch and "publickey" or "public_key"] = public }
  end)
end

-- What a request to verify is about: "signature" or "hmac".
local function verifies(req)
  local items = req.given.batch_input
  if type(items) ~= "table" then
    items = { req.given }
  end
  local found
  for _, item in ipairs(items) do
    local this = type(item) == "table" and (item.signature ~= nil and "signature" or item.hmac ~= nil and "hmac")
    if not this then
      return err.fail("usage", "missing one of 'signature' or 'hmac' arguments to verify")
    elseif found and found ~= this then
      return err.fail("usage", "elements of batch_input must all provide either 'signature' or 'hmac'")
    end
    found = this
  end
  return found
end

local function verify(ctx, req)
  local what, e = verifies(req)
  local how, key
  if what then
    how, e = signing_of(req)
  end
  if how then
    key, e = keys.need(ctx, req.params.name)
  end
  if not key then
    return nil, e
  end
  return batch.each(req, fields.verify, function(item)
    local valid, failure
    if what == "hmac" then
      valid, failure = sign.verify_hmac(key, item.input or "", item.hmac, how.hash)
    else
      valid, failure = sign.verify(key, item.input or "", item.signature, how, item.context)
    end
    if valid == nil then
      return nil, failure
    end
    return { valid = valid }
  end)
end

local function hmac(ctx, req)
  local hash, e = hash_of(req)
  local key
  if hash then
    key, e = keys.need(ctx, req.params.name)
  end
  if not key then
    return nil, e
  end
  return batch.each(req, fields.sign, function(item)
    if not item.input then
      return err.fail("usage", "missing input for HMAC")
    end
    local text, failure = sign.hmac(key, item.input, hash, req.data.key_version)
    return text and { hmac = text }, failure
  end)
end

local WRITE = { hex = crypto.hex, base64 = base.base64 }

local function digest(_, req)
  local hash, e = hash_of(req)
  if not hash then
    return nil, e
  end
  return { data = { sum = WRITE[req.data.format](crypto.hash(hash, req.data.input)) } }
end

local RANDOM_MAX = 128 * 1024

local function random(_, req)
  local source, n = req.params.source, req.params.bytes
  if source and not n and source:find("^%d+$") then
    source, n = nil, source
  end
  n = n and math.tointeger(tonumber(n, 10)) or not n and req.data.bytes or nil
  if not n or n < 1 or n > RANDOM_MAX then
    return err.fail("usage", "'bytes' must be 1 to %d", RANDOM_MAX)
  elseif source and source ~= "platform" and source ~= "all" then
    return err.fail("invalid", "there is no source of random bytes '%s', only platform", source)
  end
  return { data = { random_bytes = WRITE[req.data.format](assert(crypto.random(n))) } }
end

-- ---- Keys ----

local function described(key, e, context)
  local data
  if key then
    data, e = answer.describe(key, context)
  end
  return data and { data = data }, e
end

local function existing(ctx, req)
  local key, e = keys.get(ctx, req.params.name)
  if not key and not e then
    return err.fail("notfound", "there is no key '%s' in %s", req.params.name, ctx.path)
  end
  return key, e
end

local function create(ctx, req)
  local d = req.data
  local key, existed = keys.create(ctx, req.params.name, {
    type = d.type, derived = d.derived, convergent = d.convergent_encryption, exportable = d.exportable,
    plaintext_backup = d.allow_plaintext_backup, auto_rotate = d.auto_rotate_period,
    size = d.key_size ~= 0 and d.key_size or nil,
  })
  if not key then
    return nil, existed
  end
  local response, e = described(key)
  if response and existed then
    response.warnings = { ("key %s already existed"):format(key.name) }
  end
  return response, e
end

local function read(ctx, req)
  local key, e = existing(ctx, req)
  return described(key, e, req.data.context)
end

local function configure(ctx, req)
  return described(keys.change(ctx, req.params.name, function(key)
    return answer.configure(key, req.data)
  end))
end

local function trim(ctx, req)
  return described(keys.change(ctx, req.params.name, function(key)
    return answer.trim(key, req.data.min_available_version)
  end))
end

local function rotate(ctx, req)
  return described(keys.rotate(ctx, req.params.name))
end

local function delete(ctx, req)
  return engine.done(keys.delete(ctx, req.params.name))
end

local function list(ctx)
  return engine.listed("keys in " .. ctx.path, keys.list(ctx))
end

local function export(ctx, req)
  local key, e = existing(ctx, req)
  if not key then
    return nil, e
  end
  local data
  data, e = answer.export(key, req.params.what, req.params.version)
  return data and { data = data }, e
end

local function backup(ctx, req)
  local text, e = require("prov.vault.transit.backup").write(ctx, req.params.name)
  return text and { data = { backup = text } }, e
end

local function restore(ctx, req)
  return engine.done(require("prov.vault.transit.backup").restore(ctx, req.data.backup, req.params.name,
    req.data.force))
end

local function wrapping_key(ctx)
  local pair, e = require("prov.vault.transit.import").wrapping_key(ctx)
  return pair and { data = { public_key = pair:public("pem") } }, e
end

local function import(ctx, req)
  local d = req.data
  local kind = kinds[d.type]
  if not kind then
    return err.fail("usage", "unknown key type %s", d.type)
  end
  local version, e = require("prov.vault.transit.import").version(ctx, kind, d)
  if not version then
    return nil, e
  end
  return engine.done(keys.put(ctx, {
    name = req.params.name, type = d.type, latest = 1, versions = { version }, imported = true,
    rotation_allowed = d.allow_rotation, derived = d.derived, exportable = d.exportable,
    plaintext_backup = d.allow_plaintext_backup, auto_rotate = d.auto_rotate_period,
  }))
end

local import_version = with_key(function(ctx, req, key)
  if not key.imported then
    return err.fail("invalid", "the import_version endpoint can only be used with an imported key")
  end
  local version, e = require("prov.vault.transit.import").version(ctx, key.kind, req.data)
  if not version then
    return nil, e
  end
  return engine.done(keys.change(ctx, req.params.name, function(changed)
    changed.latest = changed.latest + 1
    changed.versions[changed.latest] = version
  end))
end)

local function read_config(ctx)
  local config, e = ctx.storage:get("config/keys")
  if e then
    return nil, e
  end
  return { data = { disable_upsert = config and config.disable_upsert or false } }
end

local function write_config(ctx, req)
  local ok, e = ctx.storage:put("config/keys", { disable_upsert = req.data.disable_upsert })
  return ok and { data = { disable_upsert = req.data.disable_upsert } } or nil, e
end

---@type prov.vault.Engine
return {
  name = "transit",
  summary = "Encrypts and signs with keys that never leave the vault",
  paths = {
    { path = "keys", doc = "Names of keys", list = list },
    { path = "keys/{name}", doc = "A key", exists = key_exists, fields = fields.request.key,
      read = read, update = create, delete = delete },
    { path = "keys/{name}/config", doc = "What may be done with a key",
      fields = fields.request.config, update = configure },
    { path = "keys/{name}/rotate", doc = "A new version of a key", update = rotate },
    { path = "keys/{name}/trim", doc = "Deletes old versions for ever", update = trim, fields = fields.request.trim },
    { path = "encrypt/{name}", doc = "Encrypts; makes the key when there is none", exists = key_exists,
      update = encrypt, fields = fields.request.encrypt },
    { path = "decrypt/{name}", doc = "Decrypts", update = decrypt,
      fields = fields.request.decrypt },
    { path = "rewrap/{name}", doc = "Encrypts anew, with the latest version", update = rewrap,
      fields = fields.request.rewrap },
    { path = "datakey/{what}/{name}", doc = "A new key for elsewhere, encrypted (wrapped) or also plain (plaintext)",
      update = datakey, fields = fields.request.datakey },
    { path = "sign/{name}", doc = "Signs", update = do_sign, fields = fields.request.sign },
    { path = "sign/{name}/{algorithm}", doc = "Signs over a hash", update = do_sign, fields = fields.request.sign },
    { path = "verify/{name}", doc = "Checks signatures and HMAC", update = verify, fields = fields.request.verify },
    { path = "verify/{name}/{algorithm}", doc = "Checks signatures and HMAC over a hash", update = verify,
      fields = fields.request.verify },
    { path = "hmac/{name}", doc = "HMAC", update = hmac, fields = fields.request.hmac },
    { path = "hmac/{name}/{algorithm}", doc = "HMAC with a hash", update = hmac, fields = fields.request.hmac },
    { path = "hash", doc = "A hash", update = digest, fields = fields.request.hash },
    { path = "hash/{algorithm}", doc = "A hash", update = digest, fields = fields.request.hash },
    { path = "random", doc = "Random bytes", update = random, fields = fields.request.random },
    { path = "random/{source}", doc = "Random bytes, so many", update = random, fields = fields.request.random },
    { path = "random/{source}/{bytes}", doc = "Random bytes, so many",
      update = random, fields = fields.request.random },
    { path = "export/{what}/{name}", doc = "All versions of an exportable key", read = export },
    { path = "export/{what}/{name}/{version}", doc = "One version of an exportable key", read = export },
    { path = "backup/{name}", doc = "A key as a text, which Vault restores too", read = backup },
    { path = "restore", doc = "Restores a backup, made here or by Vault",
      update = restore, fields = fields.request.restore },
    { path = "restore/{name}", doc = "Restores a backup under another name", update = restore,
      fields = fields.request.restore },
    { path = "wrapping_key", doc = "The public key to wrap keys for import with", read = wrapping_key },
    { path = "keys/{name}/import", doc = "Makes a key of one that was made elsewhere", update = import,
      fields = fields.request.import },
    { path = "keys/{name}/import_version", doc = "Adds a version to an imported key", update = import_version,
      fields = fields.request.import_version },
    { path = "config/keys", doc = "What holds for all keys", read = read_config, update = write_config,
      fields = fields.request.keys_config },
  },
}
