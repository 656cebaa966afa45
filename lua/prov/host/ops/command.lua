--- op.command: a health check.

return {
  name = "command",
  summary = "A shell command succeeds",
  doc = "For health lists; waits until it is so, at most timeout seconds. The same as op.wait with command.",
  example = 'op.command { "pg_isready -q" }',
  positional = { "command" },
  schema = {
    command = { type = "bytes", required = true, doc = "shell text" },
    user = { type = "account", doc = "run as this user" },
    contains = { type = "bytes", doc = "text that must be in its output" },
    title = { type = "string", doc = "shown instead of the command" },
    timeout = { type = "number", min = 0, doc = "seconds until it counts as failed; else host.wait_timeout" },
  },
  becomes = function(a, op)
    return op.wait {
      command = a.command, user = a.user, contains = a.contains, title = a.title, secret = a.opaque,
        timeout = a.timeout,
    }
  end,
}
