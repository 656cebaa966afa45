return {
  kind = "operation",
  name = "config diff",
  summary = "Show where the settings differ from the defaults, or from those of another environment",
  description = [[
`prov config diff` shows what somebody has set. `prov config diff staging` compares with the environment staging,
`prov --env prod config diff staging` prod with staging.]],
  params = {
    against = { type = "string", positional = 1, doc = "An environment; the defaults when none is named" },
  },
  permission = { action = "read", resource = "Config" },
  http = { method = "GET", path = "/v1/config-diff" },
  result = {
    columns = { "key", "from", "to" },
    schema = {
      key = { type = "string", required = true, doc = "The setting" },
      from = { type = "any", doc = "There" },
      to = { type = "any", doc = "Here" },
    },
    list = true,
    empty = "no differences",
  },
  run = function(ctx, p)
    return require("prov.config.ops").diff(ctx, p)
  end,
}
