local SEVERITIES = { "error", "warning", "note" }

return {
  kind = "operation",
  name = "validate",
  shortcuts = { "val" },
  summary = "Check the infra of the workspace",
  description = [[
Loads the infra, checks every field against its contract and every reference against what it names,
and prints all errors at once with file, line and column. What loads is looked at by the rules: see
`prov rule list`, and docs/guides/validation.md for how to switch them off and write your own. Asks no
provider; changes nothing, unless --fix is given.
Exit code: 1 with errors, 8 with --strict when there are warnings only.]],
  params = {
    strict = { type = "bool", default = false, doc = "Warnings too make the exit code one of failure: 8" },
    severity = {
      type = "enum",
      one_of = SEVERITIES,
      doc = "Least severity that is shown; the table shows no notes by default",
    },
    rule = { type = "list", of = { type = "string" }, doc = "Run this rule only", complete = "rule" },
    fix = { type = "bool", default = false, http = false, doc = "Change the files where a rule knows how" },
    format = {
      type = "enum",
      one_of = { "sarif", "junit", "github" },
      doc = "Print a report for other programs, also when the infra does not load",
    },
  },
  examples = { "prov validate --strict", "prov validate --format sarif > prov.sarif", "prov validate --fix" },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/validate" },
  result = {
    columns = { "workspace", "resources", "taskservs", "outputs", "status" },
    schema = {
      workspace = { type = "string", required = true, doc = "Its name" },
      resources = { type = "int", required = true, doc = "Declared resources" },
      taskservs = { type = "int", required = true, doc = "Declared task services" },
      outputs = { type = "int", required = true, doc = "Declared outputs" },
      rules = { type = "int", required = true, doc = "Rules that ran" },
      status = {
        type = "enum",
        one_of = { "valid", "warnings", "invalid" },
        required = true,
        doc = "The worst there is",
      },
      exit_code = { type = "int", required = true, doc = "Exit code of the command" },
      counts = {
        type = "record",
        required = true,
        doc = "Number of findings",
        fields = {
          error = { type = "int", required = true },
          warning = { type = "int", required = true },
          note = { type = "int", required = true },
          ignored = { type = "int", required = true },
          fixable = { type = "int", required = true },
        },
      },
      findings = {
        type = "list",
        required = true,
        doc = "What the rules found, by place",
        of = { type = "record", fields = require("prov.shapes").finding },
      },
      fixed = { type = "list", of = { type = "map" }, doc = "What --fix changed: rule, file, address, path" },
      severity = { type = "string", doc = "The least severity that was asked for" },
      report = { type = "string", doc = "The report in the format that was asked for" },
    },
  },
  view = "validate",
  run = function(ctx, p)
    return require("prov.validate").run(ctx, p)
  end,
  exit_code = function(value)
    return value.exit_code
  end,
}
