return {
  kind = "operation",
  name = "worker",
  hidden = true,
  summary = "Run operations for an orchestrator, which starts this itself",
  params = {
    data = { type = "path", required = true, doc = "The orchestrator's data folder" },
  },
  result = {},
  view = "silent",
  run = function(ctx, p)
    ctx.cancel.idle = true -- signals are the orchestrator's affair
    return require("prov.orchestrator.worker").serve(p.data)
  end,
}
