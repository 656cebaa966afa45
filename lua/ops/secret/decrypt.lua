local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret decrypt",
  summary = "Decrypt a SOPS file",
  description = [[
The values, their places and the MAC over all of them are checked before anything is written. Keys are found as `sops`
finds them: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD, SOPS_AGE_SSH_PRIVATE_KEY_FILE,
SOPS_AGE_SSH_PRIVATE_KEY_CMD, ~/.config/sops/age/keys.txt, ~/.ssh/id_ed25519 and id_rsa; also PROV_AGE_KEY_FILE.]],
  terminal = true,
  params = params.with({
    file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
  }, "filename", "out", "in_place", "format", "identity", "ignore_mac"),
  examples = {
    "prov secret decrypt secrets.yaml",
    "prov secret decrypt secrets.env -i key.txt --out .env",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "bool", doc = "True" } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.command").decrypt(p)
  end,
}
