return {
  kind = "operation",
  name = "secret updatekeys",
  summary = "Give a SOPS file the recipients that .sops.yaml names",
  description = [[
The data key stays. After somebody was taken from the list, 'prov secret rotate' makes a new one.]],
  terminal = true,
  params = {
    file = { type = "path", required = true, positional = 1, doc = "The encrypted file" },
    format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
      doc = "Format of the file; else its ending says it" },
    identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
      doc = "Identities to decrypt with, before those that are found" },
    rules = { type = "path", metavar = "FILE", doc = "The .sops.yaml to use; else the one here or above" },
  },
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
