return {
  kind = "operation",
  name = "serve",
  summary = "Run the orchestrator (a durable queue of operations behind REST) or the vault",
  description = [[
The orchestrator takes jobs (any operation of any workspace), keeps them on disk, and runs them in worker
processes; what was running when it is killed goes on with the next start. SIGTERM ends it in order: running jobs have
--drain seconds, waiting ones wait for the next start. It listens on the loopback only; clients show the
token in DATA/token, which `prov --remote` reads by itself.

The vault keeps secrets behind an API as HashiCorp Vault has it; see 'prov vault'. On SIGHUP it opens the files of its
audit anew.]],
  params = {
    services = {
      type = "list",
      of = { type = "enum", one_of = { "orchestrator", "vault" } },
      positional = 1,
      default = { "orchestrator" },
      doc = "What to serve",
    },
    listen = {
      type = "string",
      metavar = "host:port",
      doc = "Where to listen (default: the orchestrator at 127.0.0.1:9090, the vault at 127.0.0.1:8200)",
    },
    socket = { type = "path", doc = "Listen on this Unix socket instead; systemd may hand one over too" },
    data = { type = "path", doc = "Its folder (default: orchestrator/ or vault/ in the user's state folder)" },
    seal = {
      type = "string",
      metavar = "kms-uri",
      doc = "The vault: a KMS that opens it by itself, instead of people with shares of its key",
    },
    embedded = {
      type = "bool",
      default = false,
      doc = "The vault: serve that of the workspace, which its key opens",
    },
    workers = { type = "int", min = 1, max = 256, doc = "Worker processes (default: one per processor)" },
    concurrency = { type = "int", min = 1, max = 100000, default = 1000, doc = "Jobs running at once" },
    memory = { type = "size", default = "1GiB", doc = "Memory a worker may have; one that has more is killed" },
    silence = { type = "duration", default = "30s", doc = "A worker that answers nothing for so long is killed" },
    keep = { type = "duration", default = "7d", doc = "How long ended jobs are remembered" },
    drain = { type = "duration", default = "60s", doc = "What running jobs have on SIGTERM" },
    cert = { type = "path", doc = "Certificate chain (PEM): speak TLS" },
    key = { type = "path", doc = "Its private key (PEM)" },
  },
  examples = { "prov serve orchestrator", "prov serve --listen 127.0.0.1:9191 --workers 4", "prov serve vault" },
  result = {},
  view = "silent",
  run = function(ctx, p)
    return ctx:face("rest", p)
  end,
}
