return {
  kind = "operation",
  name = "secret make",
  summary = "Make a secret of the workspace by a rule",
  description = [[
An infra needs no such command: it makes what it uses with the next apply. FIELD=VALUE says the rule as the part
`secrets` of an infra does (`prov provider show secrets` lists the fields); VALUE is YAML. The value is not shown, but
by `prov secret get`.]],
  params = {
    name = { type = "string", required = true, positional = 1, doc = "Its name, such as db/password" },
    field = { type = "list", of = { type = "string" }, positional = 2, doc = "FIELD=VALUE of the rule" },
  },
  examples = {
    "prov secret make db/password length=40",
    "prov secret make deploy type=ssh_key",
    "prov secret make web/tls type=certificate 'names=[shop.example]' ttl=90d",
  },
  permission = { action = "create", resource = "Secret" },
  result = {
    schema = {
      name = { type = "string", required = true, doc = "Its name" },
      version = { type = "int", required = true, doc = "Its version" },
      public_key = { type = "string", doc = "The public half of a key" },
      certificate = { type = "string", doc = "The certificate (PEM)" },
    },
  },
  run = function(ctx, p)
    return require("prov.secrets.command").make(ctx, p)
  end,
}
