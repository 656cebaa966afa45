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

---@class prov.Secret bytes in locked memory, wiped when they are closed
local secret = {}

--- The bytes, as a string that is not wiped.
---@return string
function secret:reveal() end

--- Wipes the bytes; `<close>` does it too.
function secret:close() end

--- Two digits for each byte.
---@param bytes string
---@return string
function crypto.hex(bytes) end

---@alias prov.Hash "md5"|"sha1"|"sha224"|"sha256"|"sha384"|"sha512"|"sha3-224"|"sha3-256"|"sha3-384"|"sha3-512"

--- Copies bytes into locked memory.
---@param bytes string
---@return prov.Secret
function crypto.secret(bytes) end

--- A digest, as bytes.
---@param name prov.Hash
---@param bytes string
---@return string? digest
---@return prov.Err? err
function crypto.hash(name, bytes) end

--- HMAC with any of them, as bytes.
---@param name prov.Hash
---@param key string|prov.Secret
---@param bytes string
---@return string? mac
---@return prov.Err? err
function crypto.mac(name, key, bytes) end

---@class prov.Hasher
local hasher = {}

--- A random UUID (RFC 9562, version 4).
---@return string? uuid
---@return prov.Err? err
function crypto.uuid() end

--- A digest of what comes in pieces; with a key its HMAC, in a third of the time of mac().
---@param name prov.Hash
---@param key? string|prov.Secret
---@return prov.Hasher?
---@return prov.Err? err
function crypto.hasher(name, key) end

---@param bytes string
---@return prov.Hasher?
---@return prov.Err? err
function hasher:add(bytes) end

--- The digest; the hasher begins anew.
---@return string? digest
---@return prov.Err? err
function hasher:finish() end

function hasher:close() end

---@class prov.Aead a key that is set up
local aead = {}

--- Authenticated encryption.
---@param name "aes-256-gcm"|"chacha20-poly1305"|"aes-128-gcm"
---@param key string|prov.Secret 32 bytes, of aes-128-gcm 16
---@return prov.Aead?
---@return prov.Err? err "invalid": the key's length
function crypto.aead(name, key) end

--- Ciphertext and tag. The nonce must never repeat under this key.
---@param nonce string 12 bytes; of AES 1 to 128
---@param plain string|prov.Secret
---@param aad? string
---@return string? sealed
---@return prov.Err? err
function aead:seal(nonce, plain, aad) end

---@param nonce string
---@param sealed string
---@param aad? string
---@return string? plain
---@return prov.Err? err "auth": another key, nonce, aad, or other bytes
function aead:open(nonce, sealed, aad) end

--- Opens a value of a SOPS file, ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]; the key is one of aes-256-gcm.
---@param text string
---@param place string|string[] additional data; a list is joined by colons, with one more at the end
---@return string? plain
---@return string|prov.Err type str, int, float, bool, time, comment or bytes; else "auth", "invalid"
---@return integer? iv how many bytes it has
function aead:open_value(text, place) end

function aead:close() end

--- Wraps a key with another (AES key wrap with padding, RFC 5649).
---@param kek string|prov.Secret 16, 24 or 32 bytes
---@param plain string|prov.Secret up to 64 KiB
---@return string? wrapped
---@return prov.Err? err "invalid": a length
function crypto.kwp_seal(kek, plain) end

---@param kek string|prov.Secret
---@param wrapped string
---@return prov.Secret? plain
---@return prov.Err? err "invalid", "auth": another key, or other bytes
function crypto.kwp_open(kek, wrapped) end

--- HKDF (RFC 5869).
---@param name prov.Hash
---@param key string|prov.Secret
---@param salt string
---@param info string
---@param len integer
---@return string? bytes
---@return prov.Err? err
function crypto.hkdf(name, key, salt, info, len) end

--- A key from a password, on another thread. Costs: of scrypt { log2 of N, r, p }, of Argon2id { passes, KiB, lanes },
--- of PBKDF2 with SHA-256 { iterations }.
---@param how "scrypt"|"argon2id"|"pbkdf2"
---@param password string|prov.Secret
---@param salt string
---@param costs integer[]
---@param len integer
---@param cb fun(bytes: string?, err: prov.Err?)
---@return true
function crypto.derive(how, password, salt, costs, len, cb) end

---@class prov.Pkey a key pair, or its public half
local pkey = {}

---@alias prov.PkeyType "x25519"|"ed25519"|"p256"|"p384"|"p521"|"rsa"
---@alias prov.Signature "ed25519"|"ecdsa"|"jose"|"rsa-pss"|"rsa-pkcs1" ECDSA in DER, or as JSON Web Signatures have it

