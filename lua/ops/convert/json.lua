return {
  kind = "operation",
  name = "convert json",
  summary = "Print the infra of the workspace as one JSON file",
  description = [[
All infra files of the workspace as one, in any form they are written in: other programs read it, and prov too, for
it is an infra.json with the same plan. Loops of Lua files are written out; functions and secrets in them cannot be.]],
  params = {
    to = { type = "enum", one_of = require("prov.convert").FORMS, default = "json", doc = "Another form" },
    out = { type = "path", file = "out", doc = "Folder to write the infra into" },
    force = { type = "bool", doc = "Write over files that are there" },
  },
  examples = { "prov convert json", "prov convert json --to yaml" },
  permission = { action = "read", resource = "Workspace" },
  result = {
    schema = {
      files = { type = "list", of = { type = "any" }, required = true, doc = "path and text of the file" },
      notes = { type = "list", of = { type = "any" }, required = true, doc = "Always empty" },
      written = { type = "bool", required = true, doc = "Whether it was written" },
      out = { type = "string", doc = "Folder it was written into" },
    },
  },
  view = "convert",
  run = function(ctx, p)
    return require("prov.convert").infra(ctx, p)
  end,
}
