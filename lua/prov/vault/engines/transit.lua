--- The transit engine: encryption, signatures and HMAC as a service, whose keys nobody sees. Paths, fields and formats
-- are those of Vault.

local answer = require("prov.vault.transit.answer")
local base = require("core.base")
local cipher = require("prov.vault.transit.cipher")
local crypto = require("core.crypto")
local engines = require("prov.vault.engine")
local err = require("prov.err")
local keys = require("prov.vault.transit.keys")
local kinds = require("prov.vault.transit.kinds")
local sign = require("prov.vault.transit.sign")

local BATCH = { type = "any", doc = "A list of maps with the fields above, done one by one" }
local CONTEXT = { type = "bytes", doc = "What the key is derived for; of derived keys" }
local VERSION = { type = "int", doc = "Version of the key, 0 for the latest" }
local REFERENCE = { type = "string", default = "", doc = "Given back with the item's result" }
local PADDING = { type = "string", doc = "Of RSA: oaep" }
local NONCE = { type = "bytes", doc = "Refused: of keys of Vault 0.6.1 only" }
local AAD = { type = "bytes", doc = "Bound to the ciphertext, not in it" }
local KIND = { type = "string", default = "aes256-gcm96", doc = "Type of the key" }

local function with(fields, more)
  local out = {}
  for _, from in ipairs({ fields, more }) do
    for name, field in pairs(from) do
      out[name] = field
    end
  end
  return out
end

-- ---- One thing, or a batch ----

local function do_batch(req, fields, one, strict)
  local input = req.given.batch_input
  if type(input) ~= "table" or #input == 0 then
    return err.fail("usage", "missing batch input to process: 'batch_input' must be a list of maps")
  end
  local results, failed = {}, 0
  for i, given in ipairs(input) do
    local item, out, e
    if type(given) == "table" then
      item, e = engines.read_fields(fields, given)
    else
      e = err.new("usage", "an item must be a map")
    end
    if item then
      out, e = one(item)
    end
    if not out then
      failed, out = failed + 1, { error = tostring(e) }
    end
    out.reference = item and item.reference or ""
    results[i] = out
  end
  local status
  if strict and failed > 0 then
    local other = failed < #results and req.data.partial_failure_response_code
    status = other and other >= 100 and other <= 599 and other or 400
  end
  return { data = { batch_results = results }, status = status }
end

-- Calls one for the fields of the request, or for each item of its batch.
local function each(req, fields, one, strict)
  if req.given.batch_input ~= nil then
    return do_batch(req, fields, one, strict)
  end
  local out, e = one(req.data)
  return out and { data = out }, e
end

-- ---- Encryption ----

local ENCRYPT = {
  plaintext = { type = "bytes", doc = "What to encrypt, in base64" },
  context = CONTEXT, nonce = NONCE, key_version = VERSION, associated_data = AAD, padding_scheme = PADDING,
  reference = REFERENCE,
}
local DECRYPT = {
  ciphertext = { type = "string", doc = "What encrypt gave" },
  context = CONTEXT, nonce = NONCE, associated_data = AAD, padding_scheme = PADDING, reference = REFERENCE,
}
local PARTIAL = { type = "int", doc = "HTTP status when some items of a batch fail and others do not, instead of 400" }

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
  return each(req, ENCRYPT, function(item)
    if not item.plaintext then
      return err.fail("usage", "missing plaintext to encrypt")
    end
    local text, version = cipher.encrypt(key, item.plaintext, item)
    if not text then
      return nil, version
    end
    return { ciphertext = text, key_version = version }
  end, true)
end

local function decrypt(ctx, req)
  local key, e = keys.need(ctx, req.params.name)
  if not key then
    return nil, e
  end
  return each(req, DECRYPT, function(item)
    if not item.ciphertext or item.ciphertext == "" then
      return err.fail("usage", "missing ciphertext to decrypt")
    end
    local plain, failure = cipher.decrypt(key, item.ciphertext, item)
    return plain and { plaintext = base.base64(plain) }, failure
  end, true)
end

