--- Parameters and results that operations on the vault have in common.

local M = {}

local SHARED = {
  address = { type = "string", metavar = "URL", http = false,
    doc = "The server (VAULT_ADDR); without one the vault of the workspace is meant" },
  path = { type = "string", required = true, positional = 1, doc = "The path, with its mount: secret/data/db" },
  secret = { type = "string", required = true, positional = 1, doc = "The path, with its mount: secret/db" },
  fields = { type = "list", of = { type = "string" }, positional = 2, metavar = "NAME=VALUE",
    doc = "Fields; @FILE is what is in a file, - the standard input. A single -: all of them as JSON" },
  name = { type = "string", required = true, positional = 1, doc = "The name" },
  auth = { type = "bool", default = false, doc = "An auth method, not a secrets engine" },
  wrap = { type = "duration", doc = "Put the answer behind a token that works once, for so long" },
}
local NAMES = { secret = "path" }

--- The parameters of an operation: its own, and shared ones by name. All have the address.
---@param own table
---@param ... string names
---@return table
function M.with(own, ...)
  for _, name in ipairs({ "address", ... }) do
    own[NAMES[name] or name] = assert(SHARED[name])
  end
  return own
end

--- The result of an operation that lists what is mounted.
---@param more string what its last column says
---@return table
function M.mounted(more)
  return {
    columns = { "path", "type", "description", "more" },
    empty = "there is none",
    value = {
      type = "list",
      of = {
        type = "record",
        fields = {
          path = { type = "string", required = true, doc = "Where" },
          type = { type = "string", required = true, doc = "What" },
          description = { type = "string", doc = "What for" },
          more = { type = "string", doc = more },
        },
      },
    },
  }
end

return M
