--- Parameters that operations on age files have in common.

local M = {}

--- Who decrypts.
M.IDENTITIES = {
  identity = { type = "list", of = { type = "path" }, short = "i", metavar = "FILE",
    doc = "Identities to decrypt with: age's, or a private key of SSH" },
  passphrase = { type = "bool", default = false, short = "p", doc = "Decrypt with a passphrase" },
}

--- Who it is encrypted to.
M.RECIPIENTS = {
  recipient = { type = "list", of = { type = "string" }, short = "r",
    doc = "Who may decrypt: age1..., or a public key of SSH" },
  recipients_file = { type = "list", of = { type = "path" }, short = "R", metavar = "FILE",
    doc = "Files of recipients, one in a line" },
  to_identity = { type = "list", of = { type = "path" }, metavar = "FILE",
    doc = "Files of identities, whose public halves are recipients" },
  with_passphrase = { type = "bool", default = false, doc = "Encrypt with a passphrase, and to nobody else" },
}

--- From where to where.
M.FILES = {
  file = { type = "path", positional = 1, doc = "The file; the standard input when it is absent or -" },
  out = { type = "path", doc = "Write to this file, whole or not at all; else to the standard output" },
}

--- The parameters of an operation: its own, and groups of those above.
---@param own table
---@param ... table
---@return table
function M.with(own, ...)
  for _, group in ipairs({ ... }) do
    for name, spec in pairs(group) do
      own[name] = spec
    end
  end
  return own
end

return M