local REWRAP = with(DECRYPT, { key_version = VERSION })

local function rewrap(ctx, req)
  local key, e = keys.need(ctx, req.params.name)
  if not key then
    return nil, e
  end
  return each(req, REWRAP, function(item)
    if not item.ciphertext or item.ciphertext == "" then
      return err.fail("usage", "missing ciphertext to decrypt")
    end
    local plain, failure = cipher.decrypt(key, item.ciphertext, item)
    if not plain then
      return nil, failure
    end
    local text, version = cipher.encrypt(key, plain, item)
    if not text then
      return nil, version
    end
    return { ciphertext = text, key_version = version }
  end)
end

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
  local text, version = cipher.encrypt(key, plain, req.data)
  if not text then
    return nil, version
  end
  return { data = {
    ciphertext = text, key_version = version, plaintext = how == "plaintext" and base.base64(plain) or nil,
  } }
end

-- ---- Signatures, HMAC, hashes ----

local HASH = { type = "string", doc = "sha1, sha2-224 to sha2-512, sha3-224 to sha3-512; sha2-256 by default" }
local INPUT = { type = "bytes", doc = "What it is about, in base64" }
local SIGNING = {
  hash_algorithm = HASH,
  algorithm = { type = "string", doc = "The older name of hash_algorithm" },
  prehashed = { type = "bool", default = false, doc = "Whether the input is the digest already" },
  signature_algorithm = { type = "string", default = "pss", one_of = { "", "pss", "pkcs1v15" }, doc = "Of RSA" },
  marshaling_algorithm = { type = "string", default = "asn1", one_of = { "asn1", "jws" },
    doc = "How signatures of ECDSA are written; jws also makes base64 safe for URLs" },
  salt_length = { type = "string", default = "auto", doc = "Of PSS: auto, hash, or bytes" },
}
local SIGN_ITEM = { input = INPUT, context = CONTEXT, reference = REFERENCE }
local VERIFY_ITEM = with(SIGN_ITEM, {
  signature = { type = "string", doc = "What sign gave" },
  hmac = { type = "string", doc = "What hmac gave" },
})

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
  return each(req, SIGN_ITEM, function(item)
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
  return each(req, VERIFY_ITEM, function(item)
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
  return each(req, SIGN_ITEM, function(item)
    if not item.input then
      return err.fail("usage", "missing input for HMAC")
    end
    local text, failure = sign.hmac(key, item.input, hash, req.data.key_version)
    return text and { hmac = text }, failure
  end)
end

local FORMAT = { type = "string", one_of = { "hex", "base64" }, doc = "How bytes are written" }
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

local function described(key, context, warning)
  local data, e = answer.describe(key, context)
  return data and { data = data, warnings = warning and { warning } or nil }, e
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
  return described(key, nil, existed and ("key %s already existed"):format(key.name) or nil)
end

local function read(ctx, req)
  local key, e = keys.get(ctx, req.params.name)
  if not key then
    return nil, e or select(2, err.fail("notfound", "there is no key '%s' in %s", req.params.name, ctx.path))
  end
  return described(key, req.data.context)
end

local function configure(ctx, req)
  local key, e = keys.change(ctx, req.params.name, function(key)
    return answer.configure(key, req.data)
  end)
  if not key then
    return nil, e
  end
  return described(key)
end

local function trim(ctx, req)
  local key, e = keys.change(ctx, req.params.name, function(key)
    return answer.trim(key, req.data.min_available_version)
  end)
  if not key then
    return nil, e
  end
  return described(key)
end

local function rotate(ctx, req)
  local key, e = keys.rotate(ctx, req.params.name)
  if not key then
    return nil, e
  end
  return described(key)
end

local function list(ctx)
  local names, e = keys.list(ctx)
  if not names then
    return nil, e
  elseif #names == 0 then
    return err.fail("notfound", "there are no keys in %s", ctx.path)
  end
  return { data = { keys = names } }
end

local function export(ctx, req)
  local key, e = keys.get(ctx, req.params.name)
  if not key then
    return nil, e or select(2, err.fail("notfound", "there is no key '%s' in %s", req.params.name, ctx.path))
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
  local ok, e = require("prov.vault.transit.backup").restore(ctx, req.data.backup, req.params.name, req.data.force)
  return ok and {} or nil, e
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
  local key
  key, e = keys.put(ctx, {
    name = req.params.name, type = d.type, latest = 1, versions = { version }, imported = true,
    rotation_allowed = d.allow_rotation, derived = d.derived, exportable = d.exportable,
    plaintext_backup = d.allow_plaintext_backup, auto_rotate = d.auto_rotate_period,
  })
  return key and {} or nil, e
end

local function import_version(ctx, req)
  local key, e = keys.need(ctx, req.params.name)
  if not key then
    return nil, e
  elseif not key.imported then
    return err.fail("invalid", "the import_version endpoint can only be used with an imported key")
  end
  local version
  version, e = require("prov.vault.transit.import").version(ctx, key.kind, req.data)
  if not version then
    return nil, e
  end
  key, e = keys.change(ctx, req.params.name, function(changed)
    changed.latest = changed.latest + 1
    changed.versions[changed.latest] = version
  end)
  return key and {} or nil, e
end

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

local function bool(doc)
  return { type = "bool", default = false, doc = doc }
end

local KEY_FIELDS = {
  type = KIND,
  derived = bool("Derives another key for each context"),
  convergent_encryption = bool("Makes the same ciphertext of the same text and context"),
  exportable = bool("Lets the key leave the vault, for ever"),
  allow_plaintext_backup = bool("Allows backups, which show the key, for ever"),
  auto_rotate_period = { type = "seconds", default = 0, doc = "Rotates when it is used after so long; 0: never" },
  key_size = { type = "int", doc = "Bytes of a key of HMAC, 32 to 512" },
}
local CONFIG_FIELDS = {
  min_decryption_version = { type = "int", doc = "The oldest version that decrypts and verifies" },
  min_encryption_version = { type = "int", doc = "The oldest version that may be asked for; 0: any" },
  deletion_allowed = { type = "bool", doc = "Whether the key may be deleted" },
  exportable = { type = "bool", doc = "Lets the key leave the vault, for ever" },
  allow_plaintext_backup = { type = "bool", doc = "Allows backups, for ever" },
  auto_rotate_period = { type = "seconds", doc = "Rotates when it is used after so long; 0: never" },
}
local IMPORT_VERSION_FIELDS = {
  ciphertext = { type = "string", doc = "The key, wrapped for the wrapping key, in base64" },
  public_key = { type = "string", doc = "A public half alone, in PEM" },
  hash_function = { type = "string", default = "SHA256", one_of = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" },
    doc = "Hash of RSA-OAEP" },
}
local IMPORT_FIELDS = with(with(KEY_FIELDS, IMPORT_VERSION_FIELDS), {
  allow_rotation = bool("Lets the vault add versions that it makes itself"),
})
local RESTORE_FIELDS = {
  backup = { type = "string", required = true, doc = "What backup gave, here or by Vault" },
  force = bool("Replaces a key with that name"),
}
local SIGN_FIELDS = with(with(SIGNING, SIGN_ITEM), { key_version = VERSION, batch_input = BATCH })
local VERIFY_FIELDS = with(with(SIGNING, VERIFY_ITEM), { batch_input = BATCH })
local HMAC_FIELDS = with(SIGN_ITEM, {
  algorithm = HASH, hash_algorithm = HASH, key_version = VERSION, batch_input = BATCH,
})
local HASH_FIELDS = {
  input = with(INPUT, { required = true }), algorithm = HASH, format = with(FORMAT, { default = "hex" }),
}
local RANDOM_FIELDS = {
  bytes = { type = "int", default = 32, doc = "How many" }, format = with(FORMAT, { default = "base64" }),
}

---@type prov.vault.Engine
return {
  name = "transit",
  summary = "Encrypts and signs with keys that never leave the vault",
  paths = {
    { path = "keys", doc = "Names of keys", list = list },
    { path = "keys/{name}", doc = "A key", exists = key_exists, fields = with(KEY_FIELDS, { context = CONTEXT }),
      read = read, update = create, delete = function(ctx, req)
        local ok, e = keys.delete(ctx, req.params.name)
        return ok and {} or nil, e
      end },
    { path = "keys/{name}/config", doc = "What may be done with a key", fields = CONFIG_FIELDS, update = configure },
    { path = "keys/{name}/rotate", doc = "A new version of a key", update = rotate },
    { path = "keys/{name}/trim", doc = "Deletes old versions for ever", update = trim, fields = {
      min_available_version = { type = "int", required = true, doc = "The oldest version that stays" } } },
    { path = "encrypt/{name}", doc = "Encrypts; makes the key when there is none", exists = key_exists,
      update = encrypt, fields = with(ENCRYPT, { batch_input = BATCH, type = KIND,
        convergent_encryption = KEY_FIELDS.convergent_encryption, partial_failure_response_code = PARTIAL }) },
    { path = "decrypt/{name}", doc = "Decrypts", update = decrypt,
      fields = with(DECRYPT, { batch_input = BATCH, partial_failure_response_code = PARTIAL }) },
    { path = "rewrap/{name}", doc = "Encrypts anew, with the latest version", update = rewrap,
      fields = with(REWRAP, { batch_input = BATCH }) },
    { path = "datakey/{what}/{name}", doc = "A new key for elsewhere, encrypted (wrapped) or also plain (plaintext)",
      update = datakey, fields = { context = CONTEXT, nonce = NONCE, key_version = VERSION, padding_scheme = PADDING,
        bits = { type = "int", default = 256, doc = "128, 256 or 512" } } },
    { path = "sign/{name}", doc = "Signs", update = do_sign, fields = SIGN_FIELDS },
    { path = "sign/{name}/{algorithm}", doc = "Signs over a hash", update = do_sign, fields = SIGN_FIELDS },
    { path = "verify/{name}", doc = "Checks signatures and HMAC", update = verify, fields = VERIFY_FIELDS },
    { path = "verify/{name}/{algorithm}", doc = "Checks signatures and HMAC over a hash", update = verify,
      fields = VERIFY_FIELDS },
    { path = "hmac/{name}", doc = "HMAC", update = hmac, fields = HMAC_FIELDS },
    { path = "hmac/{name}/{algorithm}", doc = "HMAC with a hash", update = hmac, fields = HMAC_FIELDS },
    { path = "hash", doc = "A hash", update = digest, fields = HASH_FIELDS },
    { path = "hash/{algorithm}", doc = "A hash", update = digest, fields = HASH_FIELDS },
    { path = "random", doc = "Random bytes", update = random, fields = RANDOM_FIELDS },
    { path = "random/{source}", doc = "Random bytes, so many", update = random, fields = RANDOM_FIELDS },
    { path = "random/{source}/{bytes}", doc = "Random bytes, so many", update = random, fields = RANDOM_FIELDS },
    { path = "export/{what}/{name}", doc = "All versions of an exportable key", read = export },
    { path = "export/{what}/{name}/{version}", doc = "One version of an exportable key", read = export },
    { path = "backup/{name}", doc = "A key as a text, which Vault restores too", read = backup },
    { path = "restore", doc = "Restores a backup, made here or by Vault", update = restore, fields = RESTORE_FIELDS },
    { path = "restore/{name}", doc = "Restores a backup under another name", update = restore,
      fields = RESTORE_FIELDS },
    { path = "wrapping_key", doc = "The public key to wrap keys for import with", read = wrapping_key },
    { path = "keys/{name}/import", doc = "Makes a key of one that was made elsewhere", update = import,
      fields = IMPORT_FIELDS },
    { path = "keys/{name}/import_version", doc = "Adds a version to an imported key", update = import_version,
      fields = IMPORT_VERSION_FIELDS },
    { path = "config/keys", doc = "What holds for all keys", read = read_config, update = write_config, fields = {
      disable_upsert = bool("Encryption does not make keys that are missing") } },
  },
}