--- Makes a pair; on another thread when there is a callback, for RSA takes its time.
---@param type prov.PkeyType
---@param bits? integer of RSA: 2048 to 8192, 3072 by default
---@param cb? fun(key: prov.Pkey?, err: prov.Err?)
---@return prov.Pkey|true|nil
---@return prov.Err? err
function crypto.pkey_generate(type, bits, cb) end

--- From 32 bytes (x25519, ed25519) or an uncompressed point (of a curve, public).
---@param type prov.PkeyType
---@param half "public"|"secret"
---@param bytes string|prov.Secret
---@return prov.Pkey?
---@return prov.Err? err "invalid"
function crypto.pkey_raw(type, half, bytes) end

--- From PEM or DER.
---@param text string|prov.Secret
---@param passphrase? string|prov.Secret
---@return prov.Pkey?
---@return prov.Err? err "invalid", "auth": the passphrase
function crypto.pkey_parse(text, passphrase) end

--- From a private key file or a public line of SSH.
---@param text string|prov.Secret
---@param passphrase? string|prov.Secret
---@return prov.Pkey?
---@return prov.Err? err "invalid", "unsupported", "auth": the passphrase
function crypto.pkey_ssh(text, passphrase) end

---@return prov.PkeyType
---@return boolean has_secret
---@return integer bits 2048 and more of RSA, 521 of p521
function pkey:type() end

---@param form? "pem"|"raw"|"ssh"|"wire" PEM by default
---@return string?
---@return prov.Err? err
function pkey:public(form) end

---@param form? "pem"|"raw"|"old" PEM of PKCS #8 by default; "old" is that of PKCS #1 (RSA) and RFC 5915 (EC)
---@return prov.Secret?
---@return prov.Err? err "invalid": there is none
function pkey:secret(form) end

--- What both sides of X25519 come to.
---@param theirs prov.Pkey
---@return prov.Secret?
---@return prov.Err? err "auth": a point of small order
function pkey:agree(theirs) end

---@param how prov.Signature
---@param text string
---@param hash? prov.Hash SHA-256 by default; not of Ed25519
---@param hashed? boolean whether the text is its own digest
---@param salt? "hash"|"auto"|integer of RSA-PSS: as long as the hash by default, as long as possible, or bytes
---@return string? signature
---@return prov.Err? err "invalid": the key cannot
function pkey:sign(how, text, hash, hashed, salt) end

---@param how prov.Signature
---@param text string
---@param signature string
---@param hash? prov.Hash
---@param hashed? boolean
---@param salt? "hash"|"auto"|integer "auto" takes any
---@return true?
---@return prov.Err? err "auth": not the signature
function pkey:verify(how, text, signature, hash, hashed, salt) end

---@param hash prov.Hash
---@param mgf prov.Hash
---@param label string
---@param plain string|prov.Secret
---@return string? sealed
---@return prov.Err? err "limit", "invalid"
function pkey:oaep_seal(hash, mgf, label, plain) end

---@param hash prov.Hash
---@param mgf prov.Hash
---@param label string
---@param sealed string
---@return prov.Secret?
---@return prov.Err? err "auth"
function pkey:oaep_open(hash, mgf, label, sealed) end

function pkey:close() end

--- What a certificate says. Lists have { type, value } pairs; those of usage, ext_usage and policies just values.
---@class prov.CertFacts
---@field subject? string[][] { "CN", "x" }, { "O", "y" }...; the type may be an OID
---@field issuer? string[][] read only
---@field names? string[][] { "dns" | "ip" | "email" | "uri", value }
---@field permitted? string[][] name constraints: the same, an ip with /prefix
---@field excluded? string[][]
---@field usage? string[] "digitalSignature", "keyCertSign"...
---@field ext_usage? string[] "serverAuth", "clientAuth"... or an OID
---@field urls? string[][] { "issuer" | "ocsp" | "crl", url }
---@field policies? string[] OIDs
---@field ca? boolean
---@field path_len? integer how many authorities may follow; any number when nil
---@field not_before? integer seconds since 1970
---@field not_after? integer
---@field serial? string big endian; random when nil
---@field hash? prov.Hash of a signature by RSA: "sha256" by default; not read
---@field signature? string its algorithm; read only
---@field subject_id? string key identifiers; read only
---@field authority_id? string

---@class prov.CrlFacts
---@field number integer
---@field this_update integer seconds since 1970
---@field next_update integer
---@field hash? prov.Hash of a signature by RSA
---@field revoked { serial: string, time: integer, reason?: integer }[]

---@class prov.Cert
local cert = {}

---@class prov.Csr a request for a certificate
local csr = {}

--- Makes a certificate of a public key, by an issuer, or by itself when that is nil.
---@param facts prov.CertFacts
---@param key prov.Pkey
---@param issuer prov.Cert?
---@param signer prov.Pkey with its secret half
---@return prov.Cert?
---@return prov.Err? err "invalid": what cannot be written, or signer is not the issuer's
function crypto.cert_make(facts, key, issuer, signer) end

