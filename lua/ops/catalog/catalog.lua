return {
  kind = "operation",
  name = "catalog",
  summary = "List what a provider offers: plans, zones, images, prices, quota",
  description = [[
What a provider tells itself is kept in the workspace for `catalog.keep`, so that `prov validate` and `prov cost`
need no network; --refresh asks anew. Prices are for a month, without tax.]],
  params = {
    what = {
      type = "enum",
      one_of = { "plans", "zones", "images", "prices", "quota" },
      default = "plans",
      positional = 1,
      doc = "Of what",
    },
    provider = {
      type = "string",
      positional = 2,
      complete = "provider",
      doc = "The provider; the default of the workspace when absent",
    },
    search = { type = "string", doc = "Only rows that have all of these words" },
    refresh = { type = "bool", default = false, doc = "Ask the provider, however new what is kept is" },
  },
  examples = { "prov catalog plans", "prov catalog images demo --search 'debian 12'" },
  permission = { action = "read", resource = "Workspace" },
  http = { method = "GET", path = "/v1/workspaces/{workspace}/catalog" },
  result = { columns = { "name" }, rows = "rows", name = "name", schema = "catalog" },
  view = "catalog",
  run = function(ctx, p)
    return require("prov.catalog").show(ctx, p)
  end,
}
