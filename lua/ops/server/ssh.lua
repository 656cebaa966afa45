return {
  kind = "operation",
  name = "server ssh",
  shortcuts = { "ssh" },
  summary = "Open a shell on a server with the system's ssh",
  description = [[
Uses the key prov made for the workspace, and accepts only the host key prov recorded when it made
the server. With a command behind the name, runs that instead of a shell.]],
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
      positional = 2,
      raw = true,
      doc = "A command instead of a shell",
    },
  },
  permission = { action = "update", resource = "Server" },
  terminal = true,
  result = {},
  view = "silent",
  run = function(ctx, p)
    return require("prov.servers").ssh(ctx, p.name, p.command and table.concat(p.command, " "))
  end,
  exit_code = function(code)
    return code
  end,
}
