local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret set",
  summary = "Change one value of a SOPS file",
  description = [[
The value comes from the standard input, or is asked for, unless it is given: other users of the machine can see the
command line. What did not change stays as it was, byte for byte.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    path = { type = "string", required = true, positional = 2, doc = "The path; what is missing on the way is made" },
    value = { type = "string", positional = 3, doc = "The text; else of the standard input, or asked for" },
    yaml = { type = "bool", default = false, doc = "The value is YAML: 5 is a number, {a: 1} a map" },
    delete = { type = "bool", default = false, doc = "Take the value away" },
  }, "format", "identity"),
  examples = {
    "prov secret set secrets.yaml db.password",
    "pwgen 32 1 | prov secret set secrets.yaml db.password",
    "prov secret set secrets.yaml db.port 5432 --yaml",
  },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      file = { type = "string", required = true, doc = "The file" },
      changed = { type = "bool", required = true, doc = "Whether it was written" },
    },
  },
  run = function(_, p)
    return require("prov.sops.command").set(p)
  end,
}
