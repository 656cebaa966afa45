return {
  kind = "operation",
  name = "config show",
  summary = "Show every setting, its value and the layer that gives it",
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config" },
  exit_code = function(all)
    for _, row in ipairs(all) do
      if row.err then
        return 1
      end
    end
    return 0
  end,
  result = {
    columns = { "key", "value", "layer" },
    wide = { "source", "doc" },
    schema = {
      key = { type = "string", required = true, doc = "Name of the setting" },
      value = { type = "any", doc = "Its value" },
      layer = { type = "string", required = true, doc = "The layer that gives it" },
      source = { type = "string", doc = "File, variable or flag" },
      doc = { type = "string", doc = "What it is for" },
      err = { type = "string", doc = "What is wrong with it" },
    },
    list = true,
  },
  run = function(ctx)
    local e = ctx.config:check_files()
    if e then
      ctx.ui.warn("%s", tostring(e))
    end
    local all = ctx.config:all()
    for _, row in ipairs(all) do
      if row.err then
        ctx.ui.warn("%s from %s: %s", row.key, row.source, row.err)
      end
    end
    return all
  end,
}
