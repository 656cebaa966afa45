local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret git-textconv",
  summary = "Print what a diff of git shows of a SOPS file",
  description = [[
Its plain text; the file as it is when it is not encrypted, or when no key here decrypts it. 'prov secret git-setup'
tells git to call this.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The file" },
  }, "identity"),
  examples = { "prov secret git-textconv secrets.yaml" },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "bool", doc = "True" } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.git").textconv(p)
  end,
}
