local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data convert",
  summary = "Print a text of one data format in another",
  description = [[
What the other format cannot hold is an error: a list in an INI file, say. Comments are not converted.]],
  params = {
    from = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    to = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 2,
      doc = "Format to write" },
    file = { type = "string", positional = 3, doc = "The file; the standard input when it is absent or -" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").convert(assert(require("prov.formats").one_text(p, "from")))
  end,
}
