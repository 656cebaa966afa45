local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data validate",
  summary = "Check a text of any data format",
  description = [[
Syntax, and with --schema the fields: all mistakes at once, each with file, line and column. A schema is a contract,
the notation of extensions (docs/EXTENDING.md), in a JSON, YAML or TOML file; JSON Schema is not read.]],
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    file = { type = "string", positional = 2, doc = "The file; the standard input when it is absent or -" },
    schema = { type = "path", doc = "A contract: a map of field names to { type, required, ... }" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = {
    columns = { "file", "format", "valid" },
  },
  run = function(_, p)
    return require("prov.datafile").validate(assert(require("prov.formats").one_text(p, "format")))
  end,
}
