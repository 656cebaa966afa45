return {
  kind = "operation",
  name = "queue show",
  where = "orchestrator",
  summary = "Show how much waits and runs, by workspace",
  permission = { action = "read", resource = "Job" },
  http = { method = "GET", path = "/v1/queue" },
  result = {
    columns = { "lane", "waiting", "running" },
    rows = "lanes",
    schema = {
      waiting = { type = "int", required = true, doc = "Jobs that wait for their turn" },
      delayed = { type = "int", required = true, doc = "Jobs that wait for their time" },
      running = { type = "int", required = true, doc = "Jobs that run" },
      calls = { type = "int", required = true, doc = "Reading operations that run" },
      draining = { type = "bool", required = true, doc = "No job begins any more" },
      lanes = {
        type = "list",
        required = true,
        doc = "Jobs of one lane wait in one line",
        of = {
          type = "record",
          fields = {
            lane = { type = "string", required = true, doc = "Its name" },
            workspace = { type = "string", doc = "Folder of its workspace" },
            exclusive = { type = "bool", required = true, doc = "One of its jobs runs at a time" },
            waiting = { type = "int", required = true, doc = "Jobs that wait, as far as they are read" },
            more = { type = "any", doc = "More wait than are read" },
            running = { type = "int", required = true, doc = "Jobs that run" },
          },
        },
      },
    },
  },
  run = function(ctx)
    return require("prov.orchestrator.requests").queue(ctx)
  end,
}
