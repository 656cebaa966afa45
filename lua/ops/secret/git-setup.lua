return {
  kind = "operation",
  name = "secret git-setup",
  summary = "Teach this clone of a git repository SOPS files",
  description = [[
A driver that shows diffs of SOPS files in plain text, one that merges them by keys, lines in .gitattributes for the
files that have them, and a hook before each commit that refuses secrets in plain text (prov secret scan --staged). A
hook that is there is kept and runs first. Drivers and hook are of this clone: everybody runs this once.]],
  terminal = true,
  params = {
    pattern = { type = "list", of = { type = "string" }, positional = 1,
      doc = "Patterns for .gitattributes, such as secrets/*.yaml; else the SOPS files that git has" },
    plain_conflicts = { type = "bool", default = false,
      doc = "Mark conflicts in the plain text of the file; else a merge with conflicts fails" },
    hook = { type = "bool", default = true, doc = "The hook before each commit" },
    remove = { type = "bool", default = false, doc = "Take all of that away again" },
  },
  examples = { "prov secret git-setup", "prov secret git-setup 'secrets/*.yaml'", "prov secret git-setup --remove" },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      repository = { type = "string", required = true, doc = "The root of the repository" },
      patterns = { type = "list", of = { type = "string" }, required = true, doc = "Patterns for .gitattributes" },
      hook = { type = "string", doc = "The hook" },
    },
  },
  run = function(_, p)
    return require("prov.sops.git").setup(p)
  end,
}
