---@meta core.crypto

--- Digests, random bytes and sealing. Opened at first use, because libcrypto is heavy.
local crypto = {}

---@class prov.Sealer an opaque box for store.open

--- Gives n random bytes.
---@param n integer
---@return string bytes
function crypto.random(n) end

--- Gives the SHA-256 of the bytes in hex.
---@param bytes string
---@return string hex
function crypto.sha256(bytes) end

--- Gives the HMAC-SHA-256 in hex.
---@param key string
---@param bytes string
---@return string hex
function crypto.hmac(key, bytes) end

--- Compares in a time that depends on the lengths only.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

--- Seals with AES-256-GCM.
---@param key32 string 32 bytes
---@param nonce? string 12 bytes, random by default
---@param plain string
---@param aad? string bytes that are bound but not sealed
---@return string? sealed
---@return prov.Err? err
function crypto.seal(key32, nonce, plain, aad) end

--- Opens what seal made.
---@param key32 string
---@param sealed string
---@param aad? string
---@return string? plain
---@return prov.Err? err "auth": not this key, these bytes or this aad
function crypto.open(key32, sealed, aad) end

--- Makes the box with which a store seals its values.
---@param key32 string
---@return prov.Sealer?
---@return prov.Err? err
function crypto.sealer(key32) end

--- Reads the key file, making it with mode 0600 when absent.
---@param path string
---@return string? key32
---@return prov.Err? err
function crypto.keyfile(path) end

return crypto
