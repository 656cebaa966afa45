return {
  kind = "operation",
  name = "kms rotate",
  summary = "Make a new version of the key that wraps the workspace's, and use it",
  description = [[
The KMS makes a new version of its key and the workspace's key is wrapped anew with that, in one command. What older
versions wrapped still opens: backups too. The workspace's own key stays: 'prov state rekey' changes that.]],
  terminal = true,
  params = {},
  permission = { action = "update", resource = "State" },
  result = {
    schema = {
      kms = { type = "string", required = true, doc = "The KMS" },
      key = { type = "string", required = true, doc = "Its name of the key" },
      version = { type = "string", required = true, doc = "The version of the key, when the KMS tells it" },
    },
  },
  run = function(ctx)
    return require("prov.kms.command").rewrap(ctx, true)
  end,
}
