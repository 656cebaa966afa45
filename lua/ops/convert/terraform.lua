return {
  kind = "operation",
  name = "convert terraform",
  summary = "Write Terraform's files as an infra",
  description = [[
Reads a folder of .tf and .tf.json files (or one of them) with its local modules: resources of hcloud, upcloud and
aws, variables, locals, count, for_each, outputs, look-ups, lifecycle, moved, import, checks. What has no equal is a
comment in the text and a note at the end, with its place and what to do. Without --out the text goes to the standard
output. Terraform's state is not read: import says what exists already.]],
  params = {
    path = { type = "path", file = "in", required = true, positional = 1, metavar = "dir|file",
      doc = "Folder with .tf files, or one such file" },
    to = { type = "enum", one_of = require("prov.convert").FORMS, default = "yaml", doc = "Form to write" },
    out = { type = "path", file = "out", doc = "Folder to write infra and modules into" },
    provider = { type = "string", doc = "Provider of all resources, instead of the one Terraform used" },
    strict = { type = "bool", doc = "Fail when anything has no equal" },
    force = { type = "bool", doc = "Write over files that are there" },
  },
  examples = { "prov convert terraform ./live --out shop", "prov convert terraform main.tf --to lua --provider demo" },
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
    return require("prov.convert").terraform(ctx, p)
  end,
}
