return {
  kind = "operation",
  name = "config explain",
  summary = "Show what each layer says about a setting, and which one wins",
  params = {
    key = { type = "string", required = true, positional = 1, complete = "config", doc = "The setting" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config/{key}/explain" },
  result = { columns = { "layer", "value", "wins", "source" }, wide = { "err" } },
  run = function(ctx, p)
    return ctx.config:explain(p.key)
  end,
}
