--- The transit engine beside a real Vault: `prov internal lua transit_judge.lua URL TOKEN`. Keys move there and back by
-- backups; what one makes, the other opens and verifies; answers about keys have the same fields.

local uv = require("luv")
package.path = uv.fs_realpath(os.getenv("PROV_ROOT")) .. "/tests/?.lua;" .. package.path

local async = require("prov.async")
local base = require("core.base")
local crypto = require("core.crypto")
local data = require("core.data")
local http = require("prov.http")
local json = require("prov.json")
local vault = require("support.vault")

local url, token = ...
local checks = 0

local function check(ok, what, ...)
  checks = checks + 1
  if not ok then
    error("FAIL: " .. what:format(...):sub(1, 600), 0)
  end
end

local METHODS = { read = "GET", update = "POST", delete = "DELETE", list = "LIST" }

-- Asks the real one: status, data or errors.
local function theirs(op, path, given)
  local response = assert(http.request({
    url = url .. "/v1/transit/" .. path, method = METHODS[op], headers = { ["x-vault-token"] = token },
    body = given and assert(json.encode(given)) or op == "update" and "{}" or nil, timeout = 60000,
  }))
  local body = response.body ~= "" and assert(json.decode(response.body)) or {}
  return response.status, body.data or body.errors or body
end

local STATUS = { usage = 400, invalid = 400, exists = 400, notfound = 404 }
local m

local function ours(op, path, given)
  local response, e = m[op](m, path, given)
  if not response then
    return STATUS[e.code] or e.code, { tostring(e) }
  end
  return response.status or (response.data and 200 or 204), response.data
end

local function ok(who, op, path, given)
  local status, out = who(op, path, given)
  check(status == 200 or status == 204, "%s %s gave %s: %s", op, path, status, json.encode(out))
  return out
end

local HELLO = base.base64("hello")
local CONTEXT = base.base64("context")

local function moved(from, to, name)
  ok(from, "update", "keys/" .. name .. "/rotate")
  ok(from, "update", "keys/" .. name .. "/config", { min_decryption_version = 2 })
  ok(from, "update", "keys/" .. name .. "/config", { exportable = true, allow_plaintext_backup = true })
  local backup = ok(from, "read", "backup/" .. name).backup
  ok(to, "update", "restore/" .. name, { backup = backup })
  ok(from, "update", "keys/" .. name .. "/config", { min_decryption_version = 1 })
  ok(to, "update", "keys/" .. name .. "/config", { min_decryption_version = 1 })
end

local function encrypts(a, b, name, more)
  for version = 1, 2 do
    local given = { plaintext = HELLO, key_version = version }
    for field, value in pairs(more or {}) do
      given[field] = value
    end
    local sealed = ok(a, "update", "encrypt/" .. name, given)
    local opened = { ciphertext = sealed.ciphertext, context = given.context, associated_data = given.associated_data }
    check(ok(b, "update", "decrypt/" .. name, opened).plaintext == HELLO, "%s opens", name)
  end
end

local HOWS = {
  { hash_algorithm = "sha2-256" }, { hash_algorithm = "sha2-512", marshaling_algorithm = "jws" },
  { hash_algorithm = "sha3-256" }, { hash_algorithm = "sha1" }, { signature_algorithm = "pkcs1v15" },
  { salt_length = "hash" }, { salt_length = "17" },
}

local function signs(a, b, name, context)
  for i, how in ipairs(HOWS) do
    if name:find("ed25519", 1, true) and i == 2 then
      how = { marshaling_algorithm = "jws" } -- SHA-512 would mean Ed25519ph, which neither has
    end
    local given = { input = HELLO, context = context }
    for field, value in pairs(how) do
      given[field] = value
    end
    local signed = ok(a, "update", "sign/" .. name, given)
    given.signature = signed.signature
    check(ok(b, "update", "verify/" .. name, given).valid == true, "%s: signature verifies", name)
    given.input = CONTEXT
    check(ok(b, "update", "verify/" .. name, given).valid == false, "%s: another text does not", name)
  end
end

