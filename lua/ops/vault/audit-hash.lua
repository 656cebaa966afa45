local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault audit hash",
  summary = "Show what stands in the audit for a text",
  terminal = true,
  params = params.with({
    path = { type = "string", positional = 1, default = "file", doc = "Which device" },
    text = { type = "string", positional = 2, doc = "The text; @FILE, or else the standard input" },
  }),
  examples = { "printf %s s3cret | prov vault audit hash" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "string", doc = "The HMAC" } },
  view = "text",
  run = function(ctx, p)
    return require("prov.vault.command").audit_hash(ctx, p)
  end,
}
