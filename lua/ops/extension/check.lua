return {
  kind = "operation",
  name = "extension check",
  summary = "Load an extension with its bodies and say what is wrong with it",
  description = [[
NAME is a name, or KIND/NAME where two kinds share one; without a name all extensions are checked.]],
  params = {
    name = { type = "string", positional = 1, complete = "extension", doc = "NAME or KIND/NAME" },
  },
  permission = { action = "read", resource = "Extension" },
  result = { columns = { "kind", "name", "status", "problem" }, wide = { "path" } },
  run = function(ctx, p)
    local extensions = require("prov.extensions")
    if not p.name then
      return extensions.check_all(ctx.registry)
    end
    local kind, name = extensions.find(ctx.registry, p.name)
    if not kind then
      return nil, name
    end
    return extensions.check(ctx.registry, kind, name)
  end,
  exit_code = function(value)
    for _, row in ipairs(value) do
      if row.status == "failed" then
        return 1
      end
    end
    return 0
  end,
}
