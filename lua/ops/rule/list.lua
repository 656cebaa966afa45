return {
  kind = "operation",
  name = "rule list",
  summary = "List the rules of prov validate, and how severe each is in this workspace",
  params = {
    category = { type = "string", doc = "Only those of a category: network, ports, secrets, ..." },
  },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/rules" },
  result = {
    columns = { "id", "severity", "category", "summary" },
    wide = { "from" },
    schema = {
      id = { type = "string", required = true, doc = "Its id" },
      severity = {
        type = "enum",
        one_of = { "error", "warning", "note", "off" },
        required = true,
        doc = "As prov.yaml says, else its own",
      },
      category = { type = "string", required = true, doc = "Its group" },
      summary = { type = "string", required = true, doc = "What it finds" },
      from = { type = "string", required = true, doc = "prov, or the file it is in" },
    },
    list = true,
  },
  run = function(ctx, p)
    return require("prov.rules_show").list(ctx, p.category)
  end,
}
