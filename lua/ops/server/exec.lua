return {
  kind = "operation",
  name = "server exec",
  shortcuts = { "sx" },
  summary = "Run a command on a server",
  description = [[
The words behind the server are joined by blanks and run by the shell there; its output comes as it
is written, and its exit code is that of prov. Put -- before a command that has flags.]],
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      complete = "server",
      doc = "web[1], web-1 or its address",
    },
    command = {
      type = "list",
      of = { type = "string" },
      required = true,
      positional = 2,
      raw = true,
      doc = "The command",
    },
    timeout = { type = "int", min = 1, default = 3600, doc = "Seconds after which it is ended" },
  },
  examples = { "prov server exec web-1 -- uptime", "prov server exec db -- 'df -h | sort'" },
  shared = true,
  permission = { action = "update", resource = "Server" },
  http = { method = "POST", path = "/v1/workspaces/{workspace}/servers/{name}/exec" },
  mcp = { destructive = true },
  result = {
    columns = { "server", "code", "stdout", "stderr" },
    schema = {
      server = { type = "string", required = true, doc = "Address of the server" },
      code = { type = "int", doc = "Exit code of the command" },
      signal = { type = "string", doc = "The signal that ended it" },
      stdout = { type = "string", required = true, doc = "What it wrote" },
      stderr = { type = "string", required = true, doc = "What it wrote as errors" },
    },
  },
  view = "exec",
  run = function(ctx, p)
    local command = table.concat(p.command, " ")
    return require("prov.servers").exec(ctx, p.name, command, { timeout = p.timeout * 1000 })
  end,
  exit_code = function(result)
    return result.code or 255
  end,
}
