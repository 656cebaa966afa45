local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret exec-file",
  summary = "Run a command with a SOPS file in plain text",
  description = [[
{} in the command stands for the name of the plain file: of mode 0600, in memory when there is some, and removed when
the command ends. Put -- before a command that has flags.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    command = { type = "list", of = { type = "string" }, required = true, positional = 2, raw = true,
      doc = "The command, with {}" },
  }, "format", "identity"),
  examples = {
    "prov secret exec-file db.ini -- psql --file={}",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "int", doc = "Exit code of the command" } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.command").exec_file(p)
  end,
  exit_code = function(code)
    return code
  end,
}
