return {
  kind = "operation",
  name = "state query",
  summary = "Find things by paths over the graph of the state",
  description = [[
"server:web-* ->running_on<- taskserv:*" gives the services of those servers; "server[status=running] | count"
counts. -> follows an edge forwards, <- backwards; types are running_on connected mounted depends_on.]],
  params = {
    query = { type = "string", min = 1, required = true, positional = 1, doc = "The path" },
    revision = { type = "int", min = 0, doc = "The state as it was at this revision" },
    explain = { type = "bool", default = false, doc = "Show what each step does and finds" },
  },
  permission = { action = "read", resource = "State" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/state/query" },
  result = {
    columns = { "address", "kind", "provider", "id" },
    empty = "nothing matches",
    value = {
      type = "union",
      of = {
        {
          type = "list",
          of = { type = "union", of = { { type = "record", fields = require("prov.shapes").record }, "string" } },
        },
        { type = "int" },
      },
      doc = "What was found; lines with explain; how many with | count",
    },
  },
  run = function(ctx, p)
    return require("prov.states").query(ctx, p)
  end,
}
