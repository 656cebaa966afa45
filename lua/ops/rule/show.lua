return {
  kind = "operation",
  name = "rule show",
  summary = "Show what a rule finds and why, with an example of both",
  params = {
    id = { type = "string", required = true, positional = 1, complete = "rule", doc = "Its id" },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/rules/{id}" },
  result = {
    columns = { "id", "severity", "category", "summary" },
    schema = {
      id = { type = "string", required = true, doc = "Its id" },
      severity = { type = "enum", one_of = { "error", "warning", "note" }, required = true, doc = "Its own" },
      here = {
        type = "enum",
        one_of = { "error", "warning", "note", "off" },
        required = true,
        doc = "In this workspace",
      },
      category = { type = "string", required = true, doc = "Its group" },
      summary = { type = "string", required = true, doc = "What it finds" },
      doc = { type = "string", doc = "Why that is bad" },
      applies = { type = "list", of = { type = "string" }, required = true, doc = "Kinds and services it looks at" },
      options = { type = "list", of = { type = "map" }, required = true, doc = "What prov.yaml may set" },
      bad = { type = "string", doc = "An infra in which it finds something" },
      good = { type = "string", doc = "One in which it finds nothing" },
      from = { type = "string", required = true, doc = "prov, or the file it is in" },
    },
  },
  view = "rule",
  run = function(ctx, p)
    return require("prov.rules_show").show(ctx, p.id)
  end,
}
