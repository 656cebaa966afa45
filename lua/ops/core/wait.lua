local FOREVER = 1e12 -- seconds: a timer counts milliseconds in 64 bits

return {
  kind = "operation",
  name = "wait",
  summary = "Do nothing for a while",
  description = "For workflows and jobs, where something needs time to settle.",
  params = {
    duration = { type = "duration", required = true, positional = 1, doc = "How long, such as 30s" },
  },
  examples = { "prov wait 30s" },
  again = true,
  http = { method = "POST", path = "/v1/wait" },
  result = { columns = { "waited" }, schema = { waited = { type = "number", required = true, doc = "Seconds" } } },
  run = function(_, p)
    require("prov.async").sleep(math.floor(math.min(p.duration, FOREVER) * 1000))
    return { waited = p.duration }
  end,
}
