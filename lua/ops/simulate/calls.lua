return {
  kind = "operation",
  name = "simulate calls",
  summary = "Show the requests a simulator got",
  description = [[
The newest last. Headers are not kept; -o json shows the bodies of requests too, with what is secret in them
(user data, passwords). The log holds the newest 20,000.]],
  params = {
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
    cloud = { type = "string", doc = "Only to this cloud" },
    after = { type = "int", min = 0, doc = "Only those after this number" },
    limit = { type = "int", min = 1, default = 1000, doc = "At most so many, the newest" },
  },
  examples = { "prov simulate calls --limit 20", "prov simulate calls --after 120 -o json" },
  result = {
    columns = { "n", "cloud", "operation", "status", "fault", "ms", "method", "target" },
    empty = "no request yet",
    value = {
      type = "list",
      of = {
        type = "record",
        open = true,
        fields = {
          n = { type = "int", required = true, doc = "Its number" },
          at = { type = "int", required = true, doc = "When, in milliseconds since 1970" },
          cloud = { type = "string", required = true, doc = "To which cloud" },
          method = { type = "string", required = true, doc = "HTTP method" },
          target = { type = "string", required = true, doc = "Path and query" },
          operation = { type = "string", required = true, doc = "Its name in fault scripts" },
          status = { type = "int", doc = "Status of the answer, if there was one" },
          fault = { type = "string", doc = "What went wrong by the fault script" },
          ms = { type = "number", required = true, doc = "How long it took" },
          body = { type = "string", doc = "What was sent, at most 16 KiB of it" },
        },
      },
    },
  },
  run = function(_, p)
    local simulate = require("prov.simulate")
    return simulate.ask(p.dir or simulate.dir(), "calls", { cloud = p.cloud, after = p.after, limit = p.limit })
  end,
}
