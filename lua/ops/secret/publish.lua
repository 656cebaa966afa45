local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret publish",
  summary = "Bring a SOPS file to the bucket or Vault that .sops.yaml names",
  description = [[
The first of destination_rules in .sops.yaml that is about the file says where to: s3_bucket and s3_prefix take it
encrypted, by recreation_rule for others than it is for; vault_path, vault_address, vault_kv_mount_name and
vault_kv_version take its values into a kv engine. The name is that of the file; omit_extensions leaves its ending out.
Credentials of AWS are found in AWS's own order; the token of a Vault is that of VAULT_TOKEN or ~/.vault-token.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    omit_extensions = { type = "bool", default = false, doc = "Leave the ending of the name out" },
  }, "format", "identity", "rules"),
  examples = {
    "prov secret publish secrets/prod.yaml",
  },
  permission = { action = "update", resource = "Secret" },
  again = true,
  result = {
    schema = {
      file = { type = "string", required = true, doc = "The file" },
      destination = { type = "string", required = true, doc = "Where it is now" },
      changed = { type = "bool", required = true, doc = "False: the same values were there already" },
    },
  },
  run = function(ctx, p)
    return require("prov.sops.command").publish(ctx, p)
  end,
}
