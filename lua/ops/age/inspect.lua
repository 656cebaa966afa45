return {
  kind = "operation",
  name = "age inspect",
  summary = "Say whom an age file is for",
  description = [[
Reads the header only; no key is needed. X25519 does not say for whom, keys of SSH and plugins give a hint.]],
  terminal = true,
  params = {
    file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
  },
  examples = { "prov age inspect backup.age", "prov age inspect backup.age -o json" },
  permission = { action = "read", resource = "Secret" },
  result = {
    schema = {
      version = { type = "string", required = true, doc = "Version of the format" },
      armor = { type = "bool", required = true, doc = "Whether it is a text" },
      header = { type = "int", required = true, doc = "Bytes of the header" },
      stanzas = { type = "list", required = true, doc = "One for each recipient", of = { type = "record", fields = {
        type = { type = "string", required = true },
        arguments = { type = "list", of = { type = "string" }, required = true },
        body = { type = "int", required = true, doc = "Bytes" },
      } } },
    },
  },
  run = function(_, p)
    return require("prov.age.command").inspect(p)
  end,
}
