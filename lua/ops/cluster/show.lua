return {
  kind = "operation",
  name = "cluster show",
  shortcuts = { "cs" },
  summary = "Show the fields of a cluster template",
  params = {
    name = { type = "string", required = true, positional = 1, complete = "cluster", doc = "Its name" },
  },
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/clusters/{name}" },
  result = { schema = "extension" },
  view = "extension",
  run = function(ctx, p)
    return require("prov.extensions").show(ctx.registry, "cluster", p.name)
  end,
}
