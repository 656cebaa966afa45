return {
  kind = "operation",
  name = "taskserv show",
  shortcuts = { "ts" },
  summary = "Show the fields of a task service, and what it needs",
  params = {
    name = {
      type = "string",
      required = true,
      positional = 1,
      complete = "taskserv",
      doc = "Its name",
    },
  },
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/taskservs/{name}" },
  result = { schema = "extension" },
  view = "extension",
  run = function(ctx, p)
    return require("prov.extensions").show(ctx.registry, "taskserv", p.name)
  end,
}
