return {
  kind = "operation",
  name = "cluster list",
  shortcuts = { "cl" },
  summary = "List the cluster templates there are",
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/clusters" },
  result = {
    columns = { "name", "summary" },
    wide = { "path" },
    empty = "no clusters; see prov help extension new",
    schema = "extension_row",
    list = true,
  },
  run = function(ctx)
    return require("prov.extensions").list(ctx.registry, "cluster")
  end,
}
