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
          doc = "What it is: text, random bytes in hexadecimal, a pair of keys (PEM), one for SSH, a certificate with "
            .. "its key; `given` is never made: somebody sets it",
        },
        length = { type = "int", min = 8, max = 4096, doc = "Characters of a password (32), bytes of a token (32)" },
        alphabet = {
          type = "string",
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
