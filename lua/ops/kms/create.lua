return {
  kind = "operation",
  name = "kms create",
  summary = "Make a file of keys that other keys can be wrapped with",
  description = [[
The file (mode 0600) is a KMS of its own: put it where the workspace is not, on a stick or another disk, and name it
with 'prov state rekey --kms local:FILE'. With --passphrase what it holds is sealed under the passphrase (Argon2id);
PROV_KMS_PASSPHRASE or the terminal gives it.]],
  params = {
    file = { type = "path", required = true, positional = 1, doc = "The file, which must not exist yet" },
    passphrase = { type = "bool", default = false, short = "p", doc = "Seal it with a passphrase" },
  },
  examples = { "prov kms create /media/stick/shop.keys --passphrase" },
  terminal = true,
  result = { schema = { kms = { type = "string", required = true, doc = "What --kms calls it" } } },
  run = function(_, p)
    return require("prov.kms.command").create(p)
  end,
}
