local ALPHABETS = { alnum = true, letters = true, digits = true, hex = true, printable = true }
local FEWEST = 8 -- characters of an alphabet: a misspelt name would be one of a few letters

local function good_alphabet(text)
  local seen, n = {}, 0
  for char in text:gmatch(".") do
    if char:byte() < 33 or char:byte() > 126 or seen[char] and not ALPHABETS[text] then
      return false, "an alphabet is of different visible ASCII characters, or alnum, letters, digits, hex, printable"
    end
    seen[char], n = true, n + 1
  end
  return ALPHABETS[text] or n >= FEWEST,
    ("one of alnum, letters, digits, hex, printable, or %d different characters at least"):format(FEWEST)
end

local function good_type(type_name, rule)
  return type_name ~= "certificate" or rule.authority or rule.names ~= nil and #rule.names > 0,
    "a certificate is for somebody: names: [shop.example]"
end

---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "secrets",
  summary = "Secrets of the workspace: made by a rule, kept and versioned in a vault or a SOPS file",
  description = [[
`secret("db/password")` in an infra is the value of `secret.db/password`, which prov makes when there is none. The part
`secrets` says by which rule:

    secrets:
      db/password: { length: 40 }
      deploy: { type: ssh_key }
      web/tls: { type: certificate, names: [shop.example], ttl: 90d }
      hetzner/token: { type: given }

What is kept already (`prov secret set`) is taken as it is. Where they are kept is a setting: `secrets.file` or
`secrets.address`, else the workspace's own vault.]],
  resources = {
    secret = {
      body = "secret",
      schema = {
        type = {
          type = "enum",
          one_of = { "password", "token", "key", "ssh_key", "certificate", "given" },
          default = "password",
          check = good_type,
          doc = "What it is: text, random bytes in hexadecimal, a pair of keys (PEM), one for SSH, a certificate with "
            .. "its key; `given` is never made: somebody sets it",
        },
        length = { type = "int", min = 8, max = 4096, doc = "Characters of a password (32), bytes of a token (32)" },
        alphabet = {
          type = "string",
          check = good_alphabet,
          doc = "What a password is made of: alnum (the default), letters, digits, hex, printable, or the "
            .. "characters themselves",
        },
        algorithm = {
          type = "enum",
          one_of = { "ed25519", "p256", "rsa2048", "rsa3072", "rsa4096" },
          doc = "Of keys: ed25519 by default; of certificates: p256",
        },
        names = { type = "list", of = { type = "string" }, doc = "Names and addresses a certificate is for" },
        ttl = { type = "duration", doc = "How long a certificate is good: 90d by default" },
        authority = { type = "bool", doc = "The certificate may sign others" },
        issuer = { type = "string", doc = "Name of the secret that signs the certificate; itself when absent" },
        max_age = { type = "duration", doc = "Noted when it is older: it should be rotated by then" },
      },
      outputs = {
        id = { type = "string" },
        version = { type = "int" },
        created = { type = "string" },
        value = { type = "secret" },
        public_key = { type = "string" },
        certificate = { type = "string" },
        chain = { type = "string" },
        expires = { type = "string" },
      },
    },
  },
}
