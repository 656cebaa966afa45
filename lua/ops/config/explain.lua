return {
  kind = "operation",
  name = "config explain",
  summary = "Show what each layer says about a setting, and which one wins",
  params = {
    key = { type = "string", required = true, positional = 1, complete = "config", doc = "The setting" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config/{key}/explain" },
  result = {
    columns = { "layer", "value", "wins", "source" },
    wide = { "err" },
    schema = {
      layer = { type = "string", required = true, doc = "flag, environment, workspace, user or default" },
      value = { type = "any", doc = "What it says; absent when it says nothing" },
      wins = { type = "bool", required = true, doc = "Its value is the one that counts" },
      source = { type = "string", doc = "File and line, variable or flag" },
      err = { type = "string", doc = "What is wrong with it" },
    },
    list = true,
  },
  run = function(ctx, p)
    return ctx.config:explain(p.key)
  end,
}
