return {
  kind = "operation",
  name = "age encrypt",
  summary = "Encrypt a file with age",
  description = [[
Writes an age file, version 1, that `age` reads as well. It is for all the recipients, each of whom can decrypt it
alone. A passphrase is asked for on the terminal, or taken from PROV_AGE_PASSPHRASE.]],
  terminal = true,
  params = {
    file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
    out = { type = "path", doc = "Write to this file, whole or not at all; else to the standard output" },
    recipient = { type = "list", of = { type = "string" }, short = "r",
      doc = "Who may decrypt: age1..., or a public key of SSH" },
    recipients_file = { type = "list", of = { type = "path" }, short = "R", metavar = "FILE",
      doc = "Files of recipients, one in a line" },
    to_identity = { type = "list", of = { type = "path" }, metavar = "FILE",
      doc = "Files of identities, whose public halves are recipients" },
    with_passphrase = { type = "bool", default = false, doc = "Encrypt with a passphrase, and to nobody else" },
    armor = { type = "bool", default = false, short = "a", doc = "Write a text, in PEM" },
  },
  examples = { "prov age encrypt dump.sql --recipient age1... --out dump.sql.age",
    "tar c . | prov age encrypt -R team.txt > backup.age" },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "int", doc = "Bytes that were written" } },
  view = "silent",
  run = function(_, p)
    return require("prov.age.command").encrypt(p)
  end,
}
