return {
  kind = "operation",
  name = "extension which",
  shortcuts = { "which" },
  summary = "Show which file an extension is loaded from",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "extension", doc = "NAME or KIND/NAME" },
  },
  permission = { action = "read", resource = "Extension" },
  result = { columns = { "path" } },
  run = function(ctx, p)
    local kind, name = require("prov.extensions").find(ctx.registry, p.name)
    if not kind then
      return nil, name
    end
    return ctx.registry:which(kind, name)
  end,
}
