return {
  kind = "operation",
  name = "kms list",
  summary = "Show who keeps your keys: of states, backups, vaults and the queue",
  description = [[
The keys of all your workspaces and their environments, of the copies in .prov/backups whose keys a KMS wrapped, and of
their vaults; of the orchestrator's queue and of a server's vault, when they are in the user's state folder. Saved plans
are sealed with the state's key. No KMS is asked.]],
  terminal = true,
  params = {},
  permission = { action = "read", resource = "Workspace" },
  result = {
    columns = { "purpose", "workspace", "kms", "version", "days" },
    wide = { "key", "bound", "count", "created", "file" },
    empty = "no workspace has a key yet",
    schema = {
      purpose = { type = "string", required = true, doc = "What the key opens: state, backup, vault or queue" },
      workspace = { type = "string", required = true, doc = "The workspace; empty: none" },
      file = { type = "string", required = true, doc = "Where the wrapped key is" },
      kms = { type = "string", required = true,
        doc = "Who keeps the key: a KMS, local (the key file, or the workspace's key), shares (people)" },
      key = { type = "string", required = true, doc = "The KMS's name of its key" },
      version = { type = "string", required = true, doc = "The version of that" },
      bound = { type = "string", doc = "The workspace's name when the key was wrapped" },
      count = { type = "int", doc = "How many backups that version of the key opens" },
      created = { type = "string", doc = "When the key was wrapped, which is no sooner than its version was made" },
      days = { type = "int", doc = "Days since then" },
    },
    list = true,
  },
  run = function()
    return require("prov.kms.command").list()
  end,
}
