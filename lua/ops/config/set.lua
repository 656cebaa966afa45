return {
  kind = "operation",
  name = "config set",
  summary = "Set a setting in a file of the workspace, of an environment or of the user",
  description = [[
The file keeps its comments, its order and its style. `prov config set parallelism 20` changes the workspace
(`config/prov.yaml`, or `prov.yaml` when that has settings); with --env of prod its
`config/prod-defaults.yaml` (or `.toml`, when that is there); with --user `~/.config/prov/config.yaml`. Lists
and maps are written as in YAML: '[a, b]'. The workspace is stronger than an environment, and that than the user:
a value that stays hidden behind a stronger one is a warning.]],
  params = {
    key = { type = "string", required = true, positional = 1, complete = "config", doc = "The setting" },
    value = { type = "string", required = true, positional = 2, doc = "Its value" },
    user = { type = "bool", doc = "For this user, in every workspace" },
  },
  permission = { action = "update", resource = "Config" },
  http = { method = "PUT", path = "/v1/config/{key}" },
  again = true,
  result = {
    columns = { "key", "value", "file" },
    schema = {
      key = { type = "string", required = true, doc = "The setting" },
      value = { type = "any", doc = "Its value" },
      file = { type = "string", required = true, doc = "The file that was changed" },
    },
  },
  run = function(ctx, p)
    return require("prov.config.ops").set(ctx, p)
  end,
}
