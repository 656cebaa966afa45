return {
  kind = "operation",
  name = "secret scan",
  summary = "Look for secrets in plain text, in files and in git's history",
  description = [[
Tokens and keys of known forms, passwords in URLs, values that look random for names of secrets, and files that
.sops.yaml says are encrypted and are not. In a repository: what git has or could add, and what any commit of any branch
added. The same secret is told once. Of a secret, its first characters and its length are shown, never more. A line
with 'prov:allow-secret' is not looked at; what is in the baseline does not count. Exit code: 1 when something is
found.]],
  terminal = true,
  params = {
    path = { type = "list", of = { type = "path" }, positional = 1, doc = "Files and folders; else this one" },
    history = { type = "bool", default = true, doc = "Look at all commits, too" },
    staged = { type = "bool", default = false, doc = "Look only at what the next commit adds" },
    baseline = { type = "path", metavar = "FILE",
      doc = "Leaks that are known; else .prov-secrets-baseline.json in the root of the repository" },
    update_baseline = { type = "bool", default = false, doc = "Write what is found as known" },
    reason = { type = "string", doc = "Why the new ones of --update-baseline may stay" },
    max_size = { type = "size", default = "1MiB", doc = "Files that are larger are not looked at" },
    all = { type = "bool", default = false, doc = "Show those that are known, too" },
    format = { type = "enum", one_of = { "sarif" }, doc = "Print a report for other programs" },
  },
  examples = {
    "prov secret scan",
    "prov secret scan --staged",
    "prov secret scan --update-baseline --reason 'test data'",
    "prov secret scan --format sarif > leaks.sarif",
  },
  permission = { action = "read", resource = "Secret" },
  result = {
    schema = {
      findings = { type = "list", required = true, doc = "What was found, by place",
        of = { type = "record", fields = require("prov.shapes").leak } },
      found = { type = "int", required = true, doc = "How many are new" },
      known = { type = "int", required = true, doc = "How many the baseline knows" },
      files = { type = "int", required = true, doc = "Files that were looked at" },
      commits = { type = "int", required = true, doc = "Commits that were looked at" },
      skipped = { type = "int", required = true, doc = "Files that were too large, or could not be read" },
      baseline = { type = "string", doc = "The file that --update-baseline wrote" },
      all = { type = "bool", doc = "Whether known ones are shown" },
      report = { type = "string", doc = "The report in the format that was asked for" },
    },
  },
  view = "leaks",
  run = function(_, p)
    local value, e = require("prov.leaks").run(p)
    if value then
      value.all = p.all
    end
    return value, e
  end,
  exit_code = function(value)
    return value.found > 0 and 1 or 0
  end,
}
