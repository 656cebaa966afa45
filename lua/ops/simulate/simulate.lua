return {
  kind = "operation",
  name = "simulate",
  summary = "Simulate a cloud: its API on the loopback, with a world behind it",
  description = [[
Serves the API of a cloud, or of all, to any client that can be told another address: prov's own provider,
the cloud's command line tool, Terraform. Servers and what belongs to them behave as there (states, locks,
limits, delays); nothing runs behind them, or with --backend local real ones of this machine, as the provider
`local` makes them. The world is kept in --dir and goes on after a kill.

It ends with Ctrl-C or SIGTERM. See 'prov simulate state', 'calls', 'faults', 'clock' and 'reset'.]],
  params = {
    cloud = {
      type = "enum",
      one_of = { "hetzner", "upcloud", "aws", "all" },
      required = true,
      positional = 1,
      doc = "Which cloud",
    },
    port = {
      type = "int",
      min = 0,
      max = 65535,
      doc = "Port of the loopback, 0 for a free one; with `all`, the first of several (default: 9601 and on)",
    },
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
    faults = { type = "path", metavar = "file", doc = "Fault script (YAML or JSON): what goes wrong" },
    latency = { type = "duration", doc = "How long each request is on its way" },
    speed = { type = "number", min = 0.001, doc = "How much faster time passes in the world (default: as it did; 1)" },
    consistency = { type = "duration", doc = "How long reads do not see what was changed" },
    rate = { type = "int", min = 0, doc = "Requests an hour of an account, 0 for any (default: as the cloud has)" },
    quota = {
      type = "map",
      metavar = "cloud.kind=number",
      doc = "How many of a kind there may be, such as hetzner.server=5",
    },
    backend = {
      type = "enum",
      one_of = { "none", "local" },
      doc = "What runs behind servers: nothing, or real ones of this machine (default: as the world was made; none)",
    },
    forward = {
      type = "list",
      of = { type = "port" },
      doc = "TCP ports of real servers (default: as the world was made; 22 80 443 8080)",
    },
    token = { type = "string", doc = "The only token, password or secret key that is let in (default: any)" },
  },
  examples = {
    "prov simulate hetzner",
    "prov simulate hetzner --port 0 --dir /tmp/world --latency 20ms --speed 10",
    "prov simulate hetzner --backend local --forward 22 --forward 5432",
    "prov simulate hetzner --faults faults.yaml --quota hetzner.server=5",
  },
  result = {},
  view = "silent",
  run = function(ctx, p)
    return require("prov.simulate").run(ctx, p)
  end,
}
