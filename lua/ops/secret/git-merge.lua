local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret git-merge",
  summary = "Merge three versions of a SOPS file by keys",
  description = [[
Writes into the second file what both sides changed since the first. What no side changed keeps its encrypted text.
What both changed in other ways is a conflict: the paths are named, and the file is left as it was. A list is one value.
'prov secret git-setup' tells git to call this. Exit code: 1 with a conflict.]],
  terminal = true,
  params = params.with({
    base = { type = "path", required = true, positional = 1, doc = "What both come from; empty when nothing" },
    ours = { type = "path", required = true, positional = 2, doc = "Our version, which is written" },
    theirs = { type = "path", required = true, positional = 3, doc = "Their version" },
    path = { type = "string", metavar = "NAME", doc = "Name of the file in the repository, which says its format" },
    plain_conflicts = { type = "bool", default = false, doc = "Write plain text with marks when there is a conflict" },
  }, "identity"),
  examples = { "prov secret git-merge %O %A %B --path %P" },
  permission = { action = "update", resource = "Secret" },
  result = { schema = { file = { type = "string", required = true, doc = "The file" } } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.git").merge(p)
  end,
}
