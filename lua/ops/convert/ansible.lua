return {
  kind = "operation",
  name = "convert ansible",
  summary = "Write an Ansible inventory as an infra",
  description = [[
Reads an inventory in its INI or YAML form (or a folder of them), with ranges such as web[01:10] and the group_vars
and host_vars beside it. Each host is a server, its groups are a label, variables are inputs; how Ansible reaches a
host is a comment. Playbooks and roles are not read.]],
  params = {
    path = { type = "path", file = "in", required = true, positional = 1, metavar = "file", doc = "The inventory" },
    to = { type = "enum", one_of = require("prov.convert").FORMS, default = "yaml", doc = "Form to write" },
    out = { type = "path", file = "out", doc = "Folder to write the infra into" },
    provider = { type = "string", doc = "Provider of the servers" },
    strict = { type = "bool", doc = "Fail when anything has no equal" },
    force = { type = "bool", doc = "Write over files that are there" },
  },
  examples = { "prov convert ansible inventory.ini --provider demo", "prov convert ansible hosts.yaml --out shop" },
  result = {
    schema = {
      files = { type = "list", of = { type = "any" }, required = true, doc = "path and text of each file" },
      notes = { type = "list", of = { type = "any" }, required = true, doc = "file, line, column, what, todo" },
      written = { type = "bool", required = true, doc = "Whether they were written" },
      out = { type = "string", doc = "Folder they were written into" },
    },
  },
  view = "convert",
  run = function(ctx, p)
    return require("prov.convert").ansible(ctx, p)
  end,
}
