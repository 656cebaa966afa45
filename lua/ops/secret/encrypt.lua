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
      doc = "The name that says format and rule, for the standard input" },
    out = { type = "path", doc = "Write to this file, whole or not at all; else to the standard output" },
    in_place = { type = "bool", default = false, doc = "Write the file itself" },
    format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
      doc = "Format of the file; else its ending says it, and what has no known one is binary" },
    rules = { type = "path", metavar = "FILE", doc = "The .sops.yaml to use; else the one here or above" },
    recipient = { type = "list", of = { type = "string" }, short = "r",
      doc = "Who may decrypt: age1..., or a public key of SSH; else SOPS_AGE_RECIPIENTS or .sops.yaml say it" },
    unencrypted_suffix = { type = "string",
      doc = "Leave values below names that end so; _unencrypted when nothing is said" },
    encrypted_suffix = { type = "string", doc = "Encrypt values below names that end so, and no others" },
    unencrypted_regex = { type = "string", doc = "Leave values below names that match" },
    encrypted_regex = { type = "string", doc = "Encrypt values below names that match, and no others" },
    unencrypted_comment_regex = { type = "string", doc = "Leave values below comments that match" },
    encrypted_comment_regex = { type = "string", doc = "Encrypt values below comments that match, and no others" },
    mac_only_encrypted = { type = "bool", default = false,
      doc = "Let values that are not encrypted be changed by anybody" },
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