--- Reads the first certificate of a PEM, or a DER.
---@param text string
---@return prov.Cert?
---@return prov.Err? err "invalid"
function crypto.cert_parse(text) end

--- Asks for a certificate of a key.
---@param facts prov.CertFacts
---@param key prov.Pkey
---@return prov.Csr?
---@return prov.Err? err "invalid"
function crypto.csr_make(facts, key) end

---@param text string PEM or DER
---@return prov.Csr?
---@return prov.Err? err "invalid", "auth": it is not signed by its own key
function crypto.csr_parse(text) end

--- The DER of a list of revoked certificates.
---@param issuer prov.Cert
---@param signer prov.Pkey
---@param list prov.CrlFacts
---@return string? der
---@return prov.Err? err "invalid"
function crypto.crl_make(issuer, signer, list) end

---@return string? der
---@return prov.Err? err
function cert:der() end

---@return prov.CertFacts?
---@return prov.Err? err "invalid": an extension is malformed
function cert:facts() end

---@return prov.Pkey?
---@return prov.Err? err "invalid": of another type
function cert:key() end

--- Whether a chain leads to one of the roots, which may be below others.
---@param roots prov.Cert[]
---@param middle prov.Cert[]
---@param time integer seconds since 1970
---@param purpose? "server"|"client"|"email"|""
---@return true?
---@return prov.Err? err "auth": which certificate is wrong, and why
function cert:check(roots, middle, time, purpose) end

function cert:close() end

---@return string? der
---@return prov.Err? err
function csr:der() end

---@return prov.CertFacts?
---@return prov.Err? err
function csr:facts() end

---@return prov.Pkey?
---@return prov.Err? err
function csr:key() end

function csr:close() end
---@class prov.TokenPlace which token; what is nil matches every one
---@field module string path of the PKCS#11 module
---@field token? string label of the token
---@field manufacturer? string
---@field serial? string
---@field model? string
---@field slot? integer
---@field pin_file? string its first line is the PIN; nobody else may read it

---@class prov.TokenKey
---@field label string
---@field id string bytes; a version, as a big-endian number
---@field size integer bytes
---@field encrypt boolean
---@field decrypt boolean
---@field sensitive boolean
---@field extractable boolean

---@class prov.TokenInfo
---@field token string
---@field manufacturer string
---@field model string
---@field serial string
---@field slot integer
---@field mechanisms integer how many it has
---@field gcm boolean AES-GCM is one of them
---@field generate boolean so is the making of AES keys
---@field pin "fine"|"low"|"final"|"locked"

---@class prov.Token a token (HSM, card, SoftHSM) with a session; all work is on another thread
local token = {}

--- Opens a session on a token and logs in. A wrong PIN is not tried again.
---@param place prov.TokenPlace
---@param pin? prov.Secret when there is no pin_file
---@param cb fun(token: prov.Token?, err: prov.Err?) "unavailable", "auth", "denied", "invalid"
---@return true
function crypto.token(place, pin, cb) end

---@param cb fun(info: prov.TokenInfo?, err: prov.Err?)
---@return true
function token:describe(cb) end

--- The AES keys of a label, or all; the oldest version first.
---@param label? string
---@param cb fun(keys: prov.TokenKey[]?, err: prov.Err?)
---@return true
function token:keys(label, cb) end

--- Makes an AES-256 key that never leaves the token: one version after the newest of the label.
---@param label string
---@param cb fun(key: prov.TokenKey?, err: prov.Err?)
---@return true
function token:generate(label, cb) end

--- AES-256-GCM in the token: nonce, ciphertext and tag.
---@param label string
---@param id? string the newest version when nil
---@param plain string|prov.Secret up to 4096 bytes
---@param aad string
---@param cb fun(sealed: string?, id: string|prov.Err|nil) the version that did it
---@return true
function token:wrap(label, id, plain, aad, cb) end

---@param label string
---@param id? string
---@param sealed string
---@param aad string
---@param cb fun(plain: prov.Secret?, err: prov.Err?) "auth": not this key, aad or bytes; "denied": the key is gone
---@return true
function token:unwrap(label, id, sealed, aad, cb) end

--- Logs out when the last call has ended; `<close>` does it too.
function token:close() end

---@class prov.AgeKey somebody to encrypt to, or who decrypts
local age_key = {}

---@return "x25519"|"scrypt"|"ssh-ed25519"|"ssh-rsa"
function age_key:type() end

--- The recipient as a text.
---@return string? text "age1..." or "ssh-..."
---@return prov.Err? err "invalid": a passphrase has none
function age_key:public() end

--- The identity as a text.
---@return string? text "AGE-SECRET-KEY-1..."
---@return prov.Err? err "invalid": not one of X25519
function age_key:secret() end

