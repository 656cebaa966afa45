local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret diff",
  summary = "Show which values differ between two SOPS files",
  description = [[
With one file: between what git has of it and what it is now. Values are hidden without --values. Exit code 3 when
something differs.]],
  terminal = true,
  params = params.with({
    a = { type = "path", required = true, positional = 1, doc = "The one file" },
    b = { type = "path", positional = 2, doc = "The other file; the one in the work tree when absent" },
    revision = { type = "string", default = "HEAD", doc = "The revision of git to compare with" },
    values = { type = "bool", default = false, doc = "Show the values" },
  }, "format", "identity"),
  examples = {
    "prov secret diff secrets.yaml",
    "prov secret diff old.yaml new.yaml --values",
  },
  permission = { action = "read", resource = "Secret" },
  result = {
    columns = { "path", "change", "before", "after" },
    rows = "changes",
  },
  view = "data_diff",
  run = function(_, p)
    return require("prov.sops.command").diff(p)
  end,
  exit_code = function(value)
    return value.same and 0 or 3
  end,
}
