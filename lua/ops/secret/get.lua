local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret get",
  summary = "Print a secret of the workspace, or one value of a SOPS file",
  description = [[
What is the name of no file here names a secret of the workspace. A text is printed as it is, anything else as JSON.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file, or the name of a secret" },
    path = {
      type = "string",
      positional = 2,
      doc = "The path in the file, all of it when absent; or the part of a secret, such as public_key",
    },
    revision = { type = "int", min = 1, doc = "An older version of a secret" },
  }, "format", "identity", "ignore_mac"),
  examples = {
    "prov secret get db/password",
    "prov secret get secrets.yaml db.password",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "any", doc = "The value" } },
  run = function(ctx, p)
    local secrets = require("prov.secrets.command")
    if secrets.is_name(p.file) then
      return secrets.get(ctx, p)
    end
    local ok, e = secrets.is_file(p.file)
    if not ok then
      return nil, e
    end
    return require("prov.sops.command").get(p)
  end,
}
