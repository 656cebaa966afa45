return {
  kind = "operation",
  name = "secret encrypt",
  summary = "Encrypt the values of a file as SOPS does",
  description = [[
Writes a SOPS file, which `sops` reads as well: the names stay readable, every value is encrypted. Order, comments
and style stay; comments are encrypted too. For whom, and which values, say the flags or the
creation rules in .sops.yaml.]],
  terminal = true,
  params = {
    file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
    filename = { type = "string", metavar = "NAME",
      doc = "Name of the standard input, for format and rule" },
    out = { type = "path", doc = "Write to this file; else to the standard output" },
    in_place = { type = "bool", default = false, doc = "Write the file itself" },
    format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
      doc = "Format of the file; else its ending says it" },
    rules = { type = "path", metavar = "FILE", doc = "The .sops.yaml to use; else the one here or above" },
    recipient = { type = "list", of = { type = "string" }, short = "r", metavar = "KEY",
      doc = "Who may decrypt: age1... or a key of SSH; else .sops.yaml says it" },
    unencrypted_suffix = { type = "string",
      doc = "Leave values below names that end so (_unencrypted)" },
    encrypted_suffix = { type = "string", doc = "Encrypt only values below names that end so" },
    unencrypted_regex = { type = "string", doc = "Leave values below names that match" },
    encrypted_regex = { type = "string", doc = "Encrypt only values below names that match" },
    unencrypted_comment_regex = { type = "string", doc = "Leave values below comments that match" },
    encrypted_comment_regex = { type = "string", doc = "Encrypt only values below comments that match" },
    mac_only_encrypted = { type = "bool", default = false,
      doc = "Let anybody change values that are not encrypted" },
  },
  examples = {
    "prov secret encrypt secrets.yaml --in-place --recipient age1...",
    "prov secret encrypt prod.env --out prod.enc.env",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "bool", doc = "True" } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.command").encrypt(p)
  end,
}
