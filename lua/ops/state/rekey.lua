return {
  kind = "operation",
  name = "state rekey",
  summary = "Seal the state under a new key",
  description = [[
Everything is sealed anew: graph, past, journals, locks. Killed at any moment, the workspace opens with
the old key or the new one. Other commands that have the state open cannot write any more and say so.
Backups and saved plans made before open with the old key only.

With --kms the key file holds the new key as a KMS has wrapped it, bound to the workspace, and each command asks the
KMS to unwrap it. The KMS must give the key back before anything is sealed with it.]],
  examples = {
    "prov state rekey",
    "prov state rekey --kms aws:alias/prov?region=eu-central-1",
    "prov state rekey --kms local",
  },
  params = {
    kms = { type = "string", metavar = "URI",
      doc = "Who keeps the new key: a KMS (aws:..., vault:..., local:FILE), or 'local' for the key file itself" },
    old_key = { type = "path", doc = "Keep the old key in this new file, for the backups it opens" },
  },
  permission = { action = "update", resource = "State" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/state/rekey" },
  result = {
    columns = { "key", "kms", "revision", "nodes", "keys" },
    schema = {
      key = { type = "string", required = true, doc = "File of the new key" },
      kms = { type = "string", required = true, doc = "Who keeps it: local (the file), or a KMS" },
      revision = { type = "int", required = true, doc = "The newest revision" },
      nodes = { type = "int", required = true, doc = "Resources" },
      keys = { type = "int", required = true, doc = "Other records" },
    },
  },
  run = function(ctx, p)
    return require("prov.state.rewrite").rekey(ctx, p)
  end,
}
