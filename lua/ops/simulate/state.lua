return {
  kind = "operation",
  name = "simulate state",
  summary = "Show what is in the world of a simulator",
  description = [[
What was made through the API, also while no simulator runs. What a cloud has of its own (plans, zones,
images) is shown when its kind is named. -o json shows all fields.]],
  params = {
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
    cloud = { type = "string", doc = "Only of this cloud" },
    kind = { type = "string", positional = 1, doc = "Only of this kind, such as server" },
  },
  examples = { "prov simulate state", "prov simulate state server -o json" },
  result = {
    columns = { "cloud", "kind", "id", "name", "state" },
    empty = "the world is empty",
    value = {
      type = "list",
      of = {
        type = "record",
        open = true,
        fields = {
          cloud = { type = "string", required = true, doc = "Whose" },
          kind = { type = "string", required = true, doc = "What it is" },
          id = { type = "any", required = true, doc = "Its identity there" },
          name = { type = "string", doc = "Its name" },
          state = { type = "string", doc = "Its state in the words of the cloud" },
        },
      },
    },
  },
  run = function(_, p)
    local simulate = require("prov.simulate")
    return simulate.ask(p.dir or simulate.dir(), "state", { cloud = p.cloud, kind = p.kind })
  end,
}
