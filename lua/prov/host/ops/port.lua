--- op.port: a health check.

return {
  name = "port",
  summary = "Something listens on a TCP port",
  doc = "For health lists; waits until it is so, at most timeout seconds. The same as op.wait with port.",
  example = 'op.port { 80, service = "nginx" }',
  positional = { "port", "host" },
  schema = {
    port = { type = "int", min = 1, max = 65535, required = true, doc = "TCP port" },
    host = { type = "string", doc = "where; this host when not given" },
    service = { type = "unit", doc = "the service that must be the one that listens (where systemd is)" },
    timeout = { type = "number", min = 0, doc = "seconds until it counts as failed; else host.wait_timeout" },
  },
  becomes = function(a, op)
    return op.wait { port = a.port, host = a.host, service = a.service, timeout = a.timeout }
  end,
}
