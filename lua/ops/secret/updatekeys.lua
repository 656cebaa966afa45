local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret updatekeys",
  summary = "Give a SOPS file the recipients that .sops.yaml names",
  description = [[
The data key stays. After somebody was taken from the list, 'prov secret rotate' makes a new one.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
  }, "format", "identity", "rules"),
  examples = {
    "prov secret updatekeys secrets.yaml",
  },
  permission = { action = "update", resource = "Secret" },
  result = {
    schema = {
      file = { type = "string", required = true, doc = "The file" },
      added = { type = "list", of = { type = "string" }, required = true, doc = "Who can decrypt it now" },
      removed = { type = "list", of = { type = "string" }, required = true, doc = "Who cannot any more" },
    },
  },
  run = function(_, p)
    return require("prov.sops.command").updatekeys(p)
  end,
}
