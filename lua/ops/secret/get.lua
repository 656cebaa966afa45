local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret get",
  summary = "Print one value of a SOPS file",
  description = [[
A text is printed as it is, anything else as JSON.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    path = { type = "string", positional = 2, doc = "The path; all of it when absent" },
  }, "format", "identity", "ignore_mac"),
  examples = {
    "prov secret get secrets.yaml db.password",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "any", doc = "The value" } },
  run = function(_, p)
    return require("prov.sops.command").get(p)
  end,
}
