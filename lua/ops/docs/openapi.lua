return {
  kind = "operation",
  name = "docs openapi",
  summary = "Write the description of the REST API (OpenAPI 3.1)",
  description = "What `GET /openapi.json` of prov serve gives, for tools that want a file.",
  params = {
    out = { type = "path", default = "docs/reference/openapi.json", doc = "The file to write" },
    check = { type = "bool", default = false, doc = "Write nothing; fail when the file is stale" },
  },
  result = { columns = { "file", "operations" } },
  run = function(ctx, p)
    return ctx:face("rest.openapi", p)
  end,
}
