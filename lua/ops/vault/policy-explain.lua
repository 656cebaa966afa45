local params = require("prov.vault.params")

return {
  kind = "operation",
  name = "vault policy explain",
  summary = "Tell why policies allow something, or do not",
  terminal = true,
  params = params.with({
    policy = { type = "list", of = { type = "string" }, required = true, doc = "The policies" },
    capability = { type = "enum", one_of = { "create", "read", "update", "patch", "delete", "list" }, default = "read",
      doc = "What is to be done" },
  }, "path", "fields"),
  examples = { "prov vault policy explain secret/data/app/x --policy app --policy default" },
  permission = { action = "read", resource = "Vault" },
  result = { value = { type = "any", doc = "The rule that decides, and those that do not" } },
  run = function(ctx, p)
    return require("prov.vault.command").policy_explain(ctx, p)
  end,
}
