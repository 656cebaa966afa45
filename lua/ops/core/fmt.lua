return {
  kind = "operation",
  name = "fmt",
  summary = "Bring files of the workspace into canonical form",
  description = [[
Indentation, spaces, quotes and empty lines of Lua, YAML, TOML and JSON; only the width of a level is a setting.
Comments, order and meaning stay: the new text is read back and compared before it replaces the file, at once and only
when it differs. A file that does not parse stays as it is, and is an error. Without paths: prov.yaml, infra,
environments, modules, workflows, rules and extensions of the workspace. A folder means the files below it.
Prints the names of the files that change. Exit code: 1 with errors, and with --check when a file would change.]],
  params = {
    path = { type = "list", of = { type = "path" }, positional = 1, doc = "Files and folders" },
    check = { type = "bool", default = false, doc = "Write nothing; name what would change" },
    diff = { type = "bool", default = false, doc = "Write nothing; print what would change as a unified diff" },
    stdin = {
      type = "enum",
      one_of = require("prov.fmt").NAMES,
      doc = "Format the standard input, which is in this form, to the standard output",
    },
  },
  examples = { "prov fmt", "prov fmt --check --diff", "prov fmt --stdin yaml < infra.yaml" },
  permission = { action = "update", resource = "Workspace" },
  result = {
    files = {
      type = "list",
      required = true,
      doc = "What changed, or would",
      of = { type = "record", fields = {
        file = { type = "string", required = true },
        diff = { type = "string", doc = "With --diff" },
      } },
    },
    errors = {
      type = "list",
      required = true,
      doc = "Files that stay as they are, and why",
      of = { type = "record", fields = {
        file = { type = "string" },
        line = { type = "int" },
        column = { type = "int" },
        message = { type = "string", required = true },
        hint = { type = "string" },
      } },
    },
    checked = { type = "int", required = true, doc = "How many files were looked at" },
    text = { type = "string", doc = "The standard input, formatted" },
    exit_code = { type = "int", required = true, doc = "Exit code of the command" },
  },
  view = "fmt",
  run = function(ctx, p)
    return require("prov.fmt.files").run(ctx, p)
  end,
  exit_code = function(value)
    return value.exit_code
  end,
}
