return {
  kind = "operation",
  name = "lint",
  summary = "Look for what is wrong with the files themselves",
  description = [[
Files that do not parse (syntax), that `prov fmt` would change (form), tabs inside of texts (tab), inputs that no
expression names (input-unused), Lua that sets globals (global-set), long lines (line-long, off by default). What
each counts is a setting: lint.tab. What the infra says is for `prov validate`. Looks at the same files as
`prov fmt`. Exit code: 1 when something is found that is more than a note.]],
  params = {
    path = { type = "list", of = { type = "path" }, positional = 1, doc = "Files and folders" },
  },
  examples = { "prov lint", "prov lint -o json" },
  permission = { action = "read", resource = "Workspace" },
  result = {
    findings = {
      type = "list",
      required = true,
      doc = "What was found, by place",
      of = { type = "record", fields = require("prov.shapes").finding },
    },
    checked = { type = "int", required = true, doc = "How many files were looked at" },
    exit_code = { type = "int", required = true, doc = "Exit code of the command" },
  },
  view = "lint",
  run = function(ctx, p)
    return require("prov.lint").run(ctx, p)
  end,
  exit_code = function(value)
    return value.exit_code
  end,
}
