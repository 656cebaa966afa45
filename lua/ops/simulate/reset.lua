return {
  kind = "operation",
  name = "simulate reset",
  summary = "Empty the world of a simulator",
  description = "The log of calls and the fault script stay.",
  params = {
    dir = { type = "path", doc = "Folder of the world (default: simulate/ in the user's state folder)" },
  },
  result = {},
  view = "silent",
  run = function(ctx, p)
    local simulate = require("prov.simulate")
    local dir = p.dir or simulate.dir()
    local ok, e = simulate.check_dir(dir)
    if not ok then
      return nil, e
    end
    ok, e = ctx.ui.confirm(("Delete everything in the simulated world in %s?"):format(dir))
    if not ok then
      return nil, e
    end
    return simulate.ask(dir, "reset")
  end,
}
