return {
  kind = "operation",
  name = "age rekey",
  summary = "Encrypt an age file to other recipients",
  description = [[
Decrypts the file and writes it anew, whole or not at all, with a new key inside: who is a recipient no longer cannot
read what the file holds from now on. What they have read, or kept a copy of, they have.]],
  terminal = true,
  params = {
    file = { type = "path", required = true, positional = 1, doc = "The file" },
    identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
      doc = "Identities to decrypt with: age's, or a private key of SSH" },
    passphrase = { type = "bool", default = false, short = "p", doc = "Decrypt with a passphrase" },
    recipient = { type = "list", of = { type = "string" }, short = "r",
      doc = "Who may decrypt: age1..., or a public key of SSH" },
    recipients_file = { type = "list", of = { type = "path" }, short = "R", metavar = "FILE",
      doc = "Files of recipients, one in a line" },
    to_identity = { type = "list", of = { type = "path" }, metavar = "FILE",
      doc = "Files of identities, whose public halves are recipients" },
    with_passphrase = { type = "bool", default = false, doc = "Encrypt with a passphrase, and to nobody else" },
  },
  examples = { "prov age rekey secrets.age -i key.txt -R team.txt" },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      file = { type = "string", required = true, doc = "The file" },
      recipients = { type = "int", required = true, doc = "For how many it is now" },
    },
  },
  run = function(_, p)
    return require("prov.age.command").rekey(p)
  end,
}
