local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data decode",
  summary = "Print a text of any data format as JSON",
  description = [[
JSON with sorted keys on the standard output. A text that is not valid is one line on the standard error with
file, line and column, and exit code 1.]],
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    file = { type = "string", positional = 2, doc = "The file; the standard input when it is absent or -" },
    tagged = { type = "bool", default = false,
      doc = "TOML: every leaf as { type, value }, as toml-test has it; no change for other formats" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").decode(assert(require("prov.formats").one_text(p, "format")))
  end,
}
