return {
  kind = "operation",
  name = "secret edit",
  summary = "Edit a SOPS file in $VISUAL or $EDITOR",
  description = [[
The plain text stands in a file of mode 0600 in memory (tmpfs) when there is some, and is removed however the command
ends. Values that were not changed stay as they were, byte for byte. A file that is not there yet is made by the rules
in .sops.yaml, or for --recipient.]],
  terminal = true,
  params = {
    file = { type = "path", required = true, positional = 1, doc = "The file" },
    format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
      doc = "Format of the file; else its ending says it" },
    identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
      doc = "Identities to decrypt with, before those that are found" },
    rules = { type = "path", metavar = "FILE", doc = "The .sops.yaml to use; else the one here or above" },
    recipient = { type = "list", of = { type = "string" }, short = "r", metavar = "KEY",
      doc = "Who may decrypt: age1... or a key of SSH; else .sops.yaml says it" },
    unencrypted_suffix = { type = "string",
      doc = "Leave values below names that end so (_unencrypted)" },
    encrypted_suffix = { type = "string", doc = "Encrypt only values below names that end so" },
    unencrypted_regex = { type = "string", doc = "Leave values below names that match" },
    encrypted_regex = { type = "string", doc = "Encrypt only values below names that match" },
    unencrypted_comment_regex = { type = "string", doc = "Leave values below comments that match" },
    encrypted_comment_regex = { type = "string", doc = "Encrypt only values below comments that match" },
    mac_only_encrypted = { type = "bool", default = false,
      doc = "Let anybody change values that are not encrypted" },
  },
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