local function same_fields(name, kind)
  local left, right = ok(theirs, "read", "keys/" .. name), ok(ours, "read", "keys/" .. name)
  for field, value in pairs(left) do
    local mine = right[field]
    local free = field == "backup_info" or field == "restore_info"
    if field == "keys" and kind ~= "hmac" then
      for number, version in pairs(value) do
        if type(version) == "table" then
          check(version.public_key == mine[number].public_key and version.name == mine[number].name,
            "%s: public half %s: %s and %s", name, number, version.public_key, mine[number].public_key)
          for inner in pairs(version) do
            check(mine[number][inner] ~= nil, "%s: a version has no %s", name, inner)
          end
        else
          check(version == mine[number], "%s: time of version %s", name, number)
        end
      end
    elseif not free then
      check(json.encode(value) == json.encode(mine), "%s: %s is %s there, %s here", name, field, json.encode(value),
        json.encode(mine))
    end
  end
end

local KINDS = {
  { "aes256-gcm96", encrypts = true }, { "aes128-gcm96", encrypts = true },
  { "chacha20-poly1305", encrypts = true }, { "rsa-2048", encrypts = true, signs = true },
  { "rsa-3072", encrypts = true, signs = true }, { "ecdsa-p256", signs = true }, { "ecdsa-p384", signs = true },
  { "ecdsa-p521", signs = true }, { "ed25519", signs = true }, { "hmac", options = { key_size = 48 } },
  { "aes256-gcm96", name = "derived", encrypts = true, context = CONTEXT, options = { derived = true } },
  { "aes128-gcm96", name = "convergent128", encrypts = true, context = CONTEXT, convergent = true,
    options = { derived = true, convergent_encryption = true } },
  { "chacha20-poly1305", name = "convergent", encrypts = true, context = CONTEXT, convergent = true,
    options = { derived = true, convergent_encryption = true } },
  { "ed25519", name = "derived-ed25519", signs = true, context = CONTEXT, options = { derived = true } },
}

local function key(kind, from, to, prefix)
  local name = prefix .. (kind.name or kind[1])
  local options = { type = kind[1] }
  for field, value in pairs(kind.options or {}) do
    options[field] = value
  end
  ok(from, "update", "keys/" .. name, options)
  moved(from, to, name)
  for _, way in ipairs({ { theirs, ours }, { ours, theirs } }) do
    local a, b = way[1], way[2]
    if kind.encrypts then
      encrypts(a, b, name, { context = kind.context })
      if not kind[1]:find("^rsa") then
        encrypts(a, b, name, { context = kind.context, associated_data = HELLO })
      end
    end
    if kind.signs then
      signs(a, b, name, kind.context)
    end
    local mac = ok(a, "update", "hmac/" .. name .. "/sha2-384", { input = HELLO }).hmac
    check(ok(b, "update", "verify/" .. name .. "/sha2-384", { input = HELLO, hmac = mac }).valid, "%s: HMAC", name)
  end
  if kind.convergent then
    local given = { plaintext = HELLO, context = kind.context }
    check(ok(theirs, "update", "encrypt/" .. name, given).ciphertext
      == ok(ours, "update", "encrypt/" .. name, given).ciphertext, "%s: the same ciphertext", name)
  end
  for _, what in ipairs({ "encryption-key", "signing-key", "hmac-key", kind.context and "hmac-key" or "public-key" }) do
    local a_status, a = theirs("read", "export/" .. what .. "/" .. name)
    local b_status, b = ours("read", "export/" .. what .. "/" .. name)
    check((a_status >= 400) == (b_status >= 400) and (a_status ~= 200 or json.encode(a) == json.encode(b)),
      "%s: export of %s: %s %s and %s %s", name, what, a_status, json.encode(a), b_status, json.encode(b))
  end
  same_fields(name, kind[1])
end

-- The same key, wrapped for each, is the same key.
local function imports()
  local pair = assert(crypto.pkey_generate("rsa", 2048))
  local pem <close> = pair:secret()
  local der = base.unbase64((pem:reveal():gsub("%-%-%-%-%-[^\n]*", ""):gsub("%s", "")))
  for name, secret in pairs({ ["aes256-gcm96"] = crypto.random(32), ["rsa-2048"] = der }) do
    for _, who in ipairs({ theirs, ours }) do
      local wrapping = assert(crypto.pkey_parse(ok(who, "read", "wrapping_key").public_key))
      local kek = crypto.random(32)
      ok(who, "update", "keys/import-" .. name .. "/import", { type = name, hash_function = "SHA384",
        ciphertext = base.base64(wrapping:oaep_seal("sha384", "sha384", "", kek) .. crypto.kwp_seal(kek, secret)) })
      ok(who, "update", "keys/import-" .. name .. "/import_version", {
        ciphertext = base.base64(wrapping:oaep_seal("sha256", "sha256", "", kek) .. crypto.kwp_seal(kek, secret)) })
    end
    encrypts(theirs, ours, "import-" .. name)
    encrypts(ours, theirs, "import-" .. name)
  end
