local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault kv put",
  summary = "Write a secret",
  description = [[
Other users of the machine can see the command line: secrets come from files (NAME=@FILE) or the standard input.]],
  terminal = true,
  params = params.with({
    cas = { type = "int", min = 0, doc = "Only when this is the newest version; 0: only when there is none" },
    patch = { type = "bool", default = false, doc = "Change the given values only" },
  }, "secret", "fields"),
  examples = {
    "prov vault kv put secret/db user=app password=-",
    "prov vault kv put secret/tls cert=@cert.pem key=@key.pem",
  },
  permission = { action = "update", resource = "Vault" },
  result = { value = { type = "any", doc = "Its new version" } },
  run = function(ctx, p)
    return require("prov.vault.command").kv_put(ctx, p)
  end,
}
