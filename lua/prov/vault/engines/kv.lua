--- kv: secrets by path. Version 2 keeps the last versions of each, version 1 the last one alone.

local err = require("prov.err")

local M = {}

--- The engine for the options of a mount.
---@param options table version: "1" (as Vault has it, when absent) or "2"
---@return prov.vault.Engine?, prov.Err?
function M.variant(options)
  local version = tostring(options.version or "1")
  if version ~= "1" and version ~= "2" then
    return err.fail("usage", "kv has the versions 1 and 2, not '%s'", version)
  end
  return require("prov.vault.engines.kv" .. version)
end

return M
