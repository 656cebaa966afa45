return {
  kind = "operation",
  name = "kms rewrap",
  summary = "Wrap the workspace's key with the newest version of the KMS's key",
  description = [[
For a key that somebody else, or the KMS by itself, has rotated. Where the KMS can, the key does not leave it.
The workspace's own key stays.]],
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
    return require("prov.kms.command").rewrap(ctx)
  end,
}