end

-- What both refuse, or both take. Some mistakes of a caller are 500 there.
local SAME = {
  { "update", "keys/none", { type = "des" } },
  { "update", "keys/none", { convergent_encryption = true } },
  { "update", "keys/none", { type = "hmac", key_size = 8 } },
  { "update", "keys/none", { auto_rotate_period = "1m" } },
  { "read", "keys/none" },
  { "update", "decrypt/none", { ciphertext = "vault:v1:AAAA" } },
  { "update", "keys/same", { derived = false } },
  { "update", "encrypt/same", {} },
  { "update", "encrypt/same", { plaintext = "" } },
  { "update", "encrypt/same", { plaintext = "?" } },
  { "update", "encrypt/same", { plaintext = HELLO, key_version = 7 } },
  { "update", "encrypt/same", { plaintext = HELLO, key_version = -1 } },
  { "update", "encrypt/same", { plaintext = HELLO, nonce = HELLO } },
  { "update", "encrypt/same", { batch_input = {} } },
  { "update", "encrypt/same", { batch_input = { { plaintext = HELLO }, { plaintext = "?" } } } },
  { "update", "decrypt/same", { ciphertext = "vault:v1:AAAA" } },
  { "update", "decrypt/same", { ciphertext = "vault:v2:AAAA" } },
  { "update", "decrypt/same", { ciphertext = "AAAA" } },
  { "update", "decrypt/same", { batch_input = { { ciphertext = "AAAA" } } } },
  { "update", "rewrap/same", { batch_input = { { ciphertext = "AAAA" } } } },
  { "update", "sign/same", { input = HELLO } },
  { "update", "keys/pure", { type = "ed25519" } },
  { "update", "sign/pure", { input = HELLO, prehashed = true } },
  { "update", "sign/pure/sha2-512", { input = HELLO } },
  { "update", "sign/pure/sha2-384", { input = HELLO } },
  { "update", "keys/imported/import", {} },
  { "update", "keys/imported/import", { ciphertext = HELLO } },
  { "update", "keys/same/import", { ciphertext = HELLO } },
  { "update", "keys/import-aes256-gcm96/rotate" },
  { "update", "hmac/same", {} },
  { "update", "hmac/same", { batch_input = { {} } } },
  { "update", "verify/same", { input = HELLO } },
  { "update", "verify/same", { input = HELLO, hmac = "vault:v9:AAAA" } },
  { "update", "verify/same", { batch_input = { { input = HELLO, hmac = "AAAA" } } } },
  { "update", "datakey/plaintext/same", { bits = 100 } },
  { "update", "datakey/other/same" },
  { "update", "random/0" },
  { "update", "random/32", { format = "hex" } },
  { "update", "hash/sha2-512", { input = HELLO } },
  { "update", "hash/md5", { input = HELLO } },
  { "update", "keys/same/config", { min_decryption_version = 9 } },
  { "update", "keys/same/config", { min_encryption_version = -1 } },
  { "update", "keys/same/trim", { min_available_version = 1 } },
  { "read", "export/encryption-key/same" },
  { "read", "backup/same" },
  { "delete", "keys/same" },
}

local function statuses()
  for _, one in ipairs(SAME) do
    local a, left = theirs(table.unpack(one))
    local b, right = ours(table.unpack(one))
    check(a == b or a == 500 and b == 400, "%s %s %s: %s there, %s here: %s, %s", one[1], one[2],
      json.encode(one[3] or {}), a, b, json.encode(left), json.encode(right))
  end
end

local result, e = async.run(function()
  http.request({ url = url .. "/v1/sys/mounts/transit", method = "POST", headers = { ["x-vault-token"] = token },
    body = '{"type":"transit"}' })
  m = vault.mount(require("prov.vault.engines.transit"), { now = os.time() })
  for _, kind in ipairs(KINDS) do
    key(kind, theirs, ours, "there-")
    key(kind, ours, theirs, "here-")
  end
  imports()
  statuses()
  return data.list({})
end)
if not result then
  io.stderr:write(tostring(e), "\n")
  return 1
end
print(checks .. " checks beside Vault")
return 0
