return {
  kind = "operation",
  name = "serve",
  summary = "Run the orchestrator: a durable queue of operations behind a REST API",
  description = [[
Takes jobs (any operation of any workspace), keeps them on disk, and runs them in worker processes; what
was running when it is killed goes on with the next start. SIGTERM ends it in order: running jobs have
--drain seconds, waiting ones wait for the next start. It listens on the loopback only; clients show the
token in DATA/token, which `prov --remote` reads by itself.]],
  params = {
    services = {
      type = "list",
      of = { type = "enum", one_of = { "orchestrator" } },
      positional = 1,
      doc = "What to serve; all by default",
    },
    listen = { type = "string", default = "127.0.0.1:9090", metavar = "host:port", doc = "Where to listen" },
    socket = { type = "path", doc = "Listen on this Unix socket instead; systemd may hand one over too" },
    data = { type = "path", doc = "Its folder (default: orchestrator/ in the user's state folder)" },
    workers = { type = "int", min = 1, max = 256, doc = "Worker processes (default: one per processor)" },
    concurrency = { type = "int", min = 1, max = 100000, default = 1000, doc = "Jobs running at once" },
    memory = { type = "size", default = "1GiB", doc = "Memory a worker may have; one that has more is killed" },
    silence = { type = "duration", default = "30s", doc = "A worker that answers nothing for so long is killed" },
    keep = { type = "duration", default = "7d", doc = "How long ended jobs are remembered" },
    drain = { type = "duration", default = "60s", doc = "What running jobs have on SIGTERM" },
    cert = { type = "path", doc = "Certificate chain (PEM): speak TLS" },
    key = { type = "path", doc = "Its private key (PEM)" },
  },
  examples = { "prov serve orchestrator", "prov serve --listen 127.0.0.1:9191 --workers 4" },
  result = {},
  view = "silent",
  run = function(ctx, p)
    return ctx:face("rest", p)
  end,
}
