return {
  kind = "operation",
  name = "provider login",
  summary = "Keep the credentials of a provider for this user",
  description = [[
Reads them from the standard input: one line for a provider with one secret, such as a token, or the fields of its
configuration as YAML, such as `token: ...`; `prov provider show` has their names. At a terminal it asks for the one
secret, and does not show it. They are written to `~/.config/prov/credentials/<provider>.yaml`, mode 0600. What the
infra or the environment says is stronger: when one of them has a secret, those that are kept are not used. Nothing is
sent anywhere; 'prov provider check' tries them.]],
  params = {
    name = { type = "string", required = true, positional = 1, complete = "provider", doc = "The provider" },
    delete = { type = "bool", default = false, doc = "Delete what is kept instead" },
  },
  examples = {
    "prov provider login hetzner", "prov provider login hetzner < token", "prov provider login upcloud < fields.yaml",
  },
  permission = { action = "update", resource = "Config" },
  result = {
    columns = { "provider", "file", "fields" },
    schema = {
      provider = { type = "string", required = true, doc = "The provider" },
      file = { type = "string", required = true, doc = "Where its credentials are kept" },
      fields = { type = "list", required = true, doc = "Names of the fields that are kept" },
    },
  },
  run = function(ctx, p)
    return require("prov.provider.config").login(ctx, p)
  end,
}
