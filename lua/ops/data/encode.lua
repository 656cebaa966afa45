return {
  kind = "operation",
  name = "data encode",
  summary = "Print a JSON text in another data format",
  params = {
    format = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 1,
      doc = "Format to write" },
    file = { type = "string", positional = 2, doc = "The file; the standard input when it is absent or -" },
    tagged = { type = "bool", default = false, doc = "TOML: the JSON is tagged, as 'data decode --tagged' prints it" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").encode(p)
  end,
}
