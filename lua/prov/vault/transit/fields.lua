--- Fields of the paths of the transit engine, and of the items of their batches.

local engine = require("prov.vault.engine")

local M = {}

local with = engine.fields

local function bool(doc)
  return engine.field("bool", doc, false)
end

local BATCH = { type = "any", doc = "A list of maps with the fields above, done one by one" }
local CONTEXT = { type = "bytes", doc = "What the key is derived for; of derived keys" }
local VERSION = { type = "int", doc = "Version of the key, 0 for the latest" }
local REFERENCE = { type = "string", default = "", doc = "Given back with the item's result" }
local PADDING = { type = "string", doc = "Of RSA: oaep" }
local NONCE = { type = "bytes", doc = "Refused: of keys of Vault 0.6.1 only" }
local AAD = { type = "bytes", doc = "Bound to the ciphertext, not in it" }
local KIND = { type = "string", default = "aes256-gcm96", doc = "Type of the key" }

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
local REWRAP = with(DECRYPT, { key_version = VERSION })

local HASH = { type = "string", doc = "sha1, sha2-224 to sha2-512, sha3-224 to sha3-512; sha2-256 by default" }
local INPUT = { type = "bytes", doc = "What it is about, in base64" }
local SIGNING = {
  hash_algorithm = HASH,
  algorithm = { type = "string", doc = "The older name of hash_algorithm" },
  prehashed = bool("Whether the input is the digest already"),
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
local FORMAT = { type = "string", one_of = { "hex", "base64" }, doc = "How bytes are written" }

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
local IMPORT_FIELDS = with(KEY_FIELDS, IMPORT_VERSION_FIELDS, {
  allow_rotation = bool("Lets the vault add versions that it makes itself"),
})
local RESTORE_FIELDS = {
  backup = { type = "string", required = true, doc = "What backup gave, here or by Vault" },
  force = bool("Replaces a key with that name"),
}

local SIGN_FIELDS = with(SIGNING, SIGN_ITEM, { key_version = VERSION, batch_input = BATCH })
local VERIFY_FIELDS = with(SIGNING, VERIFY_ITEM, { batch_input = BATCH })
local HMAC_FIELDS = with(SIGN_ITEM, {
  algorithm = HASH, hash_algorithm = HASH, key_version = VERSION, batch_input = BATCH,
})
local HASH_FIELDS = {
  input = with(INPUT, { required = true }), algorithm = HASH, format = with(FORMAT, { default = "hex" }),
}
local RANDOM_FIELDS = {
  bytes = { type = "int", default = 32, doc = "How many" }, format = with(FORMAT, { default = "base64" }),
}

-- Items of batches.
M.encrypt, M.decrypt, M.rewrap, M.sign, M.verify = ENCRYPT, DECRYPT, REWRAP, SIGN_ITEM, VERIFY_ITEM

--- Fields of requests.
M.request = {
  key = with(KEY_FIELDS, { context = CONTEXT }),
  config = CONFIG_FIELDS,
  trim = { min_available_version = { type = "int", required = true, doc = "The oldest version that stays" } },
  encrypt = with(ENCRYPT, { batch_input = BATCH, type = KIND, partial_failure_response_code = PARTIAL,
    convergent_encryption = KEY_FIELDS.convergent_encryption }),
  decrypt = with(DECRYPT, { batch_input = BATCH, partial_failure_response_code = PARTIAL }),
  rewrap = with(REWRAP, { batch_input = BATCH }),
  datakey = { context = CONTEXT, nonce = NONCE, key_version = VERSION, padding_scheme = PADDING,
    bits = { type = "int", default = 256, doc = "128, 256 or 512" } },
  sign = SIGN_FIELDS,
  verify = VERIFY_FIELDS,
  hmac = HMAC_FIELDS,
  hash = HASH_FIELDS,
  random = RANDOM_FIELDS,
  import = IMPORT_FIELDS,
  import_version = IMPORT_VERSION_FIELDS,
  restore = RESTORE_FIELDS,
  keys_config = { disable_upsert = bool("Encryption does not make keys that are missing") },
}

return M
