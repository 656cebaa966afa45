return {
  kind = "operation",
  name = "provider show",
  shortcuts = { "ps" },
  summary = "Show what a provider can create and how it is configured",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "provider", doc = "Its name" },
  },
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/providers/{name}" },
  result = { schema = "extension" },
  view = "extension",
  run = function(ctx, p)
    return require("prov.extensions").show(ctx.registry, "provider", p.name)
  end,
}
