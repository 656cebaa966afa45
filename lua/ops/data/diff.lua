return {
  kind = "operation",
  name = "data diff",
  summary = "Show what differs between two texts, by path",
  description = "Order, comments and style do not matter. Exit code 3 when something differs.",
  params = {
    format = { type = "enum", one_of = require("prov.formats").names(), required = true, positional = 1,
      doc = "Format of the texts" },
    a = { type = "string", required = true, positional = 2, doc = "The one file; - is the standard input" },
    b = { type = "string", required = true, positional = 3, doc = "The other file; - is the standard input" },
    to = { type = "enum", one_of = require("prov.formats").names(), doc = "Format of the other file, when it differs" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = {
    columns = { "path", "change", "before", "after" },
    rows = "changes",
  },
  view = "data_diff",
  run = function(_, p)
    return require("prov.datafile").diff(p)
  end,
  exit_code = function(value)
    return value.same and 0 or 3
  end,
}
