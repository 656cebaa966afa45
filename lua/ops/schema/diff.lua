return {
  kind = "operation",
  name = "schema diff",
  summary = "Show what a new version of an extension changes for those who use it",
  description = [[
Compares the contracts of two versions of a provider, taskserv, cluster or workflow: breaks is what refuses
what was good before, changes is good and means something else, adds asks nobody for anything. A version is the
file of the declaration, its folder, or kind/name for what is installed.]],
  params = {
    old = { type = "string", required = true, positional = 1, doc = "The version in use: file, folder or kind/name" },
    new = { type = "string", required = true, positional = 2, doc = "The version to compare with it" },
    detailed_exitcode = { type = "bool", default = false, doc = "Exit with 3 when something breaks" },
  },
  examples = { "prov schema diff taskserv/postgres ./extensions/taskservs/databases/postgres" },
  permission = { action = "read", resource = "Extension" },
  result = {
    columns = { "effect", "path", "what" },
    rows = "changes",
    schema = {
      breaks = { type = "int", required = true, doc = "Number of changes that break" },
      detailed = { type = "bool", doc = "As asked with detailed_exitcode" },
      changes = {
        type = "list",
        required = true,
        of = {
          type = "record",
          fields = {
            path = { type = "string", required = true, doc = "The field: ports[].host" },
            effect = { type = "enum", one_of = { "breaks", "changes", "adds" }, required = true, doc = "What it does" },
            what = { type = "string", required = true, doc = "What differs" },
          },
        },
        doc = "What differs",
      },
    },
  },
  view = "schema_diff",
  run = function(ctx, p)
    local value, e = require("prov.schemas").diff(ctx, p)
    if not value then
      return nil, e
    end
    value.detailed = p.detailed_exitcode
    return value
  end,
  exit_code = function(value)
    return value.detailed and value.breaks > 0 and 3 or 0
  end,
}
