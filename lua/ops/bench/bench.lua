return {
  kind = "operation",
  name = "bench",
  summary = "Measure prov on this machine",
  description = [[
Without a name, quick measurements inside the program: graph, encoding, contracts, store. In a
source tree the name of a folder of tests/bench runs that benchmark, with what stands behind it.]],
  params = {
    name = { type = "string", positional = 1, doc = "A benchmark of tests/bench" },
    arguments = { type = "list", of = { type = "string" }, positional = 2, raw = true, doc = "Passed on to it" },
    list = { type = "bool", default = false, doc = "List the benchmarks of the tree" },
  },
  result = { columns = { "what", "amount", "time", "rate" } },
  view = "bench",
  run = function(_, p)
    local bench = require("prov.bench")
    if p.list then
      return bench.list()
    elseif p.name then
      return bench.script(p.name, p.arguments or {})
    end
    return bench.quick()
  end,
}
