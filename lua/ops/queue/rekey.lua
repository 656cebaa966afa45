return {
  kind = "operation",
  name = "queue rekey",
  summary = "Seal the orchestrator's queue under a new key, or give that to a KMS",
  description = [[
The orchestrator that works in the folder must have ended; the jobs that wait are there when it starts again. Killed at
any moment, the queue opens with the old key or the new one. With --kms the key file holds the new key as a KMS has
wrapped it, bound to {purpose: queue}; the KMS is asked when the orchestrator starts.

With --rewrap the key stays, and is only wrapped anew under the newest version of the KMS's key.]],
  terminal = true,
  params = {
    kms = { type = "string", metavar = "URI",
      doc = "Who keeps the new key: a KMS, or 'local' for the key file itself; without it who keeps it now" },
    rewrap = { type = "bool", default = false, doc = "Keep the key, and have the KMS wrap it anew" },
    data = { type = "path", doc = "Folder of the orchestrator (default: orchestrator/ in the user's state folder)" },
  },
  examples = { "prov queue rekey --kms aws:alias/prov?region=eu-central-1", "prov queue rekey --kms local" },
  permission = { action = "update", resource = "Job" },
  result = {
    schema = {
      key = { type = "string", required = true, doc = "File of the key" },
      kms = { type = "string", required = true, doc = "Who keeps it: local (the file), or a KMS" },
    },
  },
  run = function(_, p)
    return require("prov.kms.command").queue(p)
  end,
}
