local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret encrypt",
  summary = "Encrypt the values of a file as SOPS does",
  description = [[
Writes a SOPS file, which `sops` reads as well: the names stay readable, every value is encrypted. Order, comments
and style stay; comments are encrypted too. For whom, and which values, say the flags or the
creation rules in .sops.yaml.]],
  terminal = true,
  params = params.with({
    file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
  }, "filename", "out", "in_place", "format", params.RULE),
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
