return {
  kind = "operation",
  name = "taskserv list",
  shortcuts = { "tl" },
  summary = "List the task services there are",
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/taskservs" },
  result = {
    columns = { "name", "category", "summary" },
    wide = { "path" },
    empty = "no taskservs; see prov help extension new",
    schema = "extension_row",
    list = true,
  },
  run = function(ctx)
    return require("prov.extensions").list(ctx.registry, "taskserv")
  end,
}
