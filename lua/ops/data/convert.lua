return {
  kind = "operation",
  name = "data convert",
  summary = "Print a text of one data format in another",
  description = [[
What the other format cannot hold is an error: a list in an INI file, say. Comments are not converted.]],
  params = {
    from = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 1,
      doc = "Format of the text" },
    to = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 2,
      doc = "Format to write" },
    file = { type = "string", positional = 3, doc = "The file; the standard input when it is absent or -" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").convert(p)
  end,
}
