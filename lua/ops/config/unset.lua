return {
  kind = "operation",
  name = "config unset",
  summary = "Take a setting out of a file, so that the layers below count again",
  params = {
    key = { type = "string", required = true, positional = 1, complete = "config", doc = "The setting" },
    user = { type = "bool", doc = "From the settings of this user" },
  },
  permission = { action = "update", resource = "Config" },
  http = { method = "DELETE", path = "/v1/config/{key}" },
  again = true,
  result = {
    columns = { "key", "value", "layer" },
    schema = {
      key = { type = "string", required = true, doc = "The setting" },
      value = { type = "any", doc = "The value that counts now" },
      layer = { type = "string", doc = "The layer that gives it" },
    },
  },
  run = function(ctx, p)
    return require("prov.config.ops").unset(ctx, p)
  end,
}
