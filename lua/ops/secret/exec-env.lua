local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret exec-env",
  summary = "Run a command with the values of a SOPS file in its environment",
  description = [[
The file is a map of texts. Its exit code is that of the command. Put -- before a command that has flags.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    command = { type = "list", of = { type = "string" }, required = true, positional = 2, raw = true,
      doc = "The command" },
  }, "format", "identity"),
  examples = {
    "prov secret exec-env prod.env -- ./server --port 80",
  },
  permission = { action = "read", resource = "Secret" },
  result = { value = { type = "int", doc = "Exit code of the command" } },
  view = "silent",
  run = function(_, p)
    return require("prov.sops.command").exec_env(p)
  end,
  exit_code = function(code)
    return code
  end,
}
