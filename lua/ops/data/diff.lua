local FORMAT = "Format of the texts: " .. table.concat(require("prov.formats").names(), ", ")
  .. "; or the one file, when its name says it"

return {
  kind = "operation",
  name = "data diff",
  summary = "Show what differs between two texts, by path",
  description = "Order, comments and style do not matter. Exit code 3 when something differs.",
  params = {
    format = { type = "string", required = true, positional = 1, complete = "format", doc = FORMAT },
    a = { type = "string", required = true, positional = 2, doc = "The one file; - is the standard input" },
    b = { type = "string", positional = 3, doc = "The other file; - is the standard input" },
    to = { type = "enum", one_of = require("prov.formats").names(), doc = "Format of the other file, when it differs" },
    all = { type = "bool", default = false, doc = "Every document of a YAML stream, as a list" },
  },
  result = {
    columns = { "path", "change", "before", "after" },
    rows = "changes",
  },
  view = "data_diff",
  run = function(_, p)
    local formats = require("prov.formats")
    local file, e = formats.name_in(p, "format")
    if e or not file and not p.b then
      return nil, e or require("prov.err").new("usage", "two files are compared: name the other one too")
    elseif file then
      local other = formats.of_file(p.a)
      p.a, p.b, p.to = file, p.a, p.to or other and other.name or nil
    end
    return require("prov.datafile").diff(p)
  end,
  exit_code = function(value)
    return value.same and 0 or 3
  end,
}
