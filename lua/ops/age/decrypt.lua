local params = require("prov.age.params")

return {
  kind = "operation",
  name = "age decrypt",
  summary = "Decrypt a file of age",
  description = [[
Reads an age file, armored or not. Without --identity and --passphrase the identities are those in the file that
PROV_AGE_KEY_FILE names. The passphrase of a key is asked for on the terminal when the file is for that key, unless
PROV_AGE_PASSPHRASE holds it. With --out the file appears only when all of it was genuine; on the standard output each
piece is genuine, but only an exit code of 0 says that nothing is missing.]],
  terminal = true,
  params = params.with({}, params.IDENTITIES, params.FILES),
  examples = { "prov age decrypt dump.sql.age -i key.txt --out dump.sql",
    "prov age decrypt -i ~/.ssh/id_ed25519 < backup.age | tar x" },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "int", doc = "Bytes that were written" } },
  view = "silent",
  run = function(_, p)
    return require("prov.age.command").decrypt(p)
  end,
}
