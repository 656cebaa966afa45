---@meta core.crypto

--- Primitives over OpenSSL, in a shared object that is loaded at first use.
local crypto = {}

---@class prov.Sealer an opaque box for store.open

--- n bytes nobody can guess.
---@param n integer up to 16 MiB
---@return string? bytes
---@return prov.Err? err
function crypto.random(n) end

--- SHA-256 in hexadecimal.
---@param bytes string
---@return string? hex
---@return prov.Err? err
function crypto.sha256(bytes) end

--- HMAC-SHA-256, in hexadecimal or as its 32 bytes.
---@param key string
---@param bytes string
---@param raw? boolean
---@return string? hex
---@return prov.Err? err
function crypto.hmac(key, bytes, raw) end

--- Compares in a time that depends on the lengths only.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

--- AES-256-GCM: nonce, ciphertext and tag in one string.
---@param key string 32 bytes
---@param nonce? string 12 bytes that never repeat under this key; a random one when nil
---@param plain string
---@param aad? string bytes that are bound to the result but not in it
---@return string? sealed
---@return prov.Err? err "invalid": the key's length
function crypto.seal(key, nonce, plain, aad) end

--- The reverse of seal.
---@param key string
---@param sealed string
---@param aad? string
---@return string? plain
---@return prov.Err? err "auth": another key, other bytes or another aad
function crypto.open(key, sealed, aad) end

--- What store.open takes as `sealer`.
---@param key string 32 bytes
---@return prov.Sealer? box
---@return prov.Err? err "invalid"
function crypto.sealer(key) end

--- The key in a file; the file is made with a new key and mode 0600 when it is absent.
---@param path string
---@return string? key 32 bytes
---@return prov.Err? err "denied" (mode, owner, link), "corrupt" (size)
function crypto.keyfile(path) end

return crypto
