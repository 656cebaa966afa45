local params = require("prov.age.params")

return {
  kind = "operation",
  name = "age rekey",
  summary = "Encrypt an age file to other recipients",
  description = [[
Decrypts the file and writes it anew, whole or not at all, with a new key inside: who is a recipient no longer cannot
read what the file holds from now on. What they have read, or kept a copy of, they have.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The file" },
  }, params.IDENTITIES, params.RECIPIENTS),
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
