return {
  kind = "operation",
  name = "config show",
  summary = "Show every setting, its value and the layer that gives it",
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config" },
  result = { columns = { "key", "value", "layer" }, wide = { "source", "doc" } },
  run = function(ctx)
    local e = ctx.config:check_files()
    if e then
      ctx.ui.warn("%s", tostring(e))
    end
    return ctx.config:all()
  end,
}
