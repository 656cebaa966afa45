return {
  kind = "operation",
  name = "kms check",
  summary = "Ask a KMS whether it would wrap and unwrap",
  description = [[
Asks for the state of the key, and has a key that is used for nothing wrapped and unwrapped. Without a URI it is the KMS
of the workspace, which must unwrap the workspace's key as well.]],
  terminal = true,
  params = {
    uri = { type = "string", positional = 1,
      doc = "aws:..., vault:..., local:FILE; that of the workspace by default" },
  },
  examples = { "prov kms check", "prov kms check vault:https://vault.example:8200/transit/prov" },
  permission = { action = "read", resource = "State" },
  result = {
    schema = {
      kms = { type = "string", required = true, doc = "The KMS" },
      key = { type = "string", required = true, doc = "Its name of the key" },
      version = { type = "string", required = true, doc = "The version of the key, when the KMS tells it" },
      since = { type = "string", doc = "When that version was made, when the KMS tells it" },
      alg = { type = "string", required = true, doc = "How it wraps" },
      detail = { type = "string", required = true, doc = "What else it says" },
    },
  },
  run = function(ctx, p)
    return require("prov.kms.command").check(ctx, p.uri)
  end,
}
