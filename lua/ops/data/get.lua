local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data get",
  summary = "Print the value at a path of a text",
  description = [[
Text as it is, anything else as JSON; -o json and -o yaml write text too in that form. A path is such as
servers.web.disks[2].size, with items counted from 1 (-1 is the last) and odd names in quotes: a["x.y"].
A path that leads nowhere is exit code 4.]],
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    path = { type = "string", required = true, positional = 2, doc = "The path; . is all of it" },
    file = { type = "string", positional = 3, doc = "The file; the standard input when it is absent or -" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = { value = { type = "any", doc = "The value" } },
  view = "data",
  run = function(_, p)
    return require("prov.datafile").get(assert(require("prov.formats").one_text(p, "format")))
  end,
}