--- Makes an identity of X25519.
---@return prov.AgeKey?
---@return prov.Err? err
function crypto.age_keygen() end

--- Reads a recipient: "age1...", "ssh-ed25519 ...", "ssh-rsa ...".
---@param text string
---@return prov.AgeKey?
---@return prov.Err? err "invalid", "unsupported": of a plugin or a type that is not known
function crypto.age_recipient(text) end

--- Reads an identity: "AGE-SECRET-KEY-1...", or a private key of SSH in PEM.
---@param text string
---@return prov.AgeKey?
---@return prov.Err? err "invalid", "unsupported", "auth": it has a passphrase
function crypto.age_identity(text) end

--- The recipient of a private key of SSH in PEM, which may have a passphrase.
---@param pem string
---@return prov.AgeKey?
---@return prov.Err? err "invalid": its form does not show it; "unsupported": of another type
function crypto.age_recipient_of(pem) end

--- Reads a private key of SSH in PEM that has a passphrase, on another thread.
---@param text string
---@param passphrase string|prov.Secret
---@param cb fun(key: prov.AgeKey?, err: prov.Err?) "auth": the passphrase is wrong; "invalid", "unsupported"
---@return true
function crypto.age_unlock(text, passphrase, cb) end

--- A passphrase, as both.
---@param text string
---@param work? integer 2^work rounds when it encrypts, 18 by default, 22 at most
---@return prov.AgeKey?
---@return prov.Err? err
function crypto.age_passphrase(text, work) end

---@class prov.AgeHeader
local age_header = {}

--- An empty header.
---@return prov.AgeHeader
function crypto.age_header() end

--- Reads the header that bytes begin with; nothing at all when it is not whole yet.
---@param bytes string
---@param last boolean whether there are no more
---@return prov.AgeHeader?
---@return integer|prov.Err|nil length where the payload begins, from 0; or the error "invalid"
function crypto.age_read(bytes, last) end

---@return { args: string[], body: string }[] stanzas the first argument is the type
function age_header:stanzas() end

--- Adds a stanza that somebody else made.
---@param args string[]
---@param body string
---@return true?
---@return prov.Err? err "invalid"
function age_header:add(args, body) end

--- Adds the file key for a recipient, on another thread.
---@param key prov.AgeKey
---@param file_key prov.Secret
---@param cb fun(ok: true?, err: prov.Err?)
---@return true
function age_header:wrap(key, file_key, cb) end

--- Finds the file key for an identity, and checks the header, on another thread.
---@param key prov.AgeKey
---@param cb fun(file_key: prov.Secret?, err: prov.Err?) "notfound", "auth", "invalid", "limit"
---@return true
function age_header:unwrap(key, cb) end

--- The header with its MAC.
---@param file_key prov.Secret
---@return string?
---@return prov.Err? err "invalid": it has no stanza
function age_header:write(file_key) end

--- Whether the header was written with this file key.
---@param file_key prov.Secret
---@return true?
---@return prov.Err? err "auth"
function age_header:check(file_key) end

--- A file key: a random one, or the 16 bytes.
---@param bytes? string
---@return prov.Secret?
---@return prov.Err? err
function crypto.age_file_key(bytes) end

---@class prov.AgeStream the payload, sealed or opened in pieces
local age_stream = {}

--- Begins a payload.
---@param file_key prov.Secret
---@return prov.AgeStream?
---@return string|prov.Err first what it begins with
function crypto.age_sealing(file_key) end

--- Begins to read a payload.
---@param file_key prov.Secret
---@return prov.AgeStream?
---@return prov.Err? err
function crypto.age_opening(file_key) end

--- Takes some bytes, and gives what is ready.
---@param bytes string
---@param last boolean whether no more come
---@return string? out
---@return prov.Err|string|nil err "corrupt"
---@return string? whole what was genuine before the error
function age_stream:feed(bytes, last) end

function age_stream:close() end

--- Seals or opens all that is left of a file, by several threads.
---@param way "seal"|"open"
---@param file_key prov.Secret
---@param before string bytes of the file that were read already
---@param input integer descriptor
---@param output integer descriptor
---@param cb fun(bytes: integer?, err: prov.Err?, written: integer?)
---@return true
function crypto.age_pump(way, file_key, before, input, output, cb) end

---@class prov.AgeArmor
local age_armor = {}

--- Turns bytes into armor, or armor into bytes.
---@param way "read"|"write"
---@return prov.AgeArmor
function crypto.age_armor(way) end

--- Takes some bytes, and gives what is ready.
---@param bytes string
---@param last boolean
---@return string? out
---@return prov.Err? err "invalid"
function age_armor:feed(bytes, last) end

function age_armor:close() end

--- Whether a file that begins so is armored.
---@param beginning string
---@return boolean
function crypto.age_is_armor(beginning) end

return crypto
