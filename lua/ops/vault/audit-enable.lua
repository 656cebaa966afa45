local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault audit enable",
  summary = "Write the audit to another file too",
  terminal = true,
  params = params.with({
    path = { type = "string", required = true, positional = 1, doc = "What it is called" },
    file = { type = "path", required = true, positional = 2, doc = "The file, on the machine of the vault" },
  }),
  examples = { "prov vault audit enable second /var/log/vault.jsonl" },
  permission = { action = "create", resource = "Vault" },
  result = { value = { type = "string", doc = "What was done" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").audit_enable(ctx, p)
  end,
}
