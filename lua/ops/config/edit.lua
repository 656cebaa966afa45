return {
  kind = "operation",
  name = "config edit",
  summary = "Edit a file of settings in $VISUAL or $EDITOR, and check it before it counts",
  params = {
    user = { type = "bool", doc = "The settings of this user" },
  },
  permission = { action = "update", resource = "Config" },
  terminal = true,
  result = { file = { type = "string", doc = "The file that was changed" } },
  run = function(ctx, p)
    return require("prov.config.ops").edit(ctx, p)
  end,
}
