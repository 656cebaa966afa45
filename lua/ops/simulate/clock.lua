return {
  kind = "operation",
  name = "simulate clock",
  summary = "Show or move the time in the world of a simulator",
  description = [[
What takes time there (a server that starts, a limit of requests that refills) has happened after --advance.]],
  params = {
    advance = { type = "duration", doc = "Let so much time pass at once" },
    speed = { type = "number", min = 0.001, doc = "How much faster time passes from now on; 1 as outside" },
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
  },
  examples = { "prov simulate clock --advance 10m", "prov simulate clock --speed 60" },
  result = {
    columns = { "now", "speed" },
    value = {
      type = "record",
      fields = {
        now = { type = "int", required = true, doc = "Milliseconds since 1970 in the world" },
        speed = { type = "number", required = true, doc = "How fast its time passes" },
      },
    },
  },
  run = function(_, p)
    local simulate = require("prov.simulate")
    return simulate.ask(p.dir or simulate.dir(), "clock", { advance = p.advance, speed = p.speed })
  end,
}
