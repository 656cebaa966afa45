local params = require("prov.sops.params")

return {
  kind = "operation",
  name = "secret rotate",
  summary = "Give a SOPS file a new data key",
  description = [[
Every value is encrypted anew, so who is a recipient no longer cannot read what the file holds from now on. What they
have read they have: change the secrets themselves.]],
  terminal = true,
  params = params.with({
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    add_recipient = { type = "list", of = { type = "string" }, doc = "One more who may decrypt" },
    remove_recipient = { type = "list", of = { type = "string" }, doc = "One who may not any more" },
  }, "format", "identity"),
  examples = {
    "prov secret rotate secrets.yaml",
    "prov secret rotate secrets.yaml --remove-recipient age1...",
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
    return require("prov.sops.command").rotate(p)
  end,
}
