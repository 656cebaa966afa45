--- Parameters that operations on SOPS files have in common.

local M = {}

local SHARED = {
  format = { type = "enum", one_of = { "yaml", "json", "dotenv", "ini", "binary" },
    doc = "Format of the file; else its ending says it" },
  identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
    doc = "Identities to decrypt with, before those that are found" },
  ignore_mac = { type = "bool", default = false, doc = "Decrypt although values were changed" },
  filename = { type = "string", metavar = "NAME", doc = "Name of the standard input, for format and rule" },
  out = { type = "path", doc = "Write to this file; else to the standard output" },
  in_place = { type = "bool", default = false, doc = "Write the file itself" },
  rules = { type = "path", metavar = "FILE", doc = "The .sops.yaml to use; else the one here or above" },
  recipient = { type = "list", of = { type = "string" }, short = "r", metavar = "KEY",
    doc = "Who may decrypt: age1..., ssh-..., a PGP fingerprint, a KMS ARN, a Vault key's URL" },
  unencrypted_suffix = { type = "string", doc = "Leave values below names that end so (_unencrypted)" },
  encrypted_suffix = { type = "string", doc = "Encrypt only values below names that end so" },
  unencrypted_regex = { type = "string", doc = "Leave values below names that match" },
  encrypted_regex = { type = "string", doc = "Encrypt only values below names that match" },
  unencrypted_comment_regex = { type = "string", doc = "Leave values below comments that match" },
  encrypted_comment_regex = { type = "string", doc = "Encrypt only values below comments that match" },
  mac_only_encrypted = { type = "bool", default = false, doc = "Let anybody change values that are not encrypted" },
}

--- What a file is encrypted by that has no metadata yet.
M.RULE = {
  "rules", "recipient", "unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex",
  "unencrypted_comment_regex", "encrypted_comment_regex", "mac_only_encrypted",
}

--- The parameters of an operation: its own, and shared ones by name.
---@param own table
---@param ... string|string[] names
---@return table
function M.with(own, ...)
  for _, part in ipairs({ ... }) do
    for _, name in ipairs(type(part) == "table" and part or { part }) do
      own[name] = assert(SHARED[name])
    end
  end
  return own
end

return M
