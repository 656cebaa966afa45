return {
  kind = "operation",
  name = "schema export",
  summary = "Print the schema of infra files and others, so that editors help",
  description = [[
The JSON Schema (2020-12) of infra files, of prov.yaml, of workflows, or of the arguments of an extension,
made from the contracts that check them, with the extensions this workspace has. Name it in the first line of
a YAML file:

    # yaml-language-server: $schema=.prov/infra.schema.json

With `--format luacats` it prints types for infra files, recipes and templates in Lua.]],
  params = {
    what = {
      type = "enum",
      one_of = { "infra", "prov", "workflow", "provider", "taskserv", "cluster" },
      default = "infra",
      positional = 1,
      doc = "Of what; provider: an infra of that provider only",
    },
    name = { type = "string", positional = 2, complete = "extension", doc = "Of a provider, taskserv or cluster" },
    format = { type = "enum", one_of = { "json", "luacats" }, default = "json", doc = "JSON Schema, or types for Lua" },
    part = { type = "bool", doc = "For one of several infra files, so nothing is required; default: when there are" },
  },
  examples = {
    "prov schema export > .prov/infra.schema.json",
    "prov schema export taskserv postgres",
    "prov schema export --format luacats > infra.types.lua",
  },
  permission = { action = "read", resource = "Extension" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/schemas/{what}" },
  result = { value = { type = "any", doc = "The JSON Schema, or types as text" } },
  view = "text",
  run = function(ctx, p)
    local schema, e = require("prov.schemas").export(ctx, p)
    if not schema then
      return nil, e
    elseif type(schema) == "string" or ctx.output == "json" or ctx.output == "yaml" then
      return schema
    end
    return require("prov.json").encode(schema, { pretty = true })
  end,
}
