return {
  kind = "operation",
  name = "provider list",
  shortcuts = { "pl" },
  summary = "List the providers there are",
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/providers" },
  result = {
    columns = { "name", "summary" },
    wide = { "path" },
    empty = "no providers; see prov help extension new",
    schema = "extension_row",
    list = true,
  },
  run = function(ctx)
    return require("prov.extensions").list(ctx.registry, "provider")
  end,
}
