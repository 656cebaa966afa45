local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret edit",
  summary = "Edit a SOPS file in $VISUAL or $EDITOR",
  description = [[
The plain text stands in a file of mode 0600 in memory (tmpfs) when there is some, and is removed however the command
ends. Values that were not changed stay as they were, byte for byte. A file that is not there yet is made by the rules
in .sops.yaml, or for --recipient.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The file" },
  }, "format", "identity", params.RULE),
  examples = {
    "prov secret edit secrets.yaml",
  },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      file = { type = "string", required = true, doc = "The file" },
      changed = { type = "bool", required = true, doc = "Whether it was written" },
    },
  },
  run = function(ctx, p)
    return require("prov.sops.command").edit(ctx, p)
  end,
}
