local params = require("prov.age.params")

return {
  kind = "operation",
  name = "age encrypt",
  summary = "Encrypt a file with age",
  description = [[
Writes an age file, version 1, that `age` reads as well. It is for all the recipients, each of whom can decrypt it
alone. A passphrase is asked for on the terminal, or taken from PROV_AGE_PASSPHRASE.]],
  terminal = true,
  params = params.with({
    armor = { type = "bool", default = false, short = "a", doc = "Write a text, in PEM" },
  }, params.RECIPIENTS, params.FILES),
  examples = { "prov age encrypt dump.sql --recipient age1... --out dump.sql.age",
    "tar c . | prov age encrypt -R team.txt > backup.age" },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "int", doc = "Bytes that were written" } },
  view = "silent",
  run = function(_, p)
    return require("prov.age.command").encrypt(p)
  end,
}
