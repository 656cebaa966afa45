local FORMAT = "Format of the text: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the file, when its name says it"

return {
  kind = "operation",
  name = "data set",
  summary = "Change the value at a path of a text",
  description = [[
Prints the changed text, or with --in-place writes it to the file. In YAML, TOML and JSON everything else stays
as it was: comments, order, quotes, indentation. The other formats are written anew. VALUE is YAML (so 5 is a number,
true a bool and {a: 1} a map); what is missing on the way to it is made, and [+] adds to a list.]],
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    path = { type = "string", required = true, positional = 2, doc = "The path" },
    value = { type = "string", required = true, positional = 3, doc = "The new value, as YAML" },
    file = { type = "string", positional = 4, doc = "The file; the standard input when it is absent or -" },
    string = { type = "bool", default = false, doc = "The value is text as it is written" },
    in_place = { type = "bool", default = false, doc = "Write the file, whole or not at all" },
    rewrite = { type = "bool", default = false, doc = "Write INI, XML and the like anew although comments are lost" },
  },
  result = { value = { type = "string", doc = "The text" } },
  view = "text",
  run = function(_, p)
    return require("prov.datafile").set(assert(require("prov.formats").one_text(p, "format")))
  end,
}
