local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data unset",
  summary = "Take the value at a path out of a text",
  description = [[
Prints the changed text, or with --in-place writes it to the file. In YAML, TOML and JSON everything else stays
as it was. A path that leads nowhere is exit code 4.]],
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    path = { type = "string", required = true, positional = 2, doc = "The path" },
    file = { type = "string", positional = 3, doc = "The file; the standard input when it is absent or -" },
    in_place = { type = "bool", default = false, doc = "Write the file, whole or not at all" },
    rewrite = { type = "bool", default = false, doc = "Write INI, XML and the like anew although comments are lost" },
  },
  examples = { "prov data unset infra.yaml servers.web.plan --in-place" },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").unset(assert(require("prov.formats").one_text(p, "format")))
  end,
}
