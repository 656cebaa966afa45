return {
  kind = "operation",
  name = "simulate faults",
  summary = "Show or set what goes wrong in a simulator",
  description = [[
Without a file, the fault script with how often each fault fitted a request and happened. A new script takes
the place of the old one at once, also in a simulator that runs.]],
  params = {
    file = { type = "path", positional = 1, doc = "Fault script (YAML or JSON) to set" },
    clear = { type = "bool", default = false, doc = "Nothing goes wrong any more" },
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
  },
  examples = { "prov simulate faults", "prov simulate faults lost-answers.yaml", "prov simulate faults --clear" },
  result = {
    columns = { "fault", "cloud", "method", "path", "operation", "matched", "happened" },
    empty = "nothing goes wrong",
    value = {
      type = "list",
      of = {
        type = "record",
        open = true,
        fields = {
          fault = { type = "string", required = true, doc = "What goes wrong" },
          cloud = { type = "string", doc = "Only at this cloud" },
          method = { type = "string", doc = "Only requests with this method" },
          path = { type = "string", doc = "Only requests to this path" },
          operation = { type = "string", doc = "Only this operation" },
          matched = { type = "int", required = true, doc = "How many requests fitted" },
          happened = { type = "int", required = true, doc = "How often it happened" },
        },
      },
    },
  },
  run = function(_, p)
    local simulate = require("prov.simulate")
    local dir = p.dir or simulate.dir()
    if p.clear then
      return simulate.ask(dir, "set_faults", {})
    elseif not p.file then
      return simulate.ask(dir, "faults")
    end
    local script, e = require("prov.simulate.faults").read(p.file)
    if not script then
      return nil, e
    end
    return simulate.ask(dir, "set_faults", { script = script })
  end,
}
