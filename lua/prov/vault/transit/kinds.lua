--- Types of keys of the transit engine, by the name Vault's API has for them.

---@class prov.vault.transit.Kind
---@field id integer in backups of Vault
---@field aead? string
---@field size? integer bytes of a key of AES, ChaCha20 or HMAC
---@field pkey? prov.PkeyType
---@field bits? integer of RSA
---@field title? string what the answer about a public key calls it
---@field encrypts? boolean
---@field signs? boolean
---@field derives? boolean

---@type table<string, prov.vault.transit.Kind>
return {
  ["aes256-gcm96"] = { id = 0, aead = "aes-256-gcm", size = 32, encrypts = true, derives = true },
  ["aes128-gcm96"] = { id = 8, aead = "aes-128-gcm", size = 16, encrypts = true, derives = true },
  ["chacha20-poly1305"] = { id = 5, aead = "chacha20-poly1305", size = 32, encrypts = true, derives = true },
  ["ecdsa-p256"] = { id = 1, pkey = "p256", title = "P-256", signs = true },
  ["ecdsa-p384"] = { id = 6, pkey = "p384", title = "P-384", signs = true },
  ["ecdsa-p521"] = { id = 7, pkey = "p521", title = "P-521", signs = true },
  ed25519 = { id = 2, pkey = "ed25519", title = "ed25519", signs = true, derives = true },
  ["rsa-2048"] = { id = 3, pkey = "rsa", bits = 2048, title = "rsa-2048", encrypts = true, signs = true },
  ["rsa-3072"] = { id = 9, pkey = "rsa", bits = 3072, title = "rsa-3072", encrypts = true, signs = true },
  ["rsa-4096"] = { id = 4, pkey = "rsa", bits = 4096, title = "rsa-4096", encrypts = true, signs = true },
  hmac = { id = 11, size = 32 },
}
