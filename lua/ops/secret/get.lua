return {
  kind = "operation",
  name = "secret get",
  summary = "Print one value of a SOPS file",
  description = [[
A text is printed as it is, anything else as JSON.]],
  terminal = true,
  params = {
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    path = { type = "string", positional = 2, doc = "The path; all of it when absent" },
    format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
      doc = "Format of the file; else its ending says it" },
    identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
      doc = "Identities to decrypt with, before those that are found" },
    ignore_mac = { type = "bool", default = false, doc = "Decrypt although values were changed" },
  },
  examples = {
    "prov secret get secrets.yaml db.password",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "any", doc = "The value" } },
  run = function(_, p)
    return require("prov.sops.command").get(p)
  end,
}
