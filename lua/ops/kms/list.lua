return {
  kind = "operation",
  name = "kms list",
  summary = "Show who keeps the keys of your workspaces",
  terminal = true,
  params = {},
  permission = { action = "read", resource = "Workspace" },
  result = {
    columns = { "workspace", "kms", "version", "created" },
    wide = { "key", "file" },
    empty = "no workspace has a key yet",
    schema = {
      workspace = { type = "string", required = true, doc = "The workspace" },
      file = { type = "string", required = true, doc = "Its key file" },
      kms = { type = "string", required = true, doc = "Who keeps the key: local, or a KMS" },
      key = { type = "string", required = true, doc = "The KMS's name of its key" },
      version = { type = "string", required = true, doc = "The version of that" },
      created = { type = "string", doc = "When the key was wrapped" },
    },
    list = true,
  },
  run = function()
    return require("prov.kms.command").list()
  end,
}
