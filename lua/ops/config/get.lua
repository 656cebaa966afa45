return {
  kind = "operation",
  name = "config get",
  summary = "Show the value of one setting",
  params = {
    key = { type = "string", required = true, positional = 1, complete = "config", doc = "The setting" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config/{key}" },
  result = {
    value = { type = "any", doc = "The value" },
  },
  run = function(ctx, p)
    return ctx.config:get(p.key)
  end,
}
