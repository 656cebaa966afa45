return {
  kind = "operation",
  name = "data decode",
  summary = "Print a text of any data format as JSON",
  description = [[
JSON with sorted keys on the standard output. A text that is not valid is one line on the standard error with
file, line and column, and exit code 1.]],
  params = {
    format = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 1,
      doc = "Format of the text" },
    file = { type = "string", positional = 2, doc = "The file; the standard input when it is absent or -" },
    tagged = { type = "bool", default = false,
      doc = "TOML: every leaf as { type, value }, as toml-test has it; no change for other formats" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").decode(p)
  end,
}
