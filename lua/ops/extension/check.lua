return {
  kind = "operation",
  name = "extension check",
  summary = "Load an extension, try its functions with example arguments, and say what is wrong with it",
  description = [[
The functions of taskservs and clusters run with the defaults and examples of their schema (made-up
values where there is neither), and the ops they give are compiled, without a host. What these
arguments cannot show is told under "note": an `example` in the schema helps there.
NAME is a name, or KIND/NAME where two kinds share one; without a name all extensions are checked.]],
  params = {
    name = { type = "string", positional = 1, complete = "extension", doc = "NAME or KIND/NAME" },
  },
  permission = { action = "read", resource = "Extension" },
  result = { columns = { "kind", "name", "status", "problem", "note" }, wide = { "path" } },
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
